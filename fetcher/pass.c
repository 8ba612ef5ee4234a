/*
 * Owns: one pass over the certificates.
 * Runs in: fetcher.
 * Never: asks for a certificate that has expired, names no responder or cannot be read; ends before every offer is answered.
 */
#include "pass.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"
#include "log.h"
#include "report.h"
#include "responder.h"

/* How often progress is told. */
#define PROGRESS_MSEC 250
/* Certificates begun in one turn: those that fail at once must not keep us from looking at the others' sockets. */
#define STARTS_PER_TURN 64

/* A place for one exchange, and what it is for. */
struct slot {
    struct pass *pass;
    struct exchange *exchange;
    struct responder *responder; /* NULL: free */
    uint32_t cert_no;
    struct slot *next_free;
};

struct pass {
    struct pass_settings settings;
    struct responders *responders;
    struct slot *slots;
    struct slot *free_slots;
    bool is_begun;   /* PASS_BEGIN came */
    bool is_running; /* and what the writer holds is known */
    bool is_forced;
    uint32_t due;
    uint32_t not_due;
    uint32_t failed;
    uint32_t refused;
    uint32_t accepted;
    uint32_t told; /* done, as last told in PROGRESS */
};

static void ask_next_url(struct pass *pass, uint32_t cert_no);

static uint32_t done_count(const struct pass *pass)
{
    return pass->failed + pass->refused + pass->accepted;
}

static void count_failed(struct pass *pass, struct pool_entry *entry)
{
    entry->stage = POOL_IDLE;
    pass->failed++;
}

/* This URL has failed: the next one, or the certificate has. */
static void url_failed(struct pass *pass, uint32_t cert_no, const struct exchange_outcome *outcome)
{
    struct pool_entry *entry = pool_at(pass->settings.pool, cert_no);

    report_failure(cert_no, entry->cert.urls[entry->url_no], outcome);
    entry->url_no++;
    ask_next_url(pass, cert_no);
}

static void url_is_malformed(struct pass *pass, uint32_t cert_no, const char *error)
{
    struct exchange_outcome outcome = {.reason = REASON_URL_MALFORMED};

    snprintf(outcome.detail, sizeof outcome.detail, "it %s", error);
    url_failed(pass, cert_no, &outcome);
}

/* Stand in the line of the responder that url_no names, or be done when there is none left. */
static void ask_next_url(struct pass *pass, uint32_t cert_no)
{
    struct pool_entry *entry = pool_at(pass->settings.pool, cert_no);
    struct responder *responder;
    char origin[URL_ORIGIN_LEN];
    struct url url;
    const char *error;

    if (entry->url_no >= entry->cert.url_count) {
        count_failed(pass, entry);
        return;
    }
    error = url_parse(entry->cert.urls[entry->url_no], &url);
    if (error != NULL) {
        url_is_malformed(pass, cert_no, error); /* comes back here with the next URL; CERT_URLS_MAX bounds it */
        return;
    }
    url_origin(&url, origin);
    responder = responders_find(pass->responders, origin);
    if (responder == NULL)
        count_failed(pass, entry);
    else
        responders_enqueue(pass->responders, responder, cert_no);
}

/* What the responder says about asking again.  A pass does not use it; a schedule does. */
static void note_wishes(struct pool_entry *entry, const struct exchange_outcome *outcome)
{
    int64_t now = loop_now_sec();

    entry->retry_at = outcome->retry_after_sec < 0 ? 0 : now + outcome->retry_after_sec;
    entry->fresh_until = outcome->max_age_sec < 0 ? 0 : now + outcome->max_age_sec;
}

static void offer(struct pass *pass, uint32_t cert_no, const struct exchange_outcome *outcome)
{
    struct pool_entry *entry = pool_at(pass->settings.pool, cert_no);
    struct msg msg = {.type = MSG_OFFER};
    enum ipc_result result;

    msg.offer.cert_no = cert_no;
    msg.offer.der = outcome->der;
    msg.offer.der_len = outcome->der_len;
    entry->stage = POOL_OFFERED;
    result = ipc_send(pass->settings.writer, &msg, -1, IPC_WAIT);
    if (result == IPC_OK || result == IPC_CLOSED) /* the loop sees that the writer is gone, and ends the pass */
        return;
    log_error("an offer for certificate %u could not be sent: %s", cert_no, msg_result_text(pass->settings.writer->refused));
    count_failed(pass, entry);
}

static void free_slot(struct slot *slot)
{
    slot->responder = NULL;
    slot->next_free = slot->pass->free_slots;
    slot->pass->free_slots = slot;
}

