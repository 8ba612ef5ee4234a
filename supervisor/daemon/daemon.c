/* SPDX-License-Identifier: ISC */
#include "daemon/daemon.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "children/sandbox_layers.h"
#include "daemon/daemon_state.h"
#include "daemon/systemd_notify.h"
#include "system/clock.h"
#include "system/log.h"

/* Messages taken from one child before others get their turn. */
#define TURN_MESSAGES 256
/* Turns for what a child said before it ended: its channel holds some hundred messages; somebody who lives on might go on talking. */
#define LAST_TURNS 64
/* How long an audit record may wait for others before it is on the disk. */
#define FLUSH_MSEC 250
/* Certificate files are looked at from outside: a renewal that no hook told of is served a minute later at the latest. */
#define LOOKOUT_MSEC 60000
/* `stapleguardd` promises to be gone 5 s after SIGTERM (DESIGN.md "Modes"). */
#define STOP_WAIT_MSEC 4000
/* At the end of --once the writer's whole work may still lie before it: a commit of 100,000 certificates. */
#define ONCE_STOP_WAIT_MSEC 120000

/* Signals, two children, Apache; then whatever the parts have. */
#define POLLED_FIXED 4
#define POLLED_MAX (POLLED_FIXED + CONTROL_CLIENTS_MAX + 1 + DISCOVERY_POLL_MAX + RESTART_POLL_MAX)

/* What of the polled descriptors belongs to whom. */
struct polled {
    struct pollfd all[POLLED_MAX];
    size_t control_at, control_count;
    size_t count;
};

/* What children report. */

static void cert_changed(void *context, struct pool_cert *cert)
{
    struct daemon *daemon = context;

    (void)cert;
    daemon_save_soon(daemon, clock_monotonic_msec());
}

static void committed(void *context)
{
    struct daemon *daemon = context;

    daemon->facts.committed_at = (int64_t)time(NULL);
    daemon->facts.commits++;
    if (daemon->settings.options->is_once) {
        daemon->is_committed = true;
        return;
    }
    if (daemon->facts.commit.reason != REASON_NONE)
        log_unless_told(audit_has_journal(daemon->settings.audit), SEVERITY_ERROR, "Apache's file was not written: %s",
            daemon->facts.commit.detail[0] != '\0' ? daemon->facts.commit.detail
                                                   : reason_sentence((enum reason)daemon->facts.commit.reason));
    daemon_save_soon(daemon, clock_monotonic_msec());
    if (!daemon->is_committed) {
        daemon->is_committed = true;
        log_info("ready: %zu certificate%s, %u entr%s in Apache's file", daemon->pool->count, daemon->pool->count == 1 ? "" : "s",
            daemon->facts.commit.entries, daemon->facts.commit.entries == 1 ? "y" : "ies");
        notify_ready();
    }
    daemon_say_status(daemon);
}

static void progressed(void *context)
{
    struct daemon *daemon = context;

    once_progressed(&daemon->once, &daemon->facts.progress, clock_monotonic_msec());
}

/* Whoever restarted it: it uses what the files hold now, and perhaps other files. */
static void apache_restarted(void *context)
{
    struct daemon *daemon = context;

    if (daemon->settings.options->is_once)
        return;
    daemon->discovery_msec = daemon->lookout_msec = clock_monotonic_msec();
    daemon_save_soon(daemon, daemon->discovery_msec);
}

static void restart_was_answered(void *context, const struct msg_restarted *restarted)
{
    struct daemon *daemon = context;

    restart_answered(daemon->restart, restarted);
}

static void file_refused(void *context, struct pool_cert *cert, enum reason reason, const char *path, const char *detail)
{
    struct daemon *daemon = context;

    relay_file_refused(&daemon->relay, cert, reason, path, detail);
}

static void child_is_ready(struct daemon *daemon, struct child_life *life)
{
    if (!layers_are_enough(daemon->conf, life->child.missing_layers)) {
        children_close(&daemon->children, life, "it could not be locked in by all layers of its sandbox");
        return;
    }
    if (life == &daemon->children.writer)
        daemon_tell_apache(daemon);
}

