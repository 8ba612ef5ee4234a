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
#include "daemon/daemon_actions.h"
#include "daemon/daemon_apache.h"
#include "daemon/daemon_config.h"
#include "daemon/daemon_once.h"
#include "daemon/daemon_save.h"
#include "daemon/systemd_notify.h"
#include "system/clock.h"
#include "system/log.h"

/* Messages taken from one child before others get their turn. */
#define TURN_MESSAGES 256
/* Turns for what a child said before it ended: its channel holds some hundred messages; somebody who lives on might go on talking. */
#define LAST_TURNS 64
/* How long an audit record may wait for others before it is on the disk. */
#define FLUSH_MSEC 250
/* `stapleguardd` promises to be gone 5 s after SIGTERM (DESIGN.md "Modes"). */
#define STOP_WAIT_MSEC 4000
/* At the end of --once the writer's whole work may still lie before it: a commit of 100,000 certificates. */
#define ONCE_STOP_WAIT_MSEC 120000

#define NEVER_MSEC INT64_MAX

/* When something of the daemon's own is due, in milliseconds of the monotonic clock. */
struct due {
    int64_t flush_msec;    /* the audit log */
    int64_t tick_msec;     /* its sealing key, and floods */
    int64_t children_msec; /* a child is started, or has hung for too long */
    int64_t deploys_msec;
    int64_t watchdog_msec;
    int64_t stop_msec; /* whoever has not ended by then is killed */
};

struct daemon {
    struct daemon_settings settings; /* conf is daemon_config's */
    struct facts facts;
    struct relay_hooks relay_hooks;
    struct relay relay;
    struct feed feed;
    struct children children;
    struct daemon_config config;
    struct daemon_apache apache;
    struct daemon_actions actions;
    struct control *control; /* NULL with --once */
    struct daemon_save save;
    struct once once;
    struct due due;
    bool is_committed; /* at least once: everything is known of every certificate */
    bool is_stopping;
};

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

static void save_soon(struct daemon *daemon)
{
    if (!daemon->settings.options->is_once) /* saved once, at its end */
        daemon_save_soon(&daemon->save, clock_monotonic_msec());
}

static void cert_changed(void *context, struct listed_cert *cert)
{
    (void)cert;
    save_soon(context);
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
    save_soon(daemon);
    if (!daemon->is_committed) {
        daemon->is_committed = true;
        log_info("ready: %zu certificate%s, %u entr%s in Apache's file", daemon->config.list->count,
            daemon->config.list->count == 1 ? "" : "s", daemon->facts.commit.entries,
            daemon->facts.commit.entries == 1 ? "y" : "ies");
        notify_ready();
    }
    daemon_save_notify(&daemon->facts, daemon->config.list);
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
    daemon->config.discovery_msec = daemon->config.lookout_msec = clock_monotonic_msec();
    save_soon(daemon);
}

static void restart_was_answered(void *context, const struct msg_restarted *restarted)
{
    struct daemon *daemon = context;

    restart_answered(daemon->actions.restart, restarted);
}

static void file_refused(void *context, struct listed_cert *cert, enum reason reason, const char *path, const char *detail)
{
    struct daemon *daemon = context;

    relay_file_refused(&daemon->relay, cert, reason, path, detail);
}

static void child_is_ready(struct daemon *daemon, struct child_life *life)
{
    if (!layers_are_enough(daemon->config.conf, life->child.missing_layers)) {
        children_close(&daemon->children, life, "it could not be locked in by all layers of its sandbox");
        return;
    }
    if (life == &daemon->children.writer)
        daemon_apache_tell(&daemon->apache, &daemon->feed, &life->child);
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
        restart_writer_gone(daemon->actions.restart);
}

/* Signals. */

static void stop(struct daemon *daemon, int64_t stop_msec)
{
    daemon->is_stopping = true;
    daemon->due.stop_msec = stop_msec;
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
            daemon_config_reload(&daemon->config, NULL);
        else
            asked_to_stop(daemon, now_msec);
    }
}

/* What is due. */

static void look_at_apache(void *context)
{
    struct daemon *daemon = context;
    bool is_first = daemon->facts.apache_pid == 0 && daemon->facts.commits == 0;
    int64_t now_msec = clock_monotonic_msec();

    if (!daemon_apache_look(&daemon->apache, daemon->config.conf->pid_file, &daemon->facts, daemon->settings.audit, now_msec))
        return;
    daemon_apache_tell(&daemon->apache, &daemon->feed, &daemon->children.writer.child);
    /* A new process has read its configuration anew; at our own start that was just asked for. */
    if (!is_first)
        daemon->config.discovery_msec = now_msec;
    save_soon(daemon);
}

