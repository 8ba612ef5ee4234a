/* SPDX-License-Identifier: ISC */
#include "schedule/fetch_queue.h"

#include <stdio.h>
#include <stdlib.h>

#include "schedule/fetcher_report.h"
#include "schedule/responder.h"
#include "system/log.h"

/* Certificates begun in one turn: those that fail at once must not keep us from looking at the others' sockets. */
#define STARTS_PER_TURN 64

/* A place for one exchange, and what it is for. */
struct slot {
    struct asking *asking;
    struct exchange *exchange;
    struct responder *responder; /* NULL: free */
    uint32_t cert_no;
    struct slot *next_free;
};

struct asking {
    struct asking_settings settings;
    asking_ended *ended;
    void *owner;
    struct responders *responders;
    struct slot *slots;
    struct slot *free_slots;
};

static void ask_next_url(struct asking *asking, uint32_t cert_no);

static void end(struct asking *asking, uint32_t cert_no, enum asking_end how)
{
    pool_at(asking->settings.pool, cert_no)->asking.stage = POOL_IDLE;
    asking->ended(asking->owner, cert_no, how);
}

/* This URL has failed: the next one, or the certificate has. */
static void url_failed(struct asking *asking, uint32_t cert_no, const struct exchange_outcome *outcome)
{
    struct pool_entry *entry = pool_at(asking->settings.pool, cert_no);

    report_failure(cert_no, entry->cert.urls[entry->asking.url_no], outcome);
    entry->asking.url_no++;
    ask_next_url(asking, cert_no);
}

static void url_is_malformed(struct asking *asking, uint32_t cert_no, const char *error)
{
    struct exchange_outcome outcome = {.reason = REASON_URL_MALFORMED};

    snprintf(outcome.detail, sizeof outcome.detail, "it %s", error);
    url_failed(asking, cert_no, &outcome);
}

/* Stand in the line of the responder that url_no names, or be done when there is none left. */
static void ask_next_url(struct asking *asking, uint32_t cert_no)
{
    struct pool_entry *entry = pool_at(asking->settings.pool, cert_no);
    struct responder *responder;
    char origin[URL_ORIGIN_LEN];
    struct url url;
    const char *error;

    if (entry->asking.url_no >= entry->cert.url_count) {
        end(asking, cert_no, ASKING_FAILED);
        return;
    }
    error = url_parse(entry->cert.urls[entry->asking.url_no], &url);
    if (error != NULL) {
        url_is_malformed(asking, cert_no, error); /* comes back here with the next URL; CERT_URLS_MAX bounds it */
        return;
    }
    url_origin(&url, origin);
    responder = responders_find(asking->responders, origin);
    if (responder == NULL)
        end(asking, cert_no, ASKING_FAILED);
    else
        responders_enqueue(asking->responders, responder, cert_no);
}

/* What the responder says about asking again: for the schedule. */
static void note_wishes(struct pool_entry *entry, const struct exchange_outcome *outcome)
{
    int64_t now = loop_now_sec();

    entry->plan.history.retry_at = outcome->retry_after_sec < 0 ? 0 : now + outcome->retry_after_sec;
    entry->plan.history.fresh_until = outcome->max_age_sec < 0 ? 0 : now + outcome->max_age_sec;
}

static void offer(struct asking *asking, uint32_t cert_no, const struct exchange_outcome *outcome)
{
    struct pool_entry *entry = pool_at(asking->settings.pool, cert_no);
    struct msg msg = {.type = MSG_OFFER};
    enum ipc_result result;

    msg.offer.cert_no = cert_no;
    msg.offer.der = outcome->der;
    msg.offer.der_len = outcome->der_len;
    entry->asking.stage = POOL_OFFERED;
    result = ipc_send(asking->settings.writer, &msg, -1, IPC_WAIT);
    if (result == IPC_OK || result == IPC_CLOSED) /* the loop sees that the writer is gone */
        return;
    log_error("an offer for certificate %u could not be sent: %s", cert_no, msg_result_text(asking->settings.writer->refused));
    end(asking, cert_no, ASKING_FAILED);
}