/* Returns whether there may be more. */
static bool receive_from(struct daemon *daemon, struct child_life *life)
{
    struct msg msg;

    for (unsigned i = 0; i < TURN_MESSAGES && life->child.ipc.fd >= 0; i++) {
        enum ipc_result result = ipc_receive(&life->child.ipc, &msg, NULL, IPC_NOWAIT);
        const char *wrong = NULL;

        if (result == IPC_AGAIN)
            return false;
        if (result == IPC_OK)
            wrong = relay_message(&daemon->relay, &life->child, &msg);
        else if (result == IPC_MALFORMED)
            wrong = msg_result_text(life->child.ipc.refused);
        if (result != IPC_OK || wrong != NULL)
            children_close(&daemon->children, life, wrong);
        else if (msg.type == MSG_READY)
            child_is_ready(daemon, life);
    }
    return life->child.ipc.fd >= 0;
}

/* What it said before it ended still counts, all of it. */
static void collect_children(struct daemon *daemon, int64_t now_msec)
{
    struct child_life *life;

    while ((life = children_reap(&daemon->children)) != NULL) {
        for (unsigned i = 0; i < LAST_TURNS && receive_from(daemon, life); i++)
            ;
        children_ended(&daemon->children, life, now_msec);
    }
    if (daemon->children.writer.child.pid <= 0)
        restart_writer_gone(daemon->restart);
}

/* Signals. */

static void stop(struct daemon *daemon, int64_t stop_msec)
{
    daemon->is_stopping = true;
    daemon->stop_msec = stop_msec;
    notify_stopping();
    children_stop(&daemon->children);
}

static void asked_to_stop(struct daemon *daemon, int64_t now_msec)
{
    if (daemon->settings.options->is_once && !daemon->once.report.is_interrupted) {
        once_interrupt(&daemon->once, &daemon->feed, &daemon->children);
    } else if (daemon->settings.options->is_once) {
        stop(daemon, now_msec + STOP_WAIT_MSEC);
    } else if (!daemon->is_stopping) {
        log_info("stopping; the staples in Apache's file stay until they end, or until Apache restarts");
        stop(daemon, now_msec + STOP_WAIT_MSEC);
    }
}

