/* SPDX-License-Identifier: ISC */
#include "offers/offer_intake.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "cert/asn1_value.h"
#include "report/writer_report.h"
#include "text/text.h"

/* OFFERS_PER_PASS_MAX counts for so long. */
#define OFFERS_PERIOD_SEC 3600

/* A staple that ends within this time is as good as none. */
#define URGENT_BEFORE_SEC 600

void intake_begin(struct intake *intake, struct offers *offers, struct store_access *access, int64_t now)
{
    intake->offers = offers;
    intake->access = access;
    intake->now = now;
    intake->has_transaction = false;
    intake->has_failed = false;
    intake->has_write_failed = false;
    intake->count = 0;
}

bool intake_is_full(const struct intake *intake)
{
    return intake->count == INTAKE_BATCH_MAX;
}

/* Count one more offer.  A schedule that asks once a minute never comes near the bound. */
static uint32_t count_offer(struct offer_count *counted, int64_t now)
{
    if (counted->since > now || now - counted->since >= OFFERS_PERIOD_SEC)
        *counted = (struct offer_count){.since = now};
    return ++counted->count;
}

/* What speaks against looking at the offer at all.  Verifying costs time: it comes after this. */
static enum reason turn_away(struct intake *intake, struct roster_entry *entry, struct intake_item *item)
{
    if (entry == NULL) {
        item->is_told = count_offer(&intake->offers->strange, intake->now) <= OFFERS_PER_PASS_MAX;
        snprintf(item->detail, sizeof item->detail, "an offer for number %u, which nobody told of", item->cert_no);
        return REASON_UNKNOWN_CERT;
    }
    if (item->source == INTAKE_FETCHER && count_offer(&entry->offers.counted, intake->now) > OFFERS_PER_PASS_MAX) {
        item->is_told = entry->offers.counted.count == OFFERS_PER_PASS_MAX + 1;
        snprintf(item->detail, sizeof item->detail, "more than %u offers within an hour; no further one is looked at",
            OFFERS_PER_PASS_MAX);
        return REASON_FLOOD;
    }
    if (entry->told.state != CERT_STATE_MISSING) {
        snprintf(item->detail, sizeof item->detail, "an offer for a certificate that is %s", cert_state_word(entry->told.state));
        return REASON_UNKNOWN_CERT;
    }
    return report_clock_is_right(intake->now) ? REASON_NONE : REASON_CLOCK_WRONG;
}

static void explain_rollback(const struct ocsp_verdict *verdict, const struct held *held, char *detail)
{
    char offered_text[ASN1_TIME_TEXT_SIZE];
    char held_text[ASN1_TIME_TEXT_SIZE];

    asn1_time_text(verdict->this_update, offered_text);
    asn1_time_text(held->this_update, held_text);
    text_clean_format(detail, DETAIL_MAX + 1, "thisUpdate is %s; that of the response held is %s", offered_text, held_text);
}

/* The sentence of an event: the verdict's own, unless the decision was made for another reason. */
static void explain(const struct ocsp_verdict *verdict, const struct held *held, enum reason reason, char *detail)
{
    if (reason == REASON_ROLLBACK)
        explain_rollback(verdict, held, detail);
    else if (reason == REASON_UNKNOWN && held->state != CERT_STATE_REVOKED)
        text_clean_format(detail, DETAIL_MAX + 1,
            "%.300s; the certificate is younger than unknown_grace, so it is asked for again", verdict->detail);
    else
        snprintf(detail, DETAIL_MAX + 1, "%s", verdict->detail);
}

static bool begin_transaction(struct intake *intake)
{
    struct store_access *access = intake->access;

    if (intake->has_transaction || intake->has_failed)
        return !intake->has_failed;
    if (!store_access_can_write(access, intake->now)) {
        intake->has_failed = true;
        return false;
    }
    intake->has_transaction = store_begin(access->store) == STORE_OK;
    intake->has_failed = intake->has_write_failed = !intake->has_transaction;
    return intake->has_transaction;
}

