/* SPDX-License-Identifier: ISC */
#include "commit/commit_loop.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "commit/commit_timer.h"
#include "report/writer_report.h"
#include "system/clock.h"
#include "system/log.h"

/*
 * A restart is deleting the file, then opening it (post_config gives it to Apache's user).  They belong together when they
 * come within this time; after the second one nothing more is waited for than what comes with it.
 */
#define RESTART_GAP_MSEC 3000
#define RESTART_SETTLED_MSEC 150
/* A graceful restart that reads a large configuration takes seconds. */
#define RESTART_WAIT_MSEC 30000
/* What could not be written is tried again: as often as the store is opened again (store_access.c). */
#define RETRY_MSEC 5000
/* Nothing changes by itself so late that a clock put right should wait for it. */
#define CHANGE_WAIT_MAX_SEC 3600

/* One restart of Apache, as far as it has been seen. */
struct episode {
    int64_t close_msec; /* COMMIT_NEVER: none is under way */
    bool was_away;
    bool was_displaced;
    bool was_reopened;
    int errno_value;    /* of putting the file back */
    uint32_t away_usec; /* the longest */
};

static struct {
    bool is_on;
    bool is_first_due; /* nobody was told anything yet */
    struct commit_plan plan;
    struct episode episode;
    struct msg_file_state state; /* as last told */
    bool is_state_told;
    bool is_restart_asked;
    uint32_t request;
    int64_t request_until_msec;
} watch = {.episode.close_msec = COMMIT_NEVER};

static void plan_nothing(struct commit_plan *plan)
{
    plan->urgent_msec = plan->changed_msec = plan->look_msec = plan->change_at_msec = COMMIT_NEVER;
}

void watch_begin(int64_t delay_msec)
{
    watch.is_on = true;
    watch.plan.delay_msec = delay_msec;
    plan_nothing(&watch.plan);
    watch.is_first_due = true;
}

static void note_changes(const struct changes *changes, int64_t now_msec)
{
    if (changes->is_any && watch.plan.changed_msec == COMMIT_NEVER)
        watch.plan.changed_msec = now_msec;
    if (changes->is_urgent && watch.plan.urgent_msec == COMMIT_NEVER)
        watch.plan.urgent_msec = now_msec;
}

static void look_soon(int64_t now_msec)
{
    if (watch.plan.look_msec == COMMIT_NEVER)
        watch.plan.look_msec = now_msec;
}

static void commit_now(const struct commit_parts *parts)
{
    struct commit_result result;
    int64_t now = (int64_t)time(NULL);

    plan_nothing(&watch.plan);
    commit_run(parts, watch.is_first_due, now, &result);
    watch.is_first_due = watch.is_first_due && !result.is_well;
    watch.plan.ended_msec = clock_monotonic_msec();
    watch.plan.cost_msec = result.duration_msec;
    if (!result.is_well) /* a full disk, say */
        watch.plan.look_msec = watch.plan.ended_msec + RETRY_MSEC;
    if (result.next_change_at != INT64_MAX) {
        int64_t wait_sec = result.next_change_at > now ? result.next_change_at - now : 0;

        if (wait_sec > CHANGE_WAIT_MAX_SEC)
            wait_sec = CHANGE_WAIT_MAX_SEC;
        watch.plan.change_at_msec = watch.plan.ended_msec + wait_sec * 1000;
    }
}

/* The file's state. */

static void tell_state(void)
{
    struct msg msg = {.type = MSG_FILE_STATE};

    msg.file_state = watch.state;
    report_message(&msg);
}

static void shield_changed(const struct keeper_news *news)
{
    enum shield_state before = (enum shield_state)watch.state.shield;

    watch.state.shield = (uint8_t)news->shield;
    watch.state.reason = (uint16_t)news->reason;
    if (before != news->shield && (before == SHIELD_UP || news->shield == SHIELD_UP))
        report_event(news->shield == SHIELD_UP ? EVENT_SHIELD_UP : EVENT_SHIELD_DOWN, CERT_NO_NONE, news->reason, "%s",
            news->shield == SHIELD_UP ? "the directory of Apache's file is immutable: no restart can delete it"
                                      : reason_sentence(news->reason));
    else if (news->shield == SHIELD_IMPOSSIBLE && news->reason != REASON_SHIELD_OFF)
        log_info("%s", reason_sentence(news->reason));
    tell_state();
}

/* Restarts. */

static void answer_restart(enum reason reason, uint32_t away_usec, const char *detail)
{
    struct msg msg;

    memset(&msg, 0, sizeof msg);
    msg.type = MSG_RESTARTED;
    msg.restarted.request = watch.request;
    msg.restarted.reason = (uint16_t)reason;
    msg.restarted.away_usec = away_usec;
    snprintf(msg.restarted.detail, sizeof msg.restarted.detail, "%s", detail);
    watch.is_restart_asked = false;
    report_message(&msg);
}

static void describe_episode(const struct episode *episode, char *out, size_t cap)
{
    if (!episode->was_away)
        snprintf(out, cap, "its stapling cache was never away");
    else if (episode->errno_value == 0)
        snprintf(out, cap, "its stapling cache was %s, and back after %u us", episode->was_displaced ? "replaced" : "deleted",
            episode->away_usec);
    else
        snprintf(out, cap, "its stapling cache was deleted and could not be put back at once (%s); it is built anew",
            episode->errno_value == EAGAIN ? "somebody had just written to it" : strerror(episode->errno_value));
}

