/* SPDX-License-Identifier: ISC */
#include "offers/cert_intake.h"

#include <string.h>

#include <openssl/evp.h>

#include "cert/cert_load.h"
#include "report/writer_report.h"
#include "system/log.h"

static void tell_info(const struct roster_entry *entry, uint32_t cert_no, const char *detail)
{
    struct msg msg;
    struct msg_cert_info *info = &msg.cert_info;

    memset(&msg, 0, sizeof msg);
    msg.type = MSG_CERT_INFO;
    info->cert_no = cert_no;
    info->state = (uint8_t)entry->told.state;
    info->reason = (uint16_t)entry->told.reason;
    info->is_must_staple = entry->cert.is_must_staple;
    info->not_after = entry->cert.not_after;
    memcpy(info->sha256, entry->cert.sha256, sizeof info->sha256);
    info->serial = entry->cert.serial;
    info->serial_len = entry->cert.serial_len;
    memcpy(info->detail, detail, strlen(detail) + 1);
    report_message(&msg);
}

/*
 * Is what the store holds still what the CA signed?  One that is merely past its end, or ahead of a clock that was put
 * back, stays: it is not served, but keeps anything older from taking its place.
 */
static bool is_still_verified(const struct store_record *record, const struct ocsp_verdict *verdict)
{
    switch (verdict->reason) {
    case REASON_NONE:
        return accept_state_of(verdict->status) == record->state;
    case REASON_SHORT_TTL:
        return record->state == CERT_STATE_GOOD;
    case REASON_EXPIRED:
    case REASON_SIGNER_EXPIRED:
    case REASON_NOT_YET_VALID:
        return true;
    default:
        return false;
    }
}

static bool hold(struct held *held, const struct store_record *record, const struct ocsp_verdict *verdict)
{
    bool has_times = verdict->reason == REASON_NONE || verdict->reason == REASON_SHORT_TTL;

    if (EVP_Digest(record->der, record->der_len, held->der_sha256, NULL, EVP_sha256(), NULL) != 1)
        return false;
    held->this_update = record->this_update;
    held->next_update = record->next_update;
    held->produced_at = record->produced_at;
    /* Today's certificate and safety_margin count, not those of the day it was stored. */
    held->effective_end = has_times ? verdict->effective_end : record->effective_end;
    held->expiry = has_times ? verdict->expiry : record->expiry;
    held->fetched_at = record->fetched_at;
    held->state = record->state;
    return true;
}

static void drop_record(
    struct store_access *access, const struct holding *holding, uint32_t cert_no, const char *why, int64_t now)
{
    report_event(EVENT_STORE_RECORD_DROPPED, cert_no, REASON_STORE_CORRUPT, "%s; it is fetched anew", why);
    if (store_begin(access->store) != STORE_OK || store_remove(access->store, holding->id) > STORE_NOT_FOUND
        || store_commit(access->store) != STORE_OK)
        store_access_write_failed(access, now); /* it is not used in any case */
}

static void look_in_store(struct store_access *access, struct roster_entry *entry, uint32_t cert_no, int64_t now)
{
    struct holding *holding = entry->holding;
    struct store_record record;
    struct ocsp_verdict verdict;
    enum store_result result;

    if (entry->told.state != CERT_STATE_MISSING || holding->held.state != CERT_STATE_MISSING
        || !store_access_can_read(access, now))
        return;
    result = store_get(access->store, holding->id, &record);
    if (result == STORE_NOT_FOUND)
        return;
    if (result == STORE_BAD_RECORD) {
        drop_record(access, holding, cert_no, store_detail(access->store), now);
        return;
    }
    if (result != STORE_OK) {
        store_access_read_failed(access, now);
        return;
    }
    ocsp_verify(record.der, record.der_len, &entry->cert, &entry->told.policy,
        report_clock_is_right(now) ? now : record.fetched_at, &verdict);
    if (!is_still_verified(&record, &verdict) || !hold(&holding->held, &record, &verdict))
        drop_record(access, holding, cert_no, verdict.detail[0] != '\0' ? verdict.detail : reason_sentence(verdict.reason), now);
}

bool told_cert(struct offers *offers, struct store_access *access, const struct msg_cert_add *add, int fd, int64_t now)
{
    char detail[DETAIL_MAX + 1] = "";
    struct roster_entry *entry;

    if (add->cert_no < roster_count(offers->roster)) {
        log_error("certificate number %u came out of turn", add->cert_no);
        return false;
    }
    entry = roster_add(offers->roster, add->cert_no);
    if (entry == NULL) {
        log_error("no room for certificate number %u", add->cert_no);
        return false;
    }
    entry->told.policy.safety_margin_sec = add->safety_margin_sec;
    entry->told.policy.min_ttl_sec = add->min_ttl_sec;
    entry->told.policy.is_sha1_allowed = (add->flags & MSG_FLAG_ALLOW_SHA1) != 0;
    entry->told.unknown_grace_sec = add->unknown_grace_sec;
    if (!gone_name_id(add->name, entry->told.name_id)) {
        log_error("no digest for the name of certificate number %u", add->cert_no);
        return false;
    }
    entry->told.state = cert_load(fd, add, now, roster_issuers(offers->roster), &entry->cert, &entry->told.reason, detail);
    tell_info(entry, add->cert_no, detail);
    if (!roster_settle(offers->roster, entry)) {
        log_error("no memory for certificate number %u", add->cert_no);
        return false;
    }
    look_in_store(access, entry, add->cert_no, now);
    answers_add(&offers->answers, offers->roster, add->cert_no, ANSWER_HELD, entry->told.reason);
    return true;
}

static bool forget(struct store *store, const struct holding *holding)
{
    return store_begin(store) == STORE_OK && store_remove(store, holding->id) <= STORE_NOT_FOUND
        && store_commit(store) == STORE_OK;
}

void told_resume(struct offers *offers, struct store_access *access, uint32_t cert_no, int64_t now)
{
    struct roster_entry *entry = roster_at(offers->roster, cert_no);
    struct held *held = entry == NULL || entry->holding == NULL ? NULL : &entry->holding->held;

    if (entry == NULL || entry->is_dropped)
        return;
    if (held != NULL && (held->state == CERT_STATE_REVOKED || held->state == CERT_STATE_UNKNOWN)) {
        if (store_access_can_write(access, now) && forget(access->store, entry->holding)) {
            report_event(EVENT_CERT_RESUMED, cert_no, held->state == CERT_STATE_REVOKED ? REASON_REVOKED : REASON_UNKNOWN,
                "resumed by an administrator; its responder is queried now");
            *held = (struct held){.state = CERT_STATE_MISSING};
            offers->changes.is_any = true;
        } else {
            store_access_write_failed(access, now);
        }
    }
    answers_add(&offers->answers, offers->roster, cert_no, ANSWER_HELD, entry->told.reason);
}