static void put(struct intake *intake, const struct roster_entry *entry, const uint8_t *der, size_t der_len)
{
    const struct holding *holding = entry->holding;
    const struct held *held = &holding->held;
    struct store_record record = {
        .state = held->state,
        .this_update = held->this_update,
        .next_update = held->next_update,
        .produced_at = held->produced_at,
        .effective_end = held->effective_end,
        .expiry = held->expiry,
        .fetched_at = held->fetched_at,
        .der = der,
        .der_len = der_len,
    };

    memcpy(record.apache_key, holding->apache_key, sizeof record.apache_key);
    memcpy(record.name_id, entry->told.name_id, sizeof record.name_id);
    if (begin_transaction(intake) && store_put(intake->access->store, holding->id, &record) != STORE_OK)
        intake->has_failed = intake->has_write_failed = true;
}

/*
 * Make what was decided what is held; intake_end takes it back if the commit fails.  Nobody knows when Apache fetched
 * what was found in its file: not before it was made, so it is due as early as it may be.
 */
static void hold(const struct intake *intake, enum intake_source source, struct roster_entry *entry,
    const struct ocsp_verdict *verdict, const struct accept_decision *decision, const uint8_t der_sha256[32])
{
    struct held *held = &entry->holding->held;

    held->state = decision->state;
    held->this_update = verdict->this_update;
    held->next_update = verdict->next_update;
    held->produced_at = verdict->produced_at;
    held->effective_end = verdict->effective_end;
    held->expiry = verdict->expiry;
    held->fetched_at = source == INTAKE_FETCHER ? intake->now : verdict->this_update;
    memcpy(held->der_sha256, der_sha256, sizeof held->der_sha256);
}

static void judge(struct intake *intake, struct roster_entry *entry, const uint8_t *der, size_t der_len, struct intake_item *item)
{
    const struct accept_cert cert = {.not_before = entry->cert.not_before, .unknown_grace_sec = entry->told.unknown_grace_sec};
    struct accept_decision decision;
    struct ocsp_verdict verdict;
    uint8_t der_sha256[32];

    ocsp_verify(der, der_len, &entry->cert, &entry->told.policy, intake->now, &verdict);
    if (EVP_Digest(der, der_len, der_sha256, NULL, EVP_sha256(), NULL) != 1) {
        item->reason = REASON_INTERNAL;
        return;
    }
    accept_decide(&verdict, der_sha256, &entry->holding->held, &cert, intake->now, &decision);
    item->action = decision.action;
    item->reason = decision.reason;
    item->is_withdrawn_now = decision.is_withdrawn_now;
    explain(&verdict, &entry->holding->held, decision.reason, item->detail);
    if (decision.action == ACCEPT_REFUSE)
        return;
    hold(intake, item->source, entry, &verdict, &decision, der_sha256);
    item->after = entry->holding->held;
    put(intake, entry, der, der_len);
}

void intake_offer(struct intake *intake, enum intake_source source, uint32_t cert_no, const uint8_t *der, size_t der_len)
{
    struct roster_entry *entry = roster_at(intake->offers->roster, cert_no);
    struct intake_item *item = &intake->items[intake->count++];

    memset(item, 0, sizeof *item);
    item->cert_no = cert_no;
    item->source = source;
    item->action = ACCEPT_REFUSE;
    item->is_told = true;
    item->der_len = (uint32_t)der_len;
    if (entry != NULL && entry->holding != NULL)
        item->before = entry->holding->held;
    item->reason = turn_away(intake, entry, item);
    if (item->reason == REASON_NONE)
        judge(intake, entry, der, der_len, item);
}

/* Nothing of this batch is on disk: what was held before is held, newest first. */
static void take_back(struct intake *intake)
{
    for (size_t i = intake->count; i > 0; i--) {
        struct intake_item *item = &intake->items[i - 1];

        if (item->action == ACCEPT_REFUSE)
            continue;
        roster_at(intake->offers->roster, item->cert_no)->holding->held = item->before;
        item->action = ACCEPT_REFUSE;
        item->reason = REASON_STORE_FAILED;
        item->is_withdrawn_now = false;
        item->detail[0] = '\0';
    }
}

