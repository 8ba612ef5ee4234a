/* SPDX-License-Identifier: ISC */
/*
 * Owns: the decision on an offered response, once it is verified: does it take the place of what is held?
 * Runs in: writer.
 * Never: verifies, stores, asks a clock; replaces what is held by anything worse.
 */
#ifndef STAPLEGUARD_OFFER_DECISION_H
#define STAPLEGUARD_OFFER_DECISION_H

#include <stdbool.h>
#include <stdint.h>

#include "ocsp/ocsp_verify.h"
#include "proto/msg.h"
#include "words/reason.h"

/* What is known of the response that the store holds for a certificate. */
struct held {
    enum cert_state state; /* GOOD, REVOKED, UNKNOWN; MISSING: nothing is held */
    int64_t this_update;   /* seconds since 1970, as all times */
    int64_t next_update;
    int64_t produced_at;
    int64_t effective_end;
    int64_t expiry;
    int64_t fetched_at;
    uint8_t der_sha256[32];
};

enum accept_action {
    ACCEPT_REFUSE, /* nothing changes; reason says why */
    ACCEPT_SAME,   /* the very response that is held: only fetched_at and expiry move */
    ACCEPT_STORE,  /* takes the place of what is held */
};

struct accept_decision {
    enum accept_action action;
    enum reason reason;
    enum cert_state state; /* what is held afterwards */
    bool is_withdrawn_now; /* a verified revoked or unknown is new */
};

/* GOOD, REVOKED, UNKNOWN; MISSING for a rejected response. */
enum cert_state accept_state_of(enum ocsp_status status);

/* What the decision needs to know of the certificate. */
struct accept_cert {
    int64_t not_before;
    int64_t unknown_grace_sec;
};

/*
 * verdict: of the offered response at `now`.  der_sha256: its digest.  The checks, in this order; the first that applies
 * decides:
 *   the verdict's own reason; the same octets as held; good after a verified revoked; older than held (thisUpdate, then
 *   producedAt, then nextUpdate; but a revoked with the thisUpdate of a good one counts as newer); unknown after a
 *   verified revoked; unknown of a certificate younger than unknown_grace_sec (CAs publish late: PARITY P6).
 */
void accept_decide(const struct ocsp_verdict *verdict, const uint8_t der_sha256[32], const struct held *held,
    const struct accept_cert *cert, int64_t now, struct accept_decision *decision);

#endif