/* The configuration or the list is another one; pid_file may be, too. */
static void config_changed(void *context)
{
    struct daemon *daemon = context;

    daemon->apache.due_msec = clock_monotonic_msec();
    save_soon(daemon);
}

static void save(struct daemon *daemon)
{
    const struct daemon_saved saved = {
        .conf = daemon->config.conf,
        .facts = &daemon->facts,
        .list = daemon->config.list,
        .look_gid = daemon->settings.look_gid,
        .is_list_settled = daemon->is_committed && !daemon->once.report.is_interrupted,
    };

    daemon_save_notify(&daemon->facts, daemon->config.list);
    daemon_save_now(&daemon->save, &saved);
}

static void do_what_is_due(struct daemon *daemon, int64_t now_msec)
{
    struct due *due = &daemon->due;

    due->children_msec = children_tick(&daemon->children, now_msec);
    due->deploys_msec = deploys_tick(daemon->actions.deploys, now_msec);
    if (daemon->config.lookout_msec <= now_msec)
        daemon_config_look_out(&daemon->config, now_msec);
    if (daemon->apache.due_msec <= now_msec)
        look_at_apache(daemon);
    if (daemon->config.discovery_msec <= now_msec)
        daemon_config_discover(&daemon->config);
    if (daemon->save.due_msec <= now_msec)
        save(daemon);
    if (due->tick_msec <= now_msec) {
        relay_tick(&daemon->relay);
        due->tick_msec = now_msec + audit_tick(daemon->settings.audit);
    }
    if (due->flush_msec <= now_msec) {
        audit_flush(daemon->settings.audit);
        due->flush_msec = NEVER_MSEC;
    }
    if (due->watchdog_msec <= now_msec) {
        notify_watchdog();
        due->watchdog_msec = now_msec + notify_watchdog_msec();
    }
    if (due->stop_msec <= now_msec) {
        children_kill(&daemon->children);
        due->stop_msec = now_msec + STOP_WAIT_MSEC;
    }
    if (due->flush_msec == NEVER_MSEC && audit_is_waiting(daemon->settings.audit))
        due->flush_msec = now_msec + FLUSH_MSEC;
}

static int64_t next_due_msec(const struct daemon *daemon, int64_t now_msec)
{
    const struct due *due = &daemon->due;
    const int64_t parts[] = {
        daemon->config.lookout_msec,
        due->flush_msec,
        due->tick_msec,
        due->children_msec,
        due->deploys_msec,
        due->watchdog_msec,
        due->stop_msec,
        daemon->apache.due_msec,
        daemon->config.discovery_msec,
        daemon->save.due_msec,
        restart_next_msec(daemon->actions.restart, now_msec),
        discovery_next_msec(daemon->config.discovery, now_msec),
        control_next_msec(daemon->control),
    };
    int64_t next_msec = NEVER_MSEC;

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
    polled->all[3] = (struct pollfd){daemon->apache.process.pidfd, POLLIN, 0};
    polled->count = POLLED_FIXED;
    polled->control_at = polled->count;
    polled->control_count = control_poll(daemon->control, &polled->all[polled->count]);
    polled->count += polled->control_count;
    polled->count += discovery_poll(daemon->config.discovery, &polled->all[polled->count]);
    polled->count += restart_poll(daemon->actions.restart, &polled->all[polled->count]);
}

