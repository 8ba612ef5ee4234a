/* SPDX-License-Identifier: ISC */
/*
 * Owns: Apache's main process as the daemon sees it: found, told to the writer, gone.
 * Runs in: supervisor (daemon).
 * Never: signals it.
 */
#include <fcntl.h>
#include <unistd.h>

#include "daemon/daemon_state.h"
#include "system/log.h"

/* While it is not there: it may start at any time, most likely right after it ended, and wants its shield. */
#define LOOK_MSEC 1000
#define LOOK_SOON_MSEC 50
#define SOON_MSEC 10000

static void announce(const struct daemon *daemon, enum event event)
{
    audit_announce(daemon->settings.audit,
        &(struct audit_fields){.event = event,
            .process = PARTY_SUPERVISOR,
            .pid = daemon->apache.pid,
            .detail = event == EVENT_APACHE_FOUND ? daemon->apache.detail : ""});
}

static void say_lock(const struct apache *apache)
{
    if (apache->lock_kind == APACHE_LOCK_NONE)
        log_info("Apache's ssl-stapling mutex cannot be taken from outside: %s", apache->detail);
    if (apache->is_omit_pid_used)
        log_warning(
            "Apache's Mutex directive has OmitPID: after a crash the lock's file keeps Apache from starting (AH01959); "
            "take OmitPID out of it");
}

void daemon_tell_apache(struct daemon *daemon)
{
    const struct apache *apache = &daemon->apache;
    const struct child *writer = &daemon->children.writer.child;
    struct msg msg = {.type = MSG_APACHE, .apache = {.pid = (uint32_t)apache->pid}};
    int fd;

    if (apache->pid == 0)
        return;
    fd = fcntl(apache->pidfd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0 || !feed_say(&daemon->feed, writer, &msg, fd))
        log_error("the writer cannot be told of Apache");
    if (apache->lock_fd < 0)
        return;
    msg = (struct msg){.type = MSG_APACHE_LOCK, .apache_lock = {.kind = (uint8_t)apache->lock_kind}};
    fd = fcntl(apache->lock_fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0 || !feed_say(&daemon->feed, writer, &msg, fd))
        log_error("the writer cannot be told of Apache's lock");
}

static void found(struct daemon *daemon)
{
    apache_find_lock(&daemon->apache);
    daemon->facts.apache_pid = daemon->apache.pid;
    daemon->facts.apache_lock = daemon->apache.lock_kind;
    announce(daemon, EVENT_APACHE_FOUND);
    say_lock(&daemon->apache);
    daemon_tell_apache(daemon);
}

static void lost(struct daemon *daemon)
{
    announce(daemon, EVENT_APACHE_ENDED);
    apache_clear(&daemon->apache);
    daemon->facts.apache_pid = 0;
    daemon->facts.apache_lock = APACHE_LOCK_NONE;
}

void daemon_watch_apache(struct daemon *daemon, int64_t now_msec)
{
    bool is_first = daemon->facts.apache_pid == 0 && daemon->facts.commits == 0;

    daemon->apache_msec = DAEMON_NEVER;
    if (daemon->apache.pid != 0) {
        if (!apache_has_ended(&daemon->apache))
            return;
        lost(daemon);
        daemon->apache_ended_msec = now_msec;
    }
    if (!apache_find(daemon->conf->pid_file, &daemon->apache)) {
        daemon->apache_msec = now_msec + (now_msec - daemon->apache_ended_msec < SOON_MSEC ? LOOK_SOON_MSEC : LOOK_MSEC);
        return;
    }
    found(daemon);
    /* A new process has read its configuration anew; at our own start that was just asked for. */
    if (!is_first)
        daemon->discovery_msec = now_msec;
    daemon_save_soon(daemon, now_msec);
}
