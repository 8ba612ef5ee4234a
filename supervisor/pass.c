/* SPDX-License-Identifier: ISC */
#include "pass.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children/cert_feed.h"
#include "children/relay.h"
#include "children/sandbox_layers.h"
#include "children/spawn.h"
#include "system/clock.h"
#include "system/log.h"

/* Messages taken from one child before the other gets its turn. */
#define TURN_MESSAGES 256

/* Turns for what a child said before it ended: its channel holds some hundred messages; somebody who lives on might go on talking. */
#define LAST_TURNS 64

/* How long an audit record may wait for others before it is on the disk. */
#define FLUSH_MSEC 250

struct run {
    const struct pass *pass;
    struct report *report;
    struct child fetcher;
    struct child writer;
    struct feed feed;
    struct relay relay;
    int64_t started_msec;
    int64_t flushed_msec;
};

static void file_refused(void *context, struct pool_cert *cert, enum reason reason, const char *path, const char *detail)
{
    struct run *run = context;

    relay_file_refused(&run->relay, cert, reason, path, detail);
}

/* What the kernel lacks was judged before; a child that could not make use of what it has is a reason to stop. */
static void look_at_layers(struct run *run, const struct child *child)
{
    if (layers_are_enough(run->pass->conf, child->missing_layers))
        return;
    log_error("%s could not be locked in by all layers of the sandbox", party_name(child->party));
    run->report->has_child_failed = true;
    ipc_close(&run->fetcher.ipc);
    ipc_close(&run->writer.ipc);
}

static void close_channel(struct run *run, struct child *child, const char *why)
{
    if (why != NULL) {
        log_unless_told(relay_service_event(&run->relay, EVENT_PROTOCOL_VIOLATION, child->party, REASON_PROTOCOL, why),
            SEVERITY_ERROR, "%s: %s; its channel is closed", party_name(child->party), why);
        run->report->has_child_failed = true;
    }
    ipc_close(&child->ipc);
}

/* Returns whether there may be more. */
static bool receive_from(struct run *run, struct child *child)
{
    struct msg msg;

    for (unsigned i = 0; i < TURN_MESSAGES; i++) {
        enum ipc_result result = ipc_receive(&child->ipc, &msg, NULL, IPC_NOWAIT);
        const char *wrong;

        if (result == IPC_AGAIN)
            return false;
        if (result != IPC_OK) {
            close_channel(run, child, result == IPC_MALFORMED ? msg_result_text(child->ipc.refused) : NULL);
            return false;
        }
        wrong = relay_message(&run->relay, child, &msg);
        if (wrong != NULL) {
            close_channel(run, child, wrong);
            return false;
        }
        if (msg.type == MSG_READY)
            look_at_layers(run, child);
        else if (msg.type == MSG_PROGRESS)
            report_progress(run->report, clock_monotonic_msec() - run->started_msec);
    }
    return true;
}

static void child_ended(struct run *run, struct child *child, int status)
{
    child->pid = -1;
    child->exit_status = status;
    /* What it said before it ended still counts, all of it. */
    for (unsigned i = 0; i < LAST_TURNS && receive_from(run, child); i++)
        ;
    ipc_close(&child->ipc);
    relay_child_exit(&run->relay, child);
    if (!child->is_done)
        run->report->has_child_failed = true;
}

static void collect_children(struct run *run)
{
    struct child *const children[] = {&run->fetcher, &run->writer};
    int status;

    for (size_t i = 0; i < 2; i++)
        if (children[i]->pid > 0 && waitpid(children[i]->pid, &status, WNOHANG) == children[i]->pid)
            child_ended(run, children[i], status);
}

/* A first signal ends the asking: the fetcher goes, and the writer commits what it has.  A second one ends everything. */
static void stop_asked(struct run *run)
{
    if (run->report->is_interrupted) {
        ipc_close(&run->writer.ipc);
        return;
    }
    run->report->is_interrupted = true;
    feed_cut_short(&run->feed);
    ipc_close(&run->fetcher.ipc);
}

static void take_signals(struct run *run)
{
    struct signalfd_siginfo info;

    while (read(run->pass->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            collect_children(run);
        else
            stop_asked(run);
    }
}

static short wanted_events(const struct run *run, const struct child *child)
{
    return (short)(POLLIN | (feed_waits_for(&run->feed, child) ? POLLOUT : 0));
}

static bool is_busy(const struct child *child)
{
    return child->ipc.fd >= 0 && !child->is_done;
}

/* Without a writer nobody could keep what the fetcher brings: its end, before it is done, ends the pass. */
static bool is_pass_over(const struct run *run)
{
    return !is_busy(&run->writer) && !(run->writer.is_done && is_busy(&run->fetcher));
}

/* Records are kept together, so that a large pass does not wait for the disk at each of them. */
static void flush_audit(struct run *run)
{
    int64_t now_msec = clock_monotonic_msec();

    if (now_msec - run->flushed_msec < FLUSH_MSEC)
        return;
    relay_tick(&run->relay);
    audit_tick(run->pass->audit);
    audit_flush(run->pass->audit);
    run->flushed_msec = now_msec;
}

static void loop(struct run *run)
{
    while (!is_pass_over(run)) {
        struct pollfd polled[3] = {
            {run->pass->signal_fd, POLLIN, 0},
            {run->fetcher.ipc.fd, wanted_events(run, &run->fetcher), 0},
            {run->writer.ipc.fd, wanted_events(run, &run->writer), 0},
        };

        if (poll(polled, 3, FLUSH_MSEC) < 0 && errno != EINTR)
            return;
        if (polled[1].revents != 0)
            receive_from(run, &run->fetcher);
        if (polled[2].revents != 0)
            receive_from(run, &run->writer);
        if (polled[0].revents != 0)
            take_signals(run);
        feed_continue(&run->feed);
        flush_audit(run);
    }
}

static void stop_child(struct run *run, struct child *child)
{
    bool was_running = child->pid > 0;

    spawn_stop(child);
    if (was_running)
        relay_child_exit(&run->relay, child);
}

int pass_run(const struct pass *pass, struct report *report, char *error, size_t cap)
{
    struct run run = {.pass = pass, .report = report, .started_msec = clock_monotonic_msec()};
    struct msg config;
    bool is_configured;

    if (spawn_children(&run.fetcher, &run.writer, error, cap) != 0)
        return -1;
    relay_init(&run.relay, pass->pool, pass->known, pass->audit, report);
    relay_child_start(&run.relay, &run.fetcher);
    relay_child_start(&run.relay, &run.writer);
    feed_init(
        &run.feed, pass->pool, &run.fetcher, &run.writer, pass->is_forced ? FEED_PASS_FORCED : FEED_PASS, file_refused, &run);
    report->written.reason = REASON_INTERNAL; /* until the writer says otherwise */
    configure_fetcher(pass->conf, &pass->ids, &config);
    is_configured = ipc_send(&run.fetcher.ipc, &config, -1, IPC_NOWAIT) == IPC_OK;
    configure_writer(pass->conf, &pass->ids, false, &config);
    if (is_configured && ipc_send(&run.writer.ipc, &config, -1, IPC_NOWAIT) == IPC_OK)
        loop(&run);
    report_progress_clear(report);
    stop_child(&run, &run.fetcher);
    stop_child(&run, &run.writer);
    feed_clear(&run.feed);
    return 0;
}
