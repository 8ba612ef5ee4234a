/* SPDX-License-Identifier: ISC */
#include "schedule/scheduler.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "schedule/agenda.h"
#include "schedule/fetcher_report.h"
#include "schedule/random_number.h"
#include "schedule/schedule_spread.h"
#include "system/clock.h"

/* Taken from the agenda in one turn. */
#define TAKEN_PER_TURN 256

/* How often progress is told. */
#define PROGRESS_MSEC 250

/* What --once asks for: each certificate that is due, at once, and not again. */
struct round {
    bool is_awaited; /* begun, but what the writer holds is not all known yet */
    bool is_running;
    bool is_forced;
    uint32_t told; /* done, as last told */
    struct msg_progress counts;
};

struct watch {
    struct watch_settings settings;
    struct agenda *agenda;
    int timer_fd; /* owned; of the wall clock, so that it also tells when that is set */
    int64_t timer_at;
    bool is_on;          /* the schedule is kept */
    bool is_clock_wrong; /* nothing is judged, and nobody asked, until it is set */
    struct round round;
};

/* The timer. */

/* TFD_TIMER_CANCEL_ON_SET: reading it fails with ECANCELED when somebody sets the clock (timerfd_create(2)). */
static void set_timer(struct watch *watch)
{
    int64_t at = agenda_next_at(watch->agenda);
    struct itimerspec when = {.it_value = {.tv_sec = at}};

    if (at == watch->timer_at)
        return;
    watch->timer_at = at;
    if (at == AGENDA_NEVER)
        when.it_value.tv_sec = LONG_MAX / 2; /* still told of a clock that is set */
    else if (at <= 0)
        when.it_value.tv_sec = 1;
    timerfd_settime(watch->timer_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, NULL);
}

/* Plans. */

static void plan_at(struct watch *watch, uint32_t cert_no, int64_t at)
{
    const struct schedule_history *history = &pool_at(watch->settings.pool, cert_no)->plan.history;

    if (!agenda_set(watch->agenda, cert_no, at == SCHEDULE_NEVER ? AGENDA_NEVER : at))
        report_no_memory();
    report_next(cert_no, history->failures, at == SCHEDULE_NEVER ? 0 : at, history->asked_at);
}

static bool can_be_asked_for(const struct pool_entry *entry)
{
    return entry->is_added && entry->is_held_known && entry->state == CERT_STATE_MISSING;
}

/* Anew from what is held and what happened. */
static void plan(struct watch *watch, uint32_t cert_no)
{
    const struct pool_entry *entry = pool_at(watch->settings.pool, cert_no);
    int64_t now = loop_now_sec();
    int64_t at;

    if (!watch->is_on || !can_be_asked_for(entry) || entry->asking.stage != POOL_IDLE || watch->is_clock_wrong)
        return;
    at = plan_next_at(
        watch->agenda, &entry->held, &entry->policy, &entry->plan.history, pool_count(watch->settings.pool), now, random_number);
    if (entry->plan.is_wanted_now && at != SCHEDULE_NEVER)
        at = now;
    plan_at(watch, cert_no, at);
}

static void plan_all(struct watch *watch)
{
    uint32_t count = pool_count(watch->settings.pool);

    for (uint32_t cert_no = 0; cert_no < count; cert_no++)
        if (pool_at(watch->settings.pool, cert_no) != NULL)
            plan(watch, cert_no);
}

/* The clock may have been set: every plan is of the old one. */
static void look_at_clock(struct watch *watch)
{
    int64_t now = loop_now_sec();
    bool is_wrong = !clock_is_plausible(now);

    if (is_wrong && !watch->is_clock_wrong)
        report_clock_wrong(now);
    watch->is_clock_wrong = is_wrong;
    if (!is_wrong)
        plan_all(watch);
}

static void timer_ready(void *owner, int fd, unsigned ready)
{
    struct watch *watch = owner;
    uint64_t expirations;

    (void)ready;
    watch->timer_at = INT64_MIN; /* to be set again in any case */
    if (read(fd, &expirations, sizeof expirations) < 0 && errno == ECANCELED)
        look_at_clock(watch);
}

/* The round. */

static bool is_round_under_way(const struct watch *watch)
{
    return watch->round.is_awaited || watch->round.is_running;
}

