/* SPDX-License-Identifier: ISC */
#include "system/lock_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLAGS (O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

static bool is_for_others(int fd)
{
    struct stat status;

    return fstat(fd, &status) != 0 || (status.st_mode & (S_IRWXG | S_IRWXO)) != 0 || status.st_uid != geteuid();
}

int lock_file_take(const char *path)
{
    int fd = open(path, FLAGS, 0600);
    int saved;

    if (fd >= 0 && is_for_others(fd)) {
        close(fd);
        fd = unlink(path) == 0 ? open(path, FLAGS | O_EXCL, 0600) : -1;
    }
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}
