/* SPDX-License-Identifier: ISC */
#include "pass.h"

#include <stdlib.h>

#include "schedule/fetcher_report.h"
#include "schedule/random_number.h"
#include "system/clock.h"

/* How often progress is told. */
#define PROGRESS_MSEC 250

struct pass {
    struct pass_settings settings;
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

static uint32_t done_count(const struct pass *pass)
{
    return pass->failed + pass->refused + pass->accepted;
}

static void ended(void *owner, uint32_t cert_no, enum asking_end end)
{
    struct pass *pass = owner;

    (void)cert_no;
    if (end == ASKING_ACCEPTED)
        pass->accepted++;
    else if (end == ASKING_REFUSED)
        pass->refused++;
    else
        pass->failed++;
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

static void start_pass(struct pass *pass)
{
    int64_t now = loop_now_sec();
    uint32_t count = pool_count(pass->settings.pool);

    pass->is_running = true;
    asking_forgive(pass->settings.asking);
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
        asking_ask(pass->settings.asking, cert_no);
    }
    loop_set_timer(pass->settings.loop, LOOP_PROGRESS, loop_now_msec() + PROGRESS_MSEC);
}

static void end_pass(struct pass *pass)
{
    struct msg msg = {.type = MSG_PASS_END, .pass_end = {.due = pass->due}};

    pass->is_begun = false;
    pass->is_running = false;
    loop_set_timer(pass->settings.loop, LOOP_PROGRESS, LOOP_NO_TIMER);
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
    asking_set_owner(pass->settings.asking, ended, pass, 0);
    pass->due = 0;
    pass->not_due = 0;
    pass->failed = 0;
    pass->refused = 0;
    pass->accepted = 0;
    pass->told = 0;
    return true;
}

void pass_writer_gone(struct pass *pass)
{
    if (!pass->is_begun)
        return;
    asking_drop_all(pass->settings.asking);
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
    is_hurried = asking_step(pass->settings.asking);
    if (done_count(pass) == pass->due)
        end_pass(pass);
    return is_hurried;
}

struct pass *pass_new(const struct pass_settings *settings)
{
    struct pass *pass = calloc(1, sizeof *pass);

    if (pass == NULL)
        return NULL;
    pass->settings = *settings;
    loop_set_owner(settings->loop, LOOP_PROGRESS, pass, NULL, progress_is_due);
    return pass;
}

void pass_free(struct pass *pass)
{
    free(pass);
}