static void tell_progress(struct watch *watch)
{
    report_progress(&watch->round.counts);
    watch->round.told = watch->round.counts.done;
}

static void progress_is_due(void *owner, int64_t now_msec)
{
    struct watch *watch = owner;

    if (watch->round.told != watch->round.counts.done)
        tell_progress(watch);
    loop_set_timer(watch->settings.loop, LOOP_WATCH, now_msec + PROGRESS_MSEC);
}

static bool is_due(const struct watch *watch, const struct pool_entry *entry, int64_t now)
{
    return watch->round.is_forced || schedule_due_at(&entry->held, &entry->policy, now, random_number()) <= now;
}

static void start_round(struct watch *watch)
{
    uint32_t count = pool_count(watch->settings.pool);
    int64_t now = loop_now_sec();

    watch->round.is_awaited = false;
    watch->round.is_running = true;
    look_at_clock(watch);
    for (uint32_t cert_no = 0; !watch->is_clock_wrong && cert_no < count; cert_no++) {
        const struct pool_entry *entry = pool_at(watch->settings.pool, cert_no);

        if (entry == NULL || !can_be_asked_for(entry))
            continue;
        if (!is_due(watch, entry, now)) {
            watch->round.counts.not_due++;
            continue;
        }
        watch->round.counts.due++;
        asking_ask(watch->settings.asking, cert_no);
    }
    loop_set_timer(watch->settings.loop, LOOP_WATCH, loop_now_msec() + PROGRESS_MSEC);
}

static void end_round(struct watch *watch)
{
    watch->round.is_awaited = watch->round.is_running = false;
    loop_set_timer(watch->settings.loop, LOOP_WATCH, LOOP_NO_TIMER);
    tell_progress(watch);
}

static void count(struct msg_progress *counts, enum asking_end end)
{
    counts->done++;
    counts->failed += end == ASKING_FAILED ? 1 : 0;
    counts->refused += end == ASKING_REFUSED ? 1 : 0;
}

/* Nobody is left who could keep a response: what has no answer by now has failed. */
static void give_up_round(struct watch *watch)
{
    struct msg_progress *counts = &watch->round.counts;

    counts->failed += counts->due - counts->done;
    counts->done = counts->due;
    end_round(watch);
}

/* How an attempt went. */

static void ended(void *owner, uint32_t cert_no, enum asking_end end)
{
    struct watch *watch = owner;
    struct pool_entry *entry = pool_at(watch->settings.pool, cert_no);

    entry->plan.history.asked_at = loop_now_sec();
    entry->plan.history.failures = end == ASKING_ACCEPTED ? 0 : entry->plan.history.failures + 1;
    entry->plan.is_wanted_now = false;
    count(&watch->round.counts, end);
    plan(watch, cert_no);
}

/* Nobody waits for this one: it may be put off for the responder's sake. */
static bool can_wait(const struct pool_entry *entry, int64_t now)
{
    return !entry->plan.is_wanted_now && schedule_is_servable(&entry->held, &entry->policy, now);
}

static void ask(struct watch *watch, uint32_t cert_no)
{
    struct pool_entry *entry = pool_at(watch->settings.pool, cert_no);
    int64_t now = loop_now_sec();

    if (!can_be_asked_for(entry) || entry->asking.stage != POOL_IDLE)
        return;
    if (can_wait(entry, now) && !entry->plan.has_slot) {
        int64_t now_msec = loop_now_msec(); /* the wall clock may be put back meanwhile */
        int64_t wait_sec = (asking_reserve(watch->settings.asking, cert_no, now_msec) - now_msec) / 1000;

        if (wait_sec > 0) {
            entry->plan.has_slot = true;
            plan_at(watch, cert_no, now + wait_sec);
            return;
        }
    }
    entry->plan.has_slot = false;
    asking_ask(watch->settings.asking, cert_no);
}

bool watch_step(struct watch *watch)
{
    int64_t now = loop_now_sec();
    bool is_hurried;
    uint32_t cert_no;
    unsigned taken = 0;

    if (is_round_under_way(watch) && watch->settings.writer->fd < 0)
        give_up_round(watch);
    if (watch->round.is_awaited && pool_held_known(watch->settings.pool) == pool_added(watch->settings.pool))
        start_round(watch);
    if (!watch->is_on && !watch->round.is_running)
        return false;
    while (!watch->is_clock_wrong && watch->settings.writer->fd >= 0 && taken < TAKEN_PER_TURN
        && agenda_take(watch->agenda, now, &cert_no)) {
        ask(watch, cert_no);
        taken++;
    }
    is_hurried = asking_step(watch->settings.asking);
    if (watch->settings.writer->fd >= 0)
        set_timer(watch);
    if (watch->round.is_running && watch->round.counts.done == watch->round.counts.due)
        end_round(watch);
    return is_hurried || taken == TAKEN_PER_TURN;
}

