/* SPDX-License-Identifier: ISC */
#include "dbm/bdb_hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounds.h"
#include "text/text.h"

static bool is_syncing = true;
static int first_errno;
static char first_words[DETAIL_MAX + 1];

/* The one file of the reader, and the hole in it that was found last. */
static int served_fd = -1;
static off_t served_size;
static off_t hole_begin;
static off_t hole_end;

static void note_errno(void)
{
    if (first_errno == 0)
        first_errno = errno;
}

/* ENOENT is how Berkeley DB finds out what is there. */
static int open_file(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;
    int fd;

    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t); /* Berkeley DB's os_handle.c always passes it */
    va_end(arguments);
    fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode);
    if (fd < 0 && errno != ENOENT)
        note_errno();
    return fd;
}

/*
 * Look at a file in place of libc's stat(2), for Berkeley DB, which has a hook for some of its calls only (5.3: os_fileid.c,
 * os_dir.c).  Landlock covers open(2), but not stat(2): the sandbox allows that of nothing but what is open.
 */
int look_by_open(const char *path, struct stat *out) __asm__("stat");
int look_by_open(const char *path, struct stat *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int result;
    int saved;

    if (fd < 0)
        return -1;
    result = fstat(fd, out);
    saved = errno;
    close(fd);
    errno = saved;
    return result;
}

static ssize_t write_all(int fd, const void *data, size_t len)
{
    const char *at = data;
    size_t left = len;

    while (left > 0) {
        ssize_t written = write(fd, at, left);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            note_errno();
            return -1;
        }
        at += written;
        left -= (size_t)written;
    }
    return (ssize_t)len;
}

static int sync_file(int fd)
{
    if (!is_syncing || fdatasync(fd) == 0)
        return 0;
    note_errno();
    return -1;
}

void bdb_hooks_install(void)
{
    db_env_set_func_open(open_file);
    db_env_set_func_write(write_all);
    db_env_set_func_fsync(sync_file);
}

void bdb_hooks_set_durable(bool is_durable)
{
    is_syncing = is_durable;
}

static int serve_open(const char *path, int flags, ...)
{
    (void)path;
    if ((flags & O_ACCMODE) != O_RDONLY || lseek(served_fd, 0, SEEK_SET) != 0) {
        errno = EACCES;
        return -1;
    }
    return served_fd;
}

static int serve_close(int fd)
{
    (void)fd;
    return 0;
}

static int serve_exists(const char *path, int *is_directory)
{
    (void)path;
    if (is_directory != NULL)
        *is_directory = 0;
    return 0;
}

static int serve_ioinfo(const char *path, int fd, u_int32_t *megabytes, u_int32_t *bytes, u_int32_t *io_size)
{
    const off_t megabyte = 1024 * 1024;

    (void)path;
    (void)fd;
    if (megabytes != NULL)
        *megabytes = (u_int32_t)(served_size / megabyte);
    if (bytes != NULL)
        *bytes = (u_int32_t)(served_size % megabyte);
    if (io_size != NULL)
        *io_size = 8192;
    return 0;
}

/*
 * Most buckets of a guarded file are holes, and reading a hole of an ordinary file system fills the page cache with zeros:
 * ask once where a hole ends, and serve it from here.
 */
static bool is_in_hole(off_t offset, size_t len)
{
    off_t data;

    if (offset >= hole_begin && offset + (off_t)len <= hole_end)
        return true;
    if (offset < 0 || offset + (off_t)len > served_size)
        return false;
    data = lseek(served_fd, offset, SEEK_DATA);
    if (data < 0 && errno != ENXIO)
        return false;
    hole_begin = offset;
    hole_end = data < 0 ? served_size : data;
    return offset + (off_t)len <= hole_end;
}

static ssize_t serve_pread(int fd, void *out, size_t len, off_t offset)
{
    if (is_in_hole(offset, len)) {
        memset(out, 0, len);
        return (ssize_t)len;
    }
    return pread(fd, out, len, offset);
}

int bdb_hooks_serve_only(int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return -1;
    served_fd = fd;
    served_size = st.st_size;
    hole_begin = 0;
    hole_end = 0;
    db_env_set_func_open(serve_open);
    db_env_set_func_close(serve_close);
    db_env_set_func_exists(serve_exists);
    db_env_set_func_ioinfo(serve_ioinfo);
    db_env_set_func_pread(serve_pread);
    return 0;
}

void bdb_hooks_forget(void)
{
    first_errno = 0;
    first_words[0] = '\0';
}

int bdb_hooks_errno(void)
{
    return first_errno;
}

const char *bdb_hooks_explain(int error)
{
    if (first_errno != 0)
        return strerror(first_errno);
    return first_words[0] != '\0' ? first_words : db_strerror(error);
}

bool bdb_hooks_is_systems_fault(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EROFS:
    case EACCES:
    case EPERM:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENODEV:
    case ESTALE:
        return true;
    default:
        return false;
    }
}

void bdb_hooks_take_words(const DB_ENV *env, const char *prefix, const char *words)
{
    (void)env;
    (void)prefix;
    if (first_words[0] == '\0')
        text_clean_copy(first_words, sizeof first_words, words, strlen(words));
}