static void commit(struct intake *intake)
{
    struct store_access *access = intake->access;

    if (intake->has_transaction && !intake->has_failed)
        intake->has_failed = intake->has_write_failed = store_commit(access->store) != STORE_OK;
    if (!intake->has_failed) {
        if (intake->has_transaction)
            store_access_worked(access);
        return;
    }
    take_back(intake);
    if (intake->has_write_failed)
        store_access_write_failed(access, intake->now);
}

static void report_stored(const struct intake_item *item)
{
    const struct held *held = &item->after;
    struct msg msg;

    if (held->state == CERT_STATE_GOOD && item->action == ACCEPT_STORE)
        report_event_begin(&msg, EVENT_STAPLE_STORED, item->cert_no, REASON_NONE);
    else if (item->is_withdrawn_now)
        report_event_begin(
            &msg, EVENT_CERT_WITHDRAWN, item->cert_no, held->state == CERT_STATE_REVOKED ? REASON_REVOKED : REASON_UNKNOWN);
    else
        return;
    msg.event.this_update = held->this_update;
    msg.event.next_update = held->next_update;
    msg.event.expiry = held->state == CERT_STATE_GOOD ? held->expiry : 0;
    msg.event.bytes = item->der_len;
    text_clean_format(msg.event.detail, sizeof msg.event.detail, "%s%.370s",
        item->source == INTAKE_APACHE ? "found in Apache's file; " : "", item->detail);
    report_message(&msg);
}

/* What was found in Apache's file and is no use is no event: Apache keeps its own errors there. */
static void report_refused(struct intake *intake, const struct intake_item *item)
{
    struct roster_entry *entry = roster_at(intake->offers->roster, item->cert_no);

    if (item->source != INTAKE_FETCHER)
        return;
    if (entry != NULL)
        entry->offers.last_reason = item->reason;
    if (item->is_told)
        report_event(EVENT_OFFER_REFUSED, entry == NULL ? CERT_NO_NONE : item->cert_no, item->reason, "%s", item->detail);
}

static void answer(struct intake *intake, const struct intake_item *item)
{
    struct offers *offers = intake->offers;
    enum answer_kind kind = item->action == ACCEPT_REFUSE ? ANSWER_REFUSED : ANSWER_ACCEPTED;
    struct msg msg = {.type = MSG_ANSWER};

    if (item->source != INTAKE_FETCHER)
        return;
    if (roster_at(offers->roster, item->cert_no) != NULL) {
        answers_add(&offers->answers, offers->roster, item->cert_no, kind, item->reason);
        return;
    }
    /* There is no place to keep it; a fetcher that makes such offers has no right to an answer. */
    msg.answer.cert_no = item->cert_no;
    msg.answer.kind = (uint8_t)kind;
    msg.answer.reason = (uint16_t)item->reason;
    (void)ipc_send(&offers->fetcher, &msg, -1, IPC_NOWAIT);
}

/* Nobody must wait for a staple, nor a withdrawn one be served on. */
static void note_change(const struct intake *intake, const struct intake_item *item)
{
    struct changes *changes = &intake->offers->changes;
    bool was_served = item->before.state == CERT_STATE_GOOD && item->before.expiry > intake->now + URGENT_BEFORE_SEC;

    changes->is_any = true;
    if (!was_served || item->after.state != CERT_STATE_GOOD)
        changes->is_urgent = true;
}

void intake_end(struct intake *intake)
{
    commit(intake);
    for (size_t i = 0; i < intake->count; i++) {
        const struct intake_item *item = &intake->items[i];

        if (item->action == ACCEPT_REFUSE) {
            report_refused(intake, item);
        } else {
            struct roster_entry *entry = roster_at(intake->offers->roster, item->cert_no);

            entry->offers.last_reason = REASON_NONE;
            entry->offers.is_accepted = entry->offers.is_accepted || item->source == INTAKE_FETCHER;
            report_stored(item);
            note_change(intake, item);
        }
        answer(intake, item);
    }
    intake->done_count = intake->count;
    intake->count = 0;
}
