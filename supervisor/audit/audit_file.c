/* SPDX-License-Identifier: ISC */
#include "audit/audit_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/file.h"
#include "system/lock_file.h"

#define FILE_MODE 0640
#define FLAGS (O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

/* "{"seq":" and a number. */
#define RECORD_START_LEN 32u

const char *audit_file_error_text(int error)
{
    switch (error) {
    case EWOULDBLOCK:
        return "another process has it locked";
    case ELOOP:
        return "it is a symbolic link";
    case EINVAL:
        return "it is not a regular file";
    default:
        return strerror(error);
    }
}

/* The number of the record that begins here; 0: none does. */
static uint64_t seq_at(const char *data, size_t len)
{
    char start[RECORD_START_LEN + 1];
    uint64_t seq = 0;

    snprintf(start, sizeof start, "%.*s", (int)(len < RECORD_START_LEN ? len : RECORD_START_LEN), data);
    return sscanf(start, "{\"seq\":%" SCNu64 ",", &seq) == 1 ? seq : 0;
}

static uint64_t first_seq_of(int fd)
{
    char start[RECORD_START_LEN];
    ssize_t len = pread(fd, start, sizeof start, 0);

    return len > 0 ? seq_at(start, (size_t)len) : 0;
}

static bool is_at(int fd, const char *path)
{
    struct stat ours, there;

    return fd >= 0 && fstat(fd, &ours) == 0 && lstat(path, &there) == 0 && ours.st_dev == there.st_dev
        && ours.st_ino == there.st_ino;
}

/*
 * Have the lock of the file beside the log: whoever may read the log could lock that itself.  The name is none that a rotated log
 * has.  Returns 0 or an errno.
 */
static int take_lock(const char *path, int *lock_fd)
{
    const char *slash = strrchr(path, '/');
    int directory_len = slash == NULL ? 0 : (int)(slash + 1 - path);
    char *lock = NULL;
    int error = 0;
    int fd;

    if (asprintf(&lock, "%.*s.%s.lock", directory_len, path, path + directory_len) < 0)
        return ENOMEM;
    if (!is_at(*lock_fd, lock)) {
        fd = lock_file_take(lock);
        error = fd < 0 ? errno : 0;
        if (fd >= 0 && *lock_fd >= 0)
            close(*lock_fd);
        *lock_fd = fd >= 0 ? fd : *lock_fd;
    }
    free(lock);
    return error;
}

/* Open, and the lock with it.  Returns 0 with *fd, *lock_fd and *status, or an errno. */
static int open_locked(const char *path, int *fd, int *lock_fd, struct stat *status)
{
    mode_t before = umask(~(mode_t)FILE_MODE & ACCESSPERMS);
    int error = 0;

    *fd = open(path, O_RDWR | O_APPEND | O_CREAT | FLAGS, FILE_MODE);
    umask(before);
    if (*fd < 0 || fstat(*fd, status) != 0)
        error = errno;
    else if (!S_ISREG(status->st_mode))
        error = EINVAL;
    else
        error = take_lock(path, lock_fd);
    if (error != 0 && *fd >= 0)
        close(*fd);
    return error;
}

int audit_file_try(const char *path)
{
    struct stat status;
    int lock_fd = -1;
    int fd;
    int error = open_locked(path, &fd, &lock_fd, &status);

    if (error == 0)
        close(fd);
    if (lock_fd >= 0)
        close(lock_fd);
    return error;
}

int audit_file_peek(const struct audit_file *file, const struct audit_chain *kept, struct audit_tail *tail)
{
    struct stat status;
    int fd = open(file->path, O_RDONLY | FLAGS);
    int error = 0;

    if (fd < 0)
        return errno;
    if (fstat(fd, &status) != 0 || audit_tail_read(fd, kept, tail) != 0)
        error = errno;
    else if (!S_ISREG(status.st_mode))
        error = EINVAL;
    close(fd);
    return error;
}

static int open_file(struct audit_file *file, const struct audit_chain *kept, struct audit_tail *tail)
{
    struct stat status;
    int fd;
    int error = open_locked(file->path, &fd, &file->lock_fd, &status);

    if (error != 0)
        return error;
    /* A file that was just made is there after a power loss, too, and the rotated one has its new name. */
    if (audit_tail_read(fd, kept, tail) != 0 || (status.st_size == 0 && file_sync_directory(file->path) != 0)) {
        error = errno;
        close(fd);
        return error;
    }
    file->fd = fd;
    file->size = status.st_size;
    file->is_line_open = tail->is_line_open;
    file->first_seq = first_seq_of(fd);
    return 0;
}