static void free_slot(struct slot *slot)
{
    slot->responder = NULL;
    slot->next_free = slot->asking->free_slots;
    slot->asking->free_slots = slot;
}

static void exchange_over(void *owner, const struct exchange_outcome *outcome)
{
    struct slot *slot = owner;
    struct asking *asking = slot->asking;
    struct responder *responder = slot->responder;
    uint32_t cert_no = slot->cert_no;

    free_slot(slot);
    responders_ended(asking->responders, responder, outcome->reason, loop_now_msec());
    note_wishes(pool_at(asking->settings.pool, cert_no), outcome);
    if (outcome->reason == REASON_NONE)
        offer(asking, cert_no, outcome);
    else
        url_failed(asking, cert_no, outcome);
}

static void start_exchange(struct asking *asking, uint32_t cert_no, struct responder *responder)
{
    const struct pool_entry *entry = pool_at(asking->settings.pool, cert_no);
    const struct ocsp_policy policy = {
        .safety_margin_sec = entry->policy.safety_margin_sec,
        .min_ttl_sec = entry->policy.min_ttl_sec,
        .is_sha1_allowed = entry->is_sha1_allowed,
    };
    struct slot *slot = asking->free_slots;

    asking->free_slots = slot->next_free;
    slot->cert_no = cert_no;
    slot->responder = responder;
    exchange_start(slot->exchange, &entry->cert, &policy, entry->cert.urls[entry->asking.url_no]);
}

/* The responder answers nobody: one more certificate fails without asking. */
static void fail_at_once(struct asking *asking, uint32_t cert_no, struct responder *responder)
{
    struct exchange_outcome outcome = {
        .reason = responder->last_silence,
        .detail = "not asked: this responder left the exchanges before without any answer; tried again later",
    };

    responders_ended(asking->responders, responder, outcome.reason, loop_now_msec());
    url_failed(asking, cert_no, &outcome);
}

/* A certificate that was dropped while it stood in a line: nobody waits for it. */
static bool is_dropped(struct asking *asking, uint32_t cert_no, struct responder *responder)
{
    struct pool_entry *entry = pool_at(asking->settings.pool, cert_no);

    if (entry->is_added)
        return false;
    entry->asking.stage = POOL_IDLE;
    responders_left(asking->responders, responder);
    pool_forget(entry);
    return true;
}

/* Returns true when it stopped only because the turn was long enough. */
static bool start_exchanges(struct asking *asking)
{
    for (unsigned i = 0; i < STARTS_PER_TURN; i++) {
        struct responder *responder;
        uint32_t cert_no;

        if (asking->free_slots == NULL || !responders_next(asking->responders, &cert_no, &responder))
            return false;
        if (is_dropped(asking, cert_no, responder))
            continue;
        if (responders_is_given_up(responder, loop_now_msec()))
            fail_at_once(asking, cert_no, responder);
        else
            start_exchange(asking, cert_no, responder);
    }
    return true;
}

/* The timer of those exchanges that wait for a name. */
static void watch_deadlines(struct asking *asking)
{
    int64_t earliest = LOOP_NO_TIMER;

    for (unsigned i = 0; i < asking->settings.concurrency; i++) {
        int64_t deadline_msec = exchange_deadline_msec(asking->slots[i].exchange);

        if (deadline_msec < earliest)
            earliest = deadline_msec;
    }
    loop_set_timer(asking->settings.loop, LOOP_ASKING, earliest);
}

static void deadline_passed(void *owner, int64_t now_msec)
{
    struct asking *asking = owner;

    for (unsigned i = 0; i < asking->settings.concurrency; i++)
        if (exchange_deadline_msec(asking->slots[i].exchange) <= now_msec)
            exchange_expire(asking->slots[i].exchange);
}

void asking_ask(struct asking *asking, uint32_t cert_no)
{
    pool_at(asking->settings.pool, cert_no)->asking.url_no = 0;
    ask_next_url(asking, cert_no);
}