static void handle_polled(struct daemon *daemon, const struct polled *polled)
{
    int64_t now_msec = clock_monotonic_msec();

    if (polled->all[1].revents != 0)
        receive_from(daemon, &daemon->children.fetcher);
    if (polled->all[2].revents != 0)
        receive_from(daemon, &daemon->children.writer);
    if (polled->all[3].revents != 0)
        look_at_apache(daemon);
    if (polled->all[0].revents != 0)
        take_signals(daemon, now_msec);
    control_ready(daemon->control, &polled->all[polled->control_at], polled->control_count, now_msec);
    daemon_config_ready(&daemon->config, now_msec);
    restart_ready(daemon->actions.restart, now_msec);
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

        do_what_is_due(daemon, now_msec);
        feed_continue(&daemon->feed);
        if (daemon->settings.options->is_once && !daemon->is_stopping
            && once_is_over(&daemon->once, &daemon->feed, &daemon->children))
            stop(daemon, now_msec + ONCE_STOP_WAIT_MSEC);
        fill_polled(daemon, &polled);
        if (poll(polled.all, polled.count, wait_msec(next_due_msec(daemon, now_msec), now_msec)) < 0 && errno != EINTR) {
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
    daemon_apache_init(&daemon->apache, now_msec);
    if (notify_watchdog_msec() > 0)
        daemon->due.watchdog_msec = now_msec;
    daemon->control
        = control_open(daemon->config.conf->run_dir, daemon->settings.look_gid, &daemon->actions.control, error, sizeof error);
    if (daemon->control == NULL) {
        log_error("%s", error);
        return -1;
    }
    return 0;
}

/* Fetcher, writer, and what passes between them and us. */
static void set_up_children(struct daemon *daemon)
{
    const struct daemon_settings *settings = &daemon->settings;
    const struct msg_begin begin = {.is_once = settings->options->is_once, .is_forced = settings->options->is_forced};
    struct cert_list *list = daemon->config.list;

    daemon->relay_hooks
        = (struct relay_hooks){cert_changed, committed, progressed, apache_restarted, restart_was_answered, daemon};
    relay_init(&daemon->relay, list, daemon->config.known, settings->audit, &daemon->facts, &daemon->relay_hooks);
    children_init(&daemon->children, &daemon->facts, &daemon->feed, &daemon->relay, &settings->ids);
    daemon->children.conf = daemon->config.conf;
    feed_init(&daemon->feed, list, &daemon->children.fetcher.child, &daemon->children.writer.child, begin, file_refused, daemon);
}

static int set_up(struct daemon *daemon)
{
    const struct daemon_settings *settings = &daemon->settings;
    const struct daemon_actors actors
        = {&daemon->config, &daemon->facts, settings->audit, &daemon->feed, &daemon->children, look_at_apache, daemon};
    int64_t now_msec = clock_monotonic_msec();

    daemon->facts.config_path = settings->options->config_path;
    daemon->facts.started_at = (int64_t)time(NULL);
    daemon->due = (struct due){NEVER_MSEC, now_msec, now_msec, NEVER_MSEC, NEVER_MSEC, NEVER_MSEC};
    daemon->save.due_msec = NEVER_MSEC;
    daemon_apache_init(&daemon->apache, NEVER_MSEC);
    if (daemon_config_init(&daemon->config, settings->conf, &settings->ids, &daemon->facts, settings->audit) != 0
        || daemon_actions_init(&daemon->actions, &actors) != 0)
        return -1;
    set_up_children(daemon);
    daemon->config.listeners = (struct daemon_config_listeners){
        &daemon->feed, &daemon->relay, &daemon->children, daemon->actions.deploys, config_changed, daemon};
    if (!settings->options->is_once)
        return set_up_service(daemon, now_msec);
    daemon->config.discovery_msec = daemon->config.lookout_msec = NEVER_MSEC;
    daemon->children.is_once = daemon->relay.is_summarised = true;
    once_begin(&daemon->once, &daemon->facts, audit_has_journal(settings->audit), now_msec);
    return 0;
}

static void clean_up(struct daemon *daemon)
{
    control_close(daemon->control);
    daemon_actions_clear(&daemon->actions);
    feed_clear(&daemon->feed);
    daemon_apache_clear(&daemon->apache);
    daemon_config_clear(&daemon->config);
    free(daemon);
}

/* Returns the exit code. */
static enum exit_code run(struct daemon *daemon)
{
    bool is_once = daemon->settings.options->is_once;

    if (is_once && daemon->config.list->count == 0)
        return daemon->facts.discovery_error[0] != '\0' || !daemon->config.conf->is_discovery_on ? EXIT_CONFIGURATION
                                                                                                 : EXIT_ALL_FRESH;
    loop(daemon);
    save(daemon);
    return is_once ? once_end(&daemon->once, &daemon->facts, daemon->config.list, daemon->config.conf->audit_log)
                   : EXIT_ALL_FRESH;
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
    daemon->settings = *settings;
    if (set_up(daemon) == 0)
        code = run(daemon);
    clean_up(daemon);
    return code;
}
