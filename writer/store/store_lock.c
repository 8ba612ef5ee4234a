/* SPDX-License-Identifier: ISC */
#include "store/store_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "bounds.h"

/* How often it is tried. */
#define STEP_MSEC 50

int store_lock_take(const char *directory, int wait_msec)
{
    char path[FILE_PATH_MAX + 16];
    int fd;

    snprintf(path, sizeof path, "%s/lock", directory);
    fd = open(path, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    for (; flock(fd, LOCK_EX | LOCK_NB) != 0; wait_msec -= STEP_MSEC) {
        int saved = errno;

        if ((errno != EWOULDBLOCK && errno != EINTR) || wait_msec <= 0) {
            close(fd);
            errno = saved;
            return -1;
        }
        poll(NULL, 0, STEP_MSEC);
    }
    return fd;
}
