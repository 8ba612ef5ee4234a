/* SPDX-License-Identifier: ISC */
#include "daemon/daemon_apache.h"

#include <fcntl.h>
#include <unistd.h>

#include "system/log.h"

/* While it is not there: it may start at any time, most likely right after it ended, and wants its shield. */
#define LOOK_MSEC 1000
#define LOOK_SOON_MSEC 50
#define SOON_MSEC 10000

void daemon_apache_init(struct daemon_apache *apache, int64_t now_msec)
{
    *apache = (struct daemon_apache){
        .process = {.pidfd = -1, .lock_fd = -1},
        .due_msec = now_msec,
        .ended_msec = now_msec,
    };
}

void daemon_apache_clear(struct daemon_apache *apache)
{
    apache_clear(&apache->process);
}

static void announce(struct audit *audit, const struct apache *apache, enum event event)
{
    audit_announce(audit,
        &(struct audit_fields){.event = event,
            .process = PARTY_SUPERVISOR,
            .pid = apache->pid,
            .detail = event == EVENT_APACHE_FOUND ? apache->detail : ""});
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

void daemon_apache_tell(const struct daemon_apache *apache, struct feed *feed, const struct child *writer)
{
    const struct apache *process = &apache->process;
    struct msg msg = {.type = MSG_APACHE, .apache = {.pid = (uint32_t)process->pid}};
    int fd;

    if (process->pid == 0)
        return;
    fd = fcntl(process->pidfd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0 || !feed_say(feed, writer, &msg, fd))
        log_error("the writer cannot be told of Apache");
    if (process->lock_fd < 0)
        return;
    msg = (struct msg){.type = MSG_APACHE_LOCK, .apache_lock = {.kind = (uint8_t)process->lock_kind}};
    fd = fcntl(process->lock_fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0 || !feed_say(feed, writer, &msg, fd))
        log_error("the writer cannot be told of Apache's lock");
}

static void found(struct apache *process, struct facts *facts, struct audit *audit)
{
    apache_find_lock(process);
    facts->apache_pid = process->pid;
    facts->apache_lock = process->lock_kind;
    announce(audit, process, EVENT_APACHE_FOUND);
    say_lock(process);
}

static void lost(struct apache *process, struct facts *facts, struct audit *audit)
{
    announce(audit, process, EVENT_APACHE_ENDED);
    apache_clear(process);
    facts->apache_pid = 0;
    facts->apache_lock = APACHE_LOCK_NONE;
}

bool daemon_apache_look(
    struct daemon_apache *apache, const char *pid_file, struct facts *facts, struct audit *audit, int64_t now_msec)
{
    apache->due_msec = INT64_MAX;
    if (apache->process.pid != 0) {
        if (!apache_has_ended(&apache->process))
            return false;
        lost(&apache->process, facts, audit);
        apache->ended_msec = now_msec;
    }
    if (!apache_find(pid_file, &apache->process)) {
        apache->due_msec = now_msec + (now_msec - apache->ended_msec < SOON_MSEC ? LOOK_SOON_MSEC : LOOK_MSEC);
        return false;
    }
    found(&apache->process, facts, audit);
    return true;
}