/* The file is the one we have; has somebody else written to it? */
static int look_at_size(
    struct audit_file *file, off_t size, const struct audit_chain *kept, enum audit_change *change, struct audit_tail *tail)
{
    if (size == file->size)
        return 0;
    if (audit_tail_read(file->fd, kept, tail) != 0)
        return errno;
    *change = size < file->size ? AUDIT_FILE_CUT : AUDIT_FILE_GROWN;
    file->size = size;
    file->is_line_open = tail->is_line_open;
    file->first_seq = first_seq_of(file->fd);
    return 0;
}

int audit_file_follow(struct audit_file *file, const struct audit_chain *kept, enum audit_change *change, struct audit_tail *tail,
    struct audit_file *before)
{
    struct stat ours = {0};
    int error;

    *before = *file;
    *change = AUDIT_FILE_SAME;
    if (file->fd >= 0 && fstat(file->fd, &ours) != 0)
        return errno;
    if (is_at(file->fd, file->path))
        return look_at_size(file, ours.st_size, kept, change, tail);
    error = open_file(file, kept, tail);
    if (error != 0)
        return error;
    *change = before->fd < 0 ? AUDIT_FILE_OPENED : ours.st_nlink == 0 ? AUDIT_FILE_REMOVED : AUDIT_FILE_ROTATED;
    if (before->fd >= 0)
        close(before->fd);
    before->fd = -1;
    return 0;
}

size_t audit_file_write(struct audit_file *file, const char *data, size_t len)
{
    size_t done;

    if (file->is_line_open) {
        if (file_write_all(file->fd, "\n", 1) != 1)
            return 0;
        file->size++;
        file->is_line_open = false;
    }
    done = file_write_all(file->fd, data, len);
    file->size += (off_t)done;
    if (file->first_seq == 0 && done > 0)
        file->first_seq = seq_at(data, len);
    return done;
}

/* PATH.1, PATH-20260101, but not PATH.1.gz: what is compressed is not read here. */
static bool is_rotated_name(const char *name, const char *base)
{
    static const char *const packed[] = {".gz", ".xz", ".bz2", ".zst"};
    size_t len = strlen(name);
    size_t base_len = strlen(base);

    if (strncmp(name, base, base_len) != 0 || (name[base_len] != '.' && name[base_len] != '-'))
        return false;
    for (size_t i = 0; i < sizeof packed / sizeof packed[0]; i++)
        if (len > strlen(packed[i]) && strcmp(name + len - strlen(packed[i]), packed[i]) == 0)
            return false;
    return true;
}

static void read_if_later(int directory, const char *name, const struct audit_chain *kept, struct audit_tail *tail)
{
    struct audit_tail found;
    struct stat status;
    int fd = openat(directory, name, O_RDONLY | FLAGS);

    if (fd < 0)
        return;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && audit_tail_read(fd, kept, &found) == 0 && !found.is_empty
        && (tail->is_empty || found.chain.seq > tail->chain.seq))
        *tail = found;
    close(fd);
}

void audit_file_read_rotated(const struct audit_file *file, const struct audit_chain *kept, struct audit_tail *tail)
{
    const char *slash = strrchr(file->path, '/');
    const char *base = slash == NULL ? file->path : slash + 1;
    char *parent = strndup(file->path, (size_t)(base - file->path));
    DIR *directory = parent == NULL ? NULL : opendir(parent[0] == '\0' ? "." : parent);
    const struct dirent *entry;

    *tail = (struct audit_tail){.is_empty = true};
    while (directory != NULL && (entry = readdir(directory)) != NULL)
        if (is_rotated_name(entry->d_name, base))
            read_if_later(dirfd(directory), entry->d_name, kept, tail);
    if (directory != NULL)
        closedir(directory);
    free(parent);
}

static void unlock(struct audit_file *file)
{
    if (file->lock_fd >= 0)
        close(file->lock_fd);
    file->lock_fd = -1;
}

void audit_file_move(struct audit_file *file, char *path)
{
    unlock(file);
    file->path = path;
}

void audit_file_close(struct audit_file *file)
{
    unlock(file);
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    free(file->path);
    file->path = NULL;
}
