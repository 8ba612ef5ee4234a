/*
 * Owns: opening a file that somebody named in a configuration.
 * Runs in: supervisor (as root), command line.
 * Never: waits in open, or hands out what is not a regular file.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse(int fd, int error, const char *text, const char **why)
{
    if (fd >= 0)
        close(fd);
    *why = text;
    errno = error;
    return -1;
}

int file_open_regular(const char *path, const char **why)
{
    /* Without O_NONBLOCK a FIFO would wait for a writer, and some devices for a carrier. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;

    if (fd < 0 || fstat(fd, &status) != 0)
        return refuse(fd, errno, strerror(errno), why);
    if (S_ISDIR(status.st_mode))
        return refuse(fd, EISDIR, strerror(EISDIR), why);
    if (!S_ISREG(status.st_mode))
        return refuse(fd, EINVAL, "Not a regular file", why);
    return fd;
}