static void exchange_over(void *owner, const struct exchange_outcome *outcome)
{
    struct slot *slot = owner;
    struct pass *pass = slot->pass;
    struct responder *responder = slot->responder;
    uint32_t cert_no = slot->cert_no;

    free_slot(slot);
    responders_ended(pass->responders, responder, outcome->reason);
    note_wishes(pool_at(pass->settings.pool, cert_no), outcome);
    if (outcome->reason == REASON_NONE)
        offer(pass, cert_no, outcome);
    else
        url_failed(pass, cert_no, outcome);
}

static void start_exchange(struct pass *pass, uint32_t cert_no, struct responder *responder)
{
    const struct pool_entry *entry = pool_at(pass->settings.pool, cert_no);
    const struct ocsp_policy policy = {
        .safety_margin_sec = entry->policy.safety_margin_sec,
        .min_ttl_sec = entry->policy.min_ttl_sec,
        .is_sha1_allowed = entry->is_sha1_allowed,
    };
    struct slot *slot = pass->free_slots;

    pass->free_slots = slot->next_free;
    slot->cert_no = cert_no;
    slot->responder = responder;
    exchange_start(slot->exchange, &entry->cert, &policy, entry->cert.urls[entry->url_no]);
}

/* The responder answers nobody: one more certificate fails without asking. */
static void fail_at_once(struct pass *pass, uint32_t cert_no, struct responder *responder)
{
    struct exchange_outcome outcome = {
        .reason = responder->last_silence,
        .detail = "not asked: this responder left the exchanges before without any answer; tried again in the next pass",
    };

    responders_ended(pass->responders, responder, outcome.reason);
    url_failed(pass, cert_no, &outcome);
}

/* Returns true when it stopped only because the turn was long enough. */
static bool start_exchanges(struct pass *pass)
{
    for (unsigned i = 0; i < STARTS_PER_TURN; i++) {
        struct responder *responder;
        uint32_t cert_no;

        if (pass->free_slots == NULL || !responders_next(pass->responders, &cert_no, &responder))
            return false;
        if (responder->is_given_up)
            fail_at_once(pass, cert_no, responder);
        else
            start_exchange(pass, cert_no, responder);
    }
    return true;
}

/* The timer of those exchanges that wait for a name. */
static void watch_deadlines(struct pass *pass)
{
    int64_t earliest = LOOP_NO_TIMER;

    for (unsigned i = 0; i < pass->settings.concurrency; i++) {
        int64_t deadline_msec = exchange_deadline_msec(pass->slots[i].exchange);

        if (deadline_msec < earliest)
            earliest = deadline_msec;
    }
    loop_set_timer(pass->settings.loop, LOOP_PASS, earliest);
}

static void deadline_passed(void *owner, int64_t now_msec)
{
    struct pass *pass = owner;

    for (unsigned i = 0; i < pass->settings.concurrency; i++)
        if (exchange_deadline_msec(pass->slots[i].exchange) <= now_msec)
            exchange_expire(pass->slots[i].exchange);
}

static void tell_progress(struct pass *pass)
{
    report_progress(done_count(pass), pass->due, pass->failed);
    pass->told = done_count(pass);
}

static void progress_is_due(void *owner, int64_t now_msec)
{
    struct pass *pass = owner;

    if (!pass->is_running)
        return;
    if (pass->told != done_count(pass))
        tell_progress(pass);
    loop_set_timer(pass->settings.loop, LOOP_PROGRESS, now_msec + PROGRESS_MSEC);
}

/* Numbers enough for one certificate each; drawn many at a time. */
static uint32_t random_number(void)
{
    static uint32_t drawn[64];
    static size_t left;

    if (left == 0) {
        /* Up to 256 bytes come whole (getrandom(2)).  Without them nothing is moved by chance, which harms nobody. */
        if (getrandom(drawn, sizeof drawn, 0) != (ssize_t)sizeof drawn)
            memset(drawn, 0x55, sizeof drawn);
        left = sizeof drawn / sizeof drawn[0];
    }
    return drawn[--left];
}

