/* SPDX-License-Identifier: ISC */
#include "system/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounds.h"

static int refuse(int fd, int error, const char *text, const char **why)
{
    if (fd >= 0)
        close(fd);
    *why = text;
    errno = error;
    return -1;
}

int file_sync_directory(const char *path)
{
    char directory[FILE_PATH_MAX + 1];
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    int result;
    int saved;
    int fd;

    if (len >= sizeof directory) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(directory, path, len);
    directory[len] = '\0';
    fd = open(len == 0 ? "." : directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    result = fsync(fd);
    saved = errno;
    close(fd);
    errno = saved;
    return result;
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

size_t file_write_all(int fd, const void *data, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t written = write(fd, (const char *)data + done, len - done);

        if (written < 0 && errno == EINTR)
            continue;
        if (written == 0)
            errno = ENOSPC;
        if (written <= 0)
            break;
        done += (size_t)written;
    }
    return done;
}
