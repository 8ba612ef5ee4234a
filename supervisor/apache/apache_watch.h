/* SPDX-License-Identifier: ISC */
/*
 * Owns: finding Apache's main process (PidFile, pidfd) and the lock file of its `ssl-stapling` mutex.
 * Runs in: supervisor (daemon).
 * Never: signals Apache (the writer's keeper does), or believes a PidFile whose process is gone.
 */
#ifndef STAPLEGUARD_APACHE_WATCH_H
#define STAPLEGUARD_APACHE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "bounds.h"
#include "proto/msg.h"

struct apache {
    pid_t pid;   /* 0: not running */
    int pidfd;   /* owned; -1 */
    int lock_fd; /* owned; -1 */
    enum apache_lock_kind lock_kind;
    bool is_omit_pid_used;       /* the lock's file has no PID in its name: `OmitPID`, warned about */
    char detail[DETAIL_MAX + 1]; /* why no lock was found, in words; "" when there is one */
};

/* Fill with the process that pid_file names now, if it lives.  Returns true when one was found.  apache_clear it. */
bool apache_find(const char *pid_file, struct apache *apache);

/*
 * Find the lock of the process in *apache: among its open files (/proc/PID/fd), since only these are surely in use.
 * flock: DIR/ssl-stapling.PID; fcntl: the same name, unlinked.  CAP_SYS_PTRACE is raised around the look.
 * Source: httpd server/util_mutex.c (names), apr locks/unix/proc_mutex.c (unlinked for fcntl, kept for flock).
 */
void apache_find_lock(struct apache *apache);

/* Its main process has ended (the pidfd is readable). */
bool apache_has_ended(const struct apache *apache);

void apache_clear(struct apache *apache);

#endif
