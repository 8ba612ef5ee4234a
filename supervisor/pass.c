/*
 * Owns: one pass: children started, certificates handed out, messages relayed, children collected.
 * Runs in: supervisor.
 * Never: parses what a child passes on; ends because a child did.
 */
#include "pass.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "directories.h"
#include "feed.h"
#include "jail.h"
#include "log.h"
#include "relay.h"
#include "spawn.h"

/* Messages taken from one child before the other gets its turn. */
#define TURN_MESSAGES 256

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

static uint32_t common_flags(void)
{
    return log_is_verbose() ? MSG_FLAG_VERBOSE : 0;
}

static enum ipc_result configure_fetcher(const struct pass *pass, struct child *fetcher)
{
    const struct conf *conf = pass->conf;
    struct msg msg = {.type = MSG_FETCH_CONFIG};
    struct msg_fetch_config *config = &msg.fetch_config;

    config->flags = common_flags() | (conf->is_private_allowed ? MSG_FLAG_ALLOW_PRIVATE : 0)
        | (conf->is_loopback_allowed ? MSG_FLAG_ALLOW_LOOPBACK : 0);
    config->uid = pass->fetch_uid;
    config->gid = pass->fetch_gid;
    config->timeout_msec = (uint32_t)(conf->timeout_sec * 1000);
    config->concurrency = conf->concurrency;
    config->per_responder = conf->per_responder;
    config->max_body = conf->max_body;
    snprintf(config->proxy, sizeof config->proxy, "%s", conf->proxy);
    snprintf(config->ca_file, sizeof config->ca_file, "%s", conf->ca_file);
    directories_fetcher_root(conf, config->root_dir, sizeof config->root_dir);
    return ipc_send(&fetcher->ipc, &msg, -1, IPC_NOWAIT);
}

static enum ipc_result configure_writer(const struct pass *pass, struct child *writer)
{
    const struct conf *conf = pass->conf;
    struct msg msg = {.type = MSG_WRITE_CONFIG};
    struct msg_write_config *config = &msg.write_config;

    config->flags = common_flags() | (conf->is_scan_guard_on ? MSG_FLAG_SCAN_GUARD : 0);
    config->uid = pass->write_uid;
    config->gid = pass->apache_gid;
    config->commit_delay_msec = (uint32_t)(conf->commit_delay_sec * 1000);
    snprintf(config->dbm_path, sizeof config->dbm_path, "%s", conf->dbm);
    snprintf(config->state_dir, sizeof config->state_dir, "%s", conf->state_dir);
    return ipc_send(&writer->ipc, &msg, -1, IPC_NOWAIT);
}

static void file_refused(
    void *context, struct pool_cert *cert, enum reason reason, const char *path, const char *detail)
{
    struct run *run = context;
    char sentence[DETAIL_MAX + 1];

    snprintf(sentence, sizeof sentence, "%s: %s", path, detail[0] != '\0' ? detail : reason_sentence(reason));
    cert->state = CERT_STATE_UNUSABLE;
    cert->told_reason = reason;
    pool_cert_fail(cert, reason, sentence);
    relay_cert_told(&run->relay, cert);
}

/* Layers that a kernel lacks are said, and are a reason to stop where the configuration wants all of them. */
static void look_at_layers(struct run *run, const struct child *child)
{
    uint32_t missing = child->missing_layers;

    if (missing == 0)
        return;
    log_warning("%s: this kernel lacks %s%s%s; the other layers are in force", party_name(child->party),
        missing & SANDBOX_LAYER_LANDLOCK_FS ? "Landlock " : "", missing & SANDBOX_LAYER_LANDLOCK_NET ? "Landlock's TCP rules " : "",
        missing & SANDBOX_LAYER_LANDLOCK_SCOPE ? "Landlock's scopes" : "");
    if ((missing & SANDBOX_LAYER_LANDLOCK_FS) != 0 && run->pass->conf->is_sandbox_required) {
        log_error("without Landlock (Linux 5.13) the sandbox is not whole; boot a kernel with it, or set require_sandbox = no");
        run->report->has_child_failed = true;
        ipc_close(&run->fetcher.ipc);
        ipc_close(&run->writer.ipc);
    }
}

static void close_channel(struct run *run, struct child *child, const char *why)
{
    if (why != NULL) {
        log_error("%s: %s; its channel is closed", party_name(child->party), why);
        relay_service_event(&run->relay, EVENT_PROTOCOL_VIOLATION, child->party, REASON_PROTOCOL, why);
        run->report->has_child_failed = true;
    }
    ipc_close(&child->ipc);
}

static void receive_from(struct run *run, struct child *child)
{
    struct msg msg;

    for (unsigned i = 0; i < TURN_MESSAGES; i++) {
        enum ipc_result result = ipc_receive(&child->ipc, &msg, NULL, IPC_NOWAIT);
        const char *wrong;

        if (result == IPC_AGAIN)
            return;
        if (result != IPC_OK) {
            close_channel(run, child, result == IPC_MALFORMED ? msg_result_text(child->ipc.refused) : NULL);
            return;
        }
        wrong = relay_message(&run->relay, child, &msg);
        if (wrong != NULL) {
            close_channel(run, child, wrong);
            return;
        }
        if (msg.type == MSG_READY)
            look_at_layers(run, child);
        else if (msg.type == MSG_PROGRESS)
            report_progress(run->report, clock_monotonic_msec() - run->started_msec);
    }
}

static void child_ended(struct run *run, struct child *child, int status)
{
    child->pid = -1;
    child->exit_status = status;
    /* What it said before it ended still counts. */
    receive_from(run, child);
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

    if (spawn_children(&run.fetcher, &run.writer, error, cap) != 0)
        return -1;
    relay_init(&run.relay, pass->pool, pass->known, pass->audit, report);
    relay_child_start(&run.relay, &run.fetcher);
    relay_child_start(&run.relay, &run.writer);
    feed_init(&run.feed, pass->pool, &run.fetcher, &run.writer, pass->is_forced, file_refused, &run);
    report->written.reason = REASON_INTERNAL; /* until the writer says otherwise */
    if (configure_fetcher(pass, &run.fetcher) == IPC_OK && configure_writer(pass, &run.writer) == IPC_OK)
        loop(&run);
    report_progress_clear(report);
    stop_child(&run, &run.fetcher);
    stop_child(&run, &run.writer);
    feed_clear(&run.feed);
    return 0;
}