int64_t asking_reserve(struct asking *asking, uint32_t cert_no, int64_t now_msec)
{
    const struct pool_entry *entry = pool_at(asking->settings.pool, cert_no);
    struct responder *responder;
    char origin[URL_ORIGIN_LEN];
    struct url url;

    if (entry->cert.url_count == 0 || url_parse(entry->cert.urls[0], &url) != NULL)
        return now_msec;
    url_origin(&url, origin);
    responder = responders_find(asking->responders, origin);
    return responder == NULL ? now_msec : responders_reserve(responder, now_msec);
}

bool asking_answer(struct asking *asking, const struct msg_answer *answer)
{
    struct pool_entry *entry = pool_at(asking->settings.pool, answer->cert_no);

    if (entry == NULL || entry->asking.stage != POOL_OFFERED)
        return false;
    pool_update_held(entry, answer);
    end(asking, answer->cert_no, answer->kind == ANSWER_ACCEPTED ? ASKING_ACCEPTED : ASKING_REFUSED);
    return true;
}

static void cancel(struct asking *asking, struct slot *slot)
{
    struct responder *responder = slot->responder;

    exchange_cancel(slot->exchange);
    pool_at(asking->settings.pool, slot->cert_no)->asking.stage = POOL_IDLE;
    free_slot(slot);
    responders_left(asking->responders, responder);
}

void asking_drop(struct asking *asking, uint32_t cert_no)
{
    struct pool_entry *entry = pool_at(asking->settings.pool, cert_no);

    for (unsigned i = 0; entry->asking.stage == POOL_ASKING && i < asking->settings.concurrency; i++)
        if (asking->slots[i].responder != NULL && asking->slots[i].cert_no == cert_no)
            cancel(asking, &asking->slots[i]);
    if (entry->asking.stage == POOL_OFFERED)
        entry->asking.stage = POOL_IDLE;
}

void asking_drop_all(struct asking *asking)
{
    uint32_t count = pool_count(asking->settings.pool);

    for (unsigned i = 0; i < asking->settings.concurrency; i++)
        if (asking->slots[i].responder != NULL)
            cancel(asking, &asking->slots[i]);
    responders_clear(asking->responders);
    for (uint32_t cert_no = 0; cert_no < count; cert_no++) {
        struct pool_entry *entry = pool_at(asking->settings.pool, cert_no);

        if (entry != NULL)
            entry->asking.stage = POOL_IDLE;
    }
}

void asking_forgive(struct asking *asking)
{
    responders_forgive(asking->responders);
}

bool asking_step(struct asking *asking)
{
    bool is_hurried = start_exchanges(asking);

    watch_deadlines(asking);
    return is_hurried;
}

static bool make_slots(struct asking *asking)
{
    asking->slots = calloc(asking->settings.concurrency, sizeof *asking->slots);
    if (asking->slots == NULL)
        return false;
    for (unsigned i = 0; i < asking->settings.concurrency; i++) {
        struct slot *slot = &asking->slots[i];

        slot->asking = asking;
        slot->exchange = exchange_new(asking->settings.exchange, exchange_over, slot);
        if (slot->exchange == NULL)
            return false;
        free_slot(slot);
    }
    return true;
}

struct asking *asking_new(const struct asking_settings *settings)
{
    struct asking *asking = calloc(1, sizeof *asking);

    if (asking == NULL)
        return NULL;
    asking->settings = *settings;
    asking->responders = responders_new(settings->pool, settings->per_responder);
    if (asking->responders == NULL || !make_slots(asking)) {
        asking_free(asking);
        return NULL;
    }
    loop_set_owner(settings->loop, LOOP_ASKING, asking, NULL, deadline_passed);
    return asking;
}

void asking_set_owner(struct asking *asking, asking_ended *ended, void *owner)
{
    asking->ended = ended;
    asking->owner = owner;
}

void asking_free(struct asking *asking)
{
    if (asking == NULL)
        return;
    for (unsigned i = 0; asking->slots != NULL && i < asking->settings.concurrency; i++)
        exchange_free(asking->slots[i].exchange);
    free(asking->slots);
    responders_free(asking->responders);
    free(asking);
}
