/* SPDX-License-Identifier: ISC */
#include "offers/offer_decision.h"

#include <string.h>

static bool is_withdrawn(enum cert_state state)
{
    return state == CERT_STATE_REVOKED || state == CERT_STATE_UNKNOWN;
}

/* Two responses of the same thisUpdate: whichever was made, or ends, earlier is the older one. */
static bool is_older(const struct ocsp_verdict *verdict, const struct held *held)
{
    if (verdict->this_update != held->this_update)
        return verdict->this_update < held->this_update;
    if (verdict->status == OCSP_STATUS_REVOKED && held->state != CERT_STATE_REVOKED)
        return false;
    return verdict->produced_at < held->produced_at || verdict->next_update < held->next_update;
}

static bool is_young(const struct accept_cert *cert, int64_t now)
{
    return now - cert->not_before < cert->unknown_grace_sec; /* also before it begins */
}

enum cert_state accept_state_of(enum ocsp_status status)
{
    switch (status) {
    case OCSP_STATUS_GOOD:
        return CERT_STATE_GOOD;
    case OCSP_STATUS_REVOKED:
        return CERT_STATE_REVOKED;
    case OCSP_STATUS_UNKNOWN:
        return CERT_STATE_UNKNOWN;
    case OCSP_STATUS_NONE:
        break;
    }
    return CERT_STATE_MISSING;
}

/* Why what is held stays, or REASON_NONE. */
static enum reason objection(
    const struct ocsp_verdict *verdict, const struct held *held, const struct accept_cert *cert, int64_t now)
{
    if (verdict->status == OCSP_STATUS_GOOD && held->state == CERT_STATE_REVOKED)
        return REASON_GOOD_AFTER_REVOKED;
    if (held->state != CERT_STATE_MISSING && is_older(verdict, held))
        return REASON_ROLLBACK;
    if (verdict->status == OCSP_STATUS_UNKNOWN && (held->state == CERT_STATE_REVOKED || is_young(cert, now)))
        return REASON_UNKNOWN;
    return REASON_NONE;
}

void accept_decide(const struct ocsp_verdict *verdict, const uint8_t der_sha256[32], const struct held *held,
    const struct accept_cert *cert, int64_t now, struct accept_decision *decision)
{
    *decision = (struct accept_decision){.action = ACCEPT_REFUSE, .state = held->state, .reason = verdict->reason};
    if (verdict->status == OCSP_STATUS_NONE)
        return;
    if (held->state == accept_state_of(verdict->status) && memcmp(der_sha256, held->der_sha256, sizeof held->der_sha256) == 0) {
        decision->action = ACCEPT_SAME;
        return;
    }
    decision->reason = objection(verdict, held, cert, now);
    if (decision->reason != REASON_NONE)
        return;
    decision->action = ACCEPT_STORE;
    decision->state = accept_state_of(verdict->status);
    decision->is_withdrawn_now = is_withdrawn(decision->state) && decision->state != held->state;
}