static void close_episode(void)
{
    const struct episode episode = watch.episode;
    uint32_t away_usec = !episode.was_away ? 0 : episode.errno_value == 0 ? episode.away_usec : UINT32_MAX;
    struct msg msg;

    report_event_begin(&msg, EVENT_APACHE_RESTART_SEEN, CERT_NO_NONE, REASON_NONE);
    watch.episode = (struct episode){.close_msec = COMMIT_NEVER};
    describe_episode(&episode, msg.event.detail, sizeof msg.event.detail);
    msg.event.duration_msec = away_usec == UINT32_MAX ? 0 : (away_usec + 999) / 1000;
    report_message(&msg);
    watch.state.restarts++;
    watch.state.restart_at = (int64_t)time(NULL);
    watch.state.away_usec = away_usec;
    tell_state();
    if (!watch.is_restart_asked)
        return;
    msg.event.event = EVENT_APACHE_RESTARTED;
    report_message(&msg);
    answer_restart(REASON_NONE, away_usec, msg.event.detail);
}

static void file_was_away(const struct keeper_news *news, int64_t now_msec)
{
    struct episode *episode = &watch.episode;

    episode->was_away = true;
    episode->was_displaced = news->was_displaced;
    if (news->errno_value != 0)
        episode->errno_value = news->errno_value;
    if (news->away_usec > episode->away_usec)
        episode->away_usec = news->away_usec;
    episode->close_msec = now_msec + RESTART_GAP_MSEC;
    if (news->errno_value != 0) { /* a new one, at once */
        watch.plan.urgent_msec = watch.plan.look_msec = now_msec;
        watch.plan.cost_msec = 0;
    }
    look_soon(now_msec);
}

static void file_was_opened(int64_t now_msec)
{
    watch.episode.was_reopened = true;
    watch.episode.close_msec = now_msec + RESTART_SETTLED_MSEC;
}

bool watch_take_news(struct keeper *keeper)
{
    int64_t now_msec = clock_monotonic_msec();
    struct keeper_news news;
    enum keeper_result result;

    while ((result = keeper_take_news(keeper, &news)) == KEEPER_OK) {
        switch (news.kind) {
        case KEEPER_PUT_BACK:
            file_was_away(&news, now_msec);
            break;
        case KEEPER_CHOWNED:
            file_was_opened(now_msec);
            break;
        case KEEPER_MODIFIED:
            look_soon(now_msec);
            break;
        case KEEPER_SHIELD:
            shield_changed(&news);
            break;
        case KEEPER_APACHE_ENDED:
            if (watch.is_restart_asked)
                answer_restart(REASON_APACHE_NOT_RUNNING, 0, "Apache ended instead of restarting; see its error log");
            break;
        case KEEPER_KIND_COUNT:
            break;
        }
    }
    if (result == KEEPER_GONE)
        log_error("the keeper of Apache's file has ended; the writer ends too, and both are started anew");
    return result != KEEPER_GONE;
}

void watch_restart(const struct commit_parts *parts, uint32_t request)
{
    struct keeper *keeper = parts->file->keeper;
    int errno_value = 0;

    watch.request = request;
    /* What is held goes along, and the file is one that was looked at just now. */
    commit_now(parts);
    watch_take_news(keeper);
    watch.is_restart_asked = true;
    watch.request_until_msec = clock_monotonic_msec() + RESTART_WAIT_MSEC;
    if (keeper_signal_restart(keeper, &errno_value) != KEEPER_OK)
        answer_restart(errno_value == ESRCH ? REASON_APACHE_NOT_RUNNING : REASON_INTERNAL, 0,
            errno_value == ESRCH ? "" : strerror(errno_value));
}

/* Time. */

void watch_tick(const struct commit_parts *parts)
{
    int64_t now_msec = clock_monotonic_msec();

    if (!watch.is_on)
        return;
    note_changes(&parts->offers->changes, now_msec);
    if (watch.episode.close_msec <= now_msec)
        close_episode();
    if (watch.is_restart_asked && watch.request_until_msec <= now_msec)
        answer_restart(REASON_RESTART_UNSEEN, 0, "see Apache's error log");
    if (parts->file->keeper != NULL && commit_plan_due(&watch.plan) <= now_msec)
        commit_now(parts);
}

int watch_wait_msec(const struct commit_parts *parts)
{
    int64_t due_msec = COMMIT_NEVER;
    int64_t wait_msec;

    if (parts->file->keeper == NULL || !watch.is_on)
        return -1;
    due_msec = commit_plan_due(&watch.plan);
    if (watch.episode.close_msec < due_msec)
        due_msec = watch.episode.close_msec;
    if (watch.is_restart_asked && watch.request_until_msec < due_msec)
        due_msec = watch.request_until_msec;
    if (due_msec == COMMIT_NEVER)
        return -1;
    wait_msec = due_msec - clock_monotonic_msec();
    if (wait_msec <= 0)
        return 0;
    return wait_msec < INT_MAX ? (int)wait_msec : INT_MAX;
}

void watch_end(const struct commit_parts *parts)
{
    if (watch.is_on && (parts->offers->changes.is_any || watch.is_first_due))
        commit_now(parts);
}