static void start_pass(struct pass *pass)
{
    int64_t now = loop_now_sec();
    uint32_t count = pool_count(pass->settings.pool);

    pass->is_running = true;
    responders_reset(pass->responders);
    if (!clock_is_plausible(now)) {
        report_clock_wrong(now);
        return;
    }
    for (uint32_t cert_no = 0; cert_no < count; cert_no++) {
        struct pool_entry *entry = pool_at(pass->settings.pool, cert_no);

        entry->stage = POOL_IDLE;
        if (entry->state != CERT_STATE_MISSING)
            continue;
        if (!pass->is_forced && schedule_due_at(&entry->held, &entry->policy, now, random_number()) > now) {
            pass->not_due++;
            continue;
        }
        pass->due++;
        entry->url_no = 0;
        ask_next_url(pass, cert_no);
    }
    loop_set_timer(pass->settings.loop, LOOP_PROGRESS, loop_now_msec() + PROGRESS_MSEC);
}

static void end_pass(struct pass *pass)
{
    struct msg msg = {.type = MSG_PASS_END, .pass_end = {.due = pass->due}};

    pass->is_begun = false;
    pass->is_running = false;
    loop_set_timer(pass->settings.loop, LOOP_PROGRESS, LOOP_NO_TIMER);
    loop_set_timer(pass->settings.loop, LOOP_PASS, LOOP_NO_TIMER);
    ipc_send(pass->settings.writer, &msg, -1, IPC_WAIT);
    tell_progress(pass);
    report_pass_over(pass->due, pass->not_due, pass->failed, pass->refused);
}

bool pass_begin(struct pass *pass, const struct msg_pass_begin *begin)
{
    if (pass->is_begun || begin->cert_count != pool_count(pass->settings.pool))
        return false;
    pass->is_begun = true;
    pass->is_forced = begin->is_forced != 0;
    pass->due = 0;
    pass->not_due = 0;
    pass->failed = 0;
    pass->refused = 0;
    pass->accepted = 0;
    pass->told = 0;
    return true;
}

bool pass_answer(struct pass *pass, const struct msg_answer *answer)
{
    struct pool_entry *entry = pool_at(pass->settings.pool, answer->cert_no);

    if (entry == NULL || !pass->is_running || entry->stage != POOL_OFFERED)
        return false;
    entry->stage = POOL_IDLE;
    pool_update_held(entry, answer);
    if (answer->kind == ANSWER_ACCEPTED)
        pass->accepted++;
    else
        pass->refused++;
    return true;
}

void pass_writer_gone(struct pass *pass)
{
    if (!pass->is_begun)
        return;
    for (unsigned i = 0; i < pass->settings.concurrency; i++) {
        if (pass->slots[i].responder == NULL)
            continue;
        exchange_cancel(pass->slots[i].exchange);
        free_slot(&pass->slots[i]);
    }
    /* Nobody is left who could keep a response: what has no answer by now has failed. */
    pass->failed = pass->due - pass->refused - pass->accepted;
    end_pass(pass);
}

bool pass_step(struct pass *pass)
{
    bool is_hurried;

    if (!pass->is_begun)
        return false;
    if (!pass->is_running) {
        if (pool_held_known(pass->settings.pool) < pool_count(pass->settings.pool))
            return false;
        start_pass(pass);
    }
    is_hurried = start_exchanges(pass);
    watch_deadlines(pass);
    if (done_count(pass) == pass->due)
        end_pass(pass);
    return is_hurried;
}

static bool make_slots(struct pass *pass)
{
    pass->slots = calloc(pass->settings.concurrency, sizeof *pass->slots);
    if (pass->slots == NULL)
        return false;
    for (unsigned i = 0; i < pass->settings.concurrency; i++) {
        struct slot *slot = &pass->slots[i];

        slot->pass = pass;
        slot->exchange = exchange_new(pass->settings.exchange, exchange_over, slot);
        if (slot->exchange == NULL)
            return false;
        free_slot(slot);
    }
    return true;
}

struct pass *pass_new(const struct pass_settings *settings)
{
    struct pass *pass = calloc(1, sizeof *pass);

    if (pass == NULL)
        return NULL;
    pass->settings = *settings;
    pass->responders = responders_new(settings->pool, settings->per_responder);
    if (pass->responders == NULL || !make_slots(pass)) {
        pass_free(pass);
        return NULL;
    }
    loop_set_owner(settings->loop, LOOP_PASS, pass, NULL, deadline_passed);
    loop_set_owner(settings->loop, LOOP_PROGRESS, pass, NULL, progress_is_due);
    return pass;
}

void pass_free(struct pass *pass)
{
    if (pass == NULL)
        return;
    for (unsigned i = 0; pass->slots != NULL && i < pass->settings.concurrency; i++)
        exchange_free(pass->slots[i].exchange);
    free(pass->slots);
    responders_free(pass->responders);
    free(pass);
}