static void take_signals(struct daemon *daemon, int64_t now_msec)
{
    struct signalfd_siginfo info;

    while (read(daemon->settings.signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            collect_children(daemon, now_msec);
        else if (info.ssi_signo == SIGHUP && !daemon->settings.options->is_once)
            daemon_reload(daemon, NULL);
        else
            asked_to_stop(daemon, now_msec);
    }
}

/* What is due. */

/* Numbers are never used again, and there are CERTS_MAX of them: after years of renewals both children start anew. */
static void renumber(struct daemon *daemon, int64_t now_msec)
{
    struct child_life *const lives[] = {&daemon->children.fetcher, &daemon->children.writer};

    log_info(
        "%u numbers for certificates are used up; fetcher and writer are started anew to begin at 0", daemon->pool->sent_count);
    for (size_t i = 0; i < 2; i++) {
        children_replace(lives[i], now_msec);
        children_close(&daemon->children, lives[i], NULL);
    }
    feed_renumber(&daemon->feed);
}

static void look_out(struct daemon *daemon, int64_t now_msec)
{
    if (pool_is_short_of_numbers(daemon->pool))
        renumber(daemon, now_msec);
    for (size_t i = 0; i < daemon->pool->count; i++)
        if (pool_stamp(&daemon->pool->certs[i]))
            feed_look(&daemon->feed, &daemon->pool->certs[i]);
    daemon->lookout_msec = now_msec + LOOKOUT_MSEC;
}

static void flush(struct daemon *daemon)
{
    audit_flush(daemon->settings.audit);
    daemon->flush_msec = DAEMON_NEVER;
}

static void tick(struct daemon *daemon, int64_t now_msec)
{
    relay_tick(&daemon->relay);
    daemon->tick_msec = now_msec + audit_tick(daemon->settings.audit);
}

static void feed_watchdog(struct daemon *daemon, int64_t now_msec)
{
    notify_watchdog();
    daemon->watchdog_msec = now_msec + notify_watchdog_msec();
}

/* Do what is due.  Returns when to come again. */
static int64_t do_what_is_due(struct daemon *daemon, int64_t now_msec)
{
    int64_t next_msec = children_tick(&daemon->children, now_msec);
    int64_t parts[10];

    if (daemon->lookout_msec <= now_msec)
        look_out(daemon, now_msec);
    if (daemon->apache_msec <= now_msec)
        daemon_watch_apache(daemon, now_msec);
    if (daemon->discovery_msec <= now_msec)
        daemon_discover(daemon);
    if (daemon->save_msec <= now_msec)
        daemon_save(daemon);
    if (daemon->flush_msec <= now_msec)
        flush(daemon);
    if (daemon->tick_msec <= now_msec)
        tick(daemon, now_msec);
    if (daemon->watchdog_msec <= now_msec)
        feed_watchdog(daemon, now_msec);
    if (daemon->is_stopping && daemon->stop_msec <= now_msec) {
        children_kill(&daemon->children);
        daemon->stop_msec = now_msec + STOP_WAIT_MSEC;
    }
    parts[0] = daemon->lookout_msec;
    parts[1] = daemon->apache_msec;
    parts[2] = daemon->discovery_msec;
    parts[3] = daemon->save_msec;
    parts[4] = daemon->flush_msec;
    parts[5] = daemon->watchdog_msec;
    parts[6] = daemon->stop_msec;
    parts[7] = deploys_tick(daemon->deploys, now_msec);
    parts[8] = daemon->tick_msec;
    parts[9] = control_next_msec(daemon->control);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        next_msec = parts[i] < next_msec ? parts[i] : next_msec;
    return next_msec;
}

/* The loop. */

static short wanted_events(const struct daemon *daemon, const struct child *child)
{
    return (short)(POLLIN | (feed_waits_for(&daemon->feed, child) ? POLLOUT : 0));
}

static void fill_polled(const struct daemon *daemon, struct polled *polled)
{
    const struct child *fetcher = &daemon->children.fetcher.child;
    const struct child *writer = &daemon->children.writer.child;

    polled->all[0] = (struct pollfd){daemon->settings.signal_fd, POLLIN, 0};
    polled->all[1] = (struct pollfd){fetcher->ipc.fd, wanted_events(daemon, fetcher), 0};
    polled->all[2] = (struct pollfd){writer->ipc.fd, wanted_events(daemon, writer), 0};
    polled->all[3] = (struct pollfd){daemon->apache.pidfd, POLLIN, 0};
    polled->count = POLLED_FIXED;
    polled->control_at = polled->count;
    polled->control_count = control_poll(daemon->control, &polled->all[polled->count]);
    polled->count += polled->control_count;
    polled->count += discovery_poll(daemon->discovery, &polled->all[polled->count]);
    polled->count += restart_poll(daemon->restart, &polled->all[polled->count]);
}

static void handle_polled(struct daemon *daemon, const struct polled *polled)
{
    int64_t now_msec = clock_monotonic_msec();

    if (polled->all[1].revents != 0)
        receive_from(daemon, &daemon->children.fetcher);
    if (polled->all[2].revents != 0)
        receive_from(daemon, &daemon->children.writer);
    if (polled->all[3].revents != 0)
        daemon_watch_apache(daemon, now_msec);
    if (polled->all[0].revents != 0)
        take_signals(daemon, now_msec);
    control_ready(daemon->control, &polled->all[polled->control_at], polled->control_count, now_msec);
    daemon_discovery_ready(daemon, now_msec);
    restart_ready(daemon->restart, now_msec);
}

static int wait_msec(int64_t next_msec, int64_t now_msec)
{
    if (next_msec <= now_msec)
        return 0;
    return next_msec - now_msec < 3600 * 1000 ? (int)(next_msec - now_msec) : 3600 * 1000;
}

static void loop(struct daemon *daemon)
{
    static struct polled polled;

    while (!daemon->is_stopping || !children_stopped(&daemon->children)) {
        int64_t now_msec = clock_monotonic_msec();
        int64_t next_msec = do_what_is_due(daemon, now_msec);
        int64_t part_msec = restart_next_msec(daemon->restart, now_msec);

        next_msec = part_msec < next_msec ? part_msec : next_msec;
        part_msec = discovery_next_msec(daemon->discovery, now_msec);
        next_msec = part_msec < next_msec ? part_msec : next_msec;
        feed_continue(&daemon->feed);
        if (daemon->settings.options->is_once && !daemon->is_stopping
            && once_is_over(&daemon->once, &daemon->feed, &daemon->children))
            stop(daemon, now_msec + ONCE_STOP_WAIT_MSEC);
        if (daemon->flush_msec == DAEMON_NEVER && audit_is_waiting(daemon->settings.audit)) {
            daemon->flush_msec = now_msec + FLUSH_MSEC;
            next_msec = daemon->flush_msec < next_msec ? daemon->flush_msec : next_msec;
        }
        fill_polled(daemon, &polled);
        if (poll(polled.all, polled.count, wait_msec(next_msec, now_msec)) < 0 && errno != EINTR) {
            log_error("poll: %s", strerror(errno));
            return;
        }
        handle_polled(daemon, &polled);
    }
}

/* Beginning and end. */

/* What a service does besides, and --once does not: watch Apache and the files, listen to clients. */
static int set_up_service(struct daemon *daemon, int64_t now_msec)
{
    char error[1024] = "";

    daemon->facts.pid = getpid();
    daemon->apache_msec = daemon->apache_ended_msec = now_msec;
    daemon->lookout_msec = now_msec + LOOKOUT_MSEC;
    if (notify_watchdog_msec() > 0)
        daemon->watchdog_msec = now_msec;
    daemon->control = control_open(daemon->conf->run_dir, daemon->settings.look_gid, &daemon->actions, error, sizeof error);
    if (daemon->control == NULL) {
        log_error("%s", error);
        return -1;
    }
    return 0;
}

static int set_up(struct daemon *daemon, const struct daemon_settings *settings)
{
    const struct options *options = settings->options;
    int64_t now_msec = clock_monotonic_msec();

    daemon->settings = *settings;
    daemon->conf = settings->conf;
    daemon->apache = (struct apache){.pidfd = -1, .lock_fd = -1};
    daemon->facts.config_path = options->config_path;
    daemon->facts.started_at = (int64_t)time(NULL);
    daemon->save_msec = daemon->flush_msec = daemon->stop_msec = daemon->watchdog_msec = DAEMON_NEVER;
    daemon->apache_msec = daemon->lookout_msec = DAEMON_NEVER;
    daemon->tick_msec = now_msec;
    if (daemon_gather(daemon) != 0 || daemon_prepare_actions(daemon) != 0)
        return -1;
    daemon->relay_hooks
        = (struct relay_hooks){cert_changed, committed, progressed, apache_restarted, restart_was_answered, daemon};
    relay_init(&daemon->relay, daemon->pool, daemon->known, settings->audit, &daemon->facts, &daemon->relay_hooks);
    children_init(&daemon->children, &daemon->facts, &daemon->feed, &daemon->relay, &settings->ids);
    daemon->children.conf = daemon->conf;
    daemon->children.is_once = daemon->relay.is_summarised = options->is_once;
    feed_init(&daemon->feed, daemon->pool, &daemon->children.fetcher.child, &daemon->children.writer.child,
        (struct msg_begin){.is_once = options->is_once, .is_forced = options->is_forced}, file_refused, daemon);
    if (!options->is_once)
        return set_up_service(daemon, now_msec);
    daemon->discovery_msec = DAEMON_NEVER;
    once_begin(&daemon->once, &daemon->facts, audit_has_journal(settings->audit), now_msec);
    return 0;
}

static void clean_up(struct daemon *daemon)
{
    control_close(daemon->control);
    deploys_free(daemon->deploys);
    restart_free(daemon->restart);
    discovery_free(daemon->discovery);
    feed_clear(&daemon->feed);
    apache_clear(&daemon->apache);
    known_free(daemon->known);
    pool_free(daemon->pool);
    conf_free(daemon->next_conf);
    conf_free(daemon->conf);
    free(daemon);
}

/* Returns the exit code. */
static enum exit_code run(struct daemon *daemon)
{
    bool is_once = daemon->settings.options->is_once;

    if (is_once && daemon->pool->count == 0)
        return daemon->facts.discovery_error[0] != '\0' || !daemon->conf->is_discovery_on ? EXIT_CONFIGURATION : EXIT_ALL_FRESH;
    loop(daemon);
    daemon_save(daemon);
    return is_once ? once_end(&daemon->once, &daemon->facts, daemon->pool, daemon->conf->audit_log) : EXIT_ALL_FRESH;
}

enum exit_code daemon_run(const struct daemon_settings *settings)
{
    struct daemon *daemon = calloc(1, sizeof *daemon);
    enum exit_code code = EXIT_CONFIGURATION;

    if (daemon == NULL) {
        log_error("out of memory");
        conf_free(settings->conf);
        return code;
    }
    if (set_up(daemon, settings) == 0)
        code = run(daemon);
    clean_up(daemon);
    return code;
}
