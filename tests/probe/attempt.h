/* SPDX-License-Identifier: ISC */
/*
 * Owns: the shape of an attempt, and what several of them need.
 * Runs in: probes (tests only).
 * Never: holds an attempt itself.
 *
 * System calls are made without libc where libc would choose another call, or would not make one at all.  What would change the
 * machine is asked for with arguments that cannot be right, so that a process which may do it is told so (EINVAL, EFAULT) and one
 * which may not is told that (EPERM).
 */
#ifndef STAPLEGUARD_PROBE_ATTEMPT_H
#define STAPLEGUARD_PROBE_ATTEMPT_H

#include <errno.h>
#include <unistd.h>

#include "page.h"

typedef const struct probe_page page_t;

/* Makes the attempt: negative with errno set, or anything else. */
struct attempt {
    const char *name;
    long (*make)(page_t *page);
};

/* Each ends with name == NULL. */
extern const struct attempt attempts_arguments[];
extern const struct attempt attempts_files[];
extern const struct attempt attempts_identity[];
extern const struct attempt attempts_machine[];
extern const struct attempt attempts_processes[];
extern const struct attempt attempts_sockets[];

/* What an attempt opened must not keep the next one from it. */
static inline long closed(long fd)
{
    if (fd >= 0)
        close((int)fd);
    return fd;
}

static inline long done_with(int fd, long result)
{
    int saved = errno;

    close(fd);
    errno = saved;
    return result;
}

#endif