/* What others say. */

bool watch_begin(struct watch *watch, const struct msg_begin *begin)
{
    if (watch->is_on || is_round_under_way(watch))
        return false;
    asking_forgive(watch->settings.asking);
    watch->is_on = begin->is_once == 0;
    watch->round = (struct round){.is_awaited = begin->is_once != 0, .is_forced = begin->is_forced != 0};
    if (watch->is_on)
        look_at_clock(watch);
    return true;
}

bool watch_is_on(const struct watch *watch)
{
    return watch->is_on;
}

static bool is_withdrawn(const struct pool_entry *entry)
{
    return entry->held.state == CERT_STATE_REVOKED || entry->held.state == CERT_STATE_UNKNOWN;
}

void watch_held(struct watch *watch, uint32_t cert_no, bool was_withdrawn)
{
    struct pool_entry *entry = pool_at(watch->settings.pool, cert_no);

    if (was_withdrawn && !is_withdrawn(entry)) {
        entry->plan.history = (struct schedule_history){0};
    }
    if (entry->is_added)
        plan(watch, cert_no);
}

void watch_drop(struct watch *watch, uint32_t cert_no)
{
    struct pool_entry *entry = pool_at(watch->settings.pool, cert_no);

    if (entry == NULL || !entry->is_added)
        return;
    agenda_set(watch->agenda, cert_no, AGENDA_NEVER);
    asking_drop(watch->settings.asking, cert_no);
    pool_drop(watch->settings.pool, cert_no);
}

static void want_now(struct watch *watch, uint32_t cert_no)
{
    struct pool_entry *entry = pool_at(watch->settings.pool, cert_no);

    if (entry == NULL || !entry->is_added || entry->asking.stage != POOL_IDLE || is_withdrawn(entry))
        return;
    entry->plan.is_wanted_now = true;
    if (can_be_asked_for(entry)) /* else when the writer has said what it holds */
        plan_at(watch, cert_no, loop_now_sec());
}

void watch_refresh(struct watch *watch, uint32_t cert_no)
{
    asking_forgive(watch->settings.asking);
    if (cert_no != CERT_NO_NONE) {
        want_now(watch, cert_no);
        return;
    }
    for (uint32_t i = 0; i < pool_count(watch->settings.pool); i++)
        want_now(watch, i);
}

void watch_writer_gone(struct watch *watch)
{
    uint32_t count = pool_count(watch->settings.pool);

    asking_drop_all(watch->settings.asking);
    pool_forget_held(watch->settings.pool);
    for (uint32_t cert_no = 0; watch->is_on && cert_no < count; cert_no++) {
        struct pool_entry *entry = pool_at(watch->settings.pool, cert_no);

        /* Planned anew when the new writer says what it holds. */
        if (entry != NULL && entry->is_added)
            agenda_set(watch->agenda, cert_no, AGENDA_NEVER);
    }
}

struct watch *watch_new(const struct watch_settings *settings)
{
    struct watch *watch = calloc(1, sizeof *watch);

    if (watch == NULL)
        return NULL;
    watch->settings = *settings;
    watch->timer_at = INT64_MIN;
    watch->timer_fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    watch->agenda = agenda_new(CERTS_MAX);
    loop_set_owner(settings->loop, LOOP_WATCH, watch, timer_ready, progress_is_due);
    asking_set_owner(settings->asking, ended, watch);
    if (watch->timer_fd < 0 || watch->agenda == NULL
        || loop_watch(settings->loop, LOOP_WATCH, watch->timer_fd, LOOP_READABLE) != 0) {
        watch_free(watch);
        return NULL;
    }
    return watch;
}

void watch_free(struct watch *watch)
{
    if (watch == NULL)
        return;
    if (watch->timer_fd >= 0)
        close(watch->timer_fd);
    agenda_free(watch->agenda);
    free(watch);
}
