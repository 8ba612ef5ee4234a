/* SPDX-License-Identifier: ISC */
#include "transaction/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "bounds.h"
#include "system/file.h"

/* The names of one file's attributes, and one value: what the VFS takes at most (XATTR_LIST_MAX, XATTR_SIZE_MAX). */
#define XATTR_MAX 65536u

static int read_file(int fd, struct snapshot *snapshot, size_t size)
{
    if (size > SNAPSHOT_FILE_MAX) {
        errno = EFBIG;
        return -1;
    }
    snapshot->data = malloc(size + 1);
    if (snapshot->data == NULL)
        return -1;
    while (snapshot->len < size) {
        ssize_t got = read(fd, snapshot->data + snapshot->len, size - snapshot->len);

        if (got < 0)
            return -1;
        if (got == 0)
            break;
        snapshot->len += (size_t)got;
    }
    snapshot->data[snapshot->len] = '\0';
    return 0;
}

/* NAME, a zero octet, the length of the value (4 octets, of this machine), the value; one after the other. */
static int add_xattr(FILE *out, int fd, const char *name, char *value)
{
    ssize_t len = fgetxattr(fd, name, value, XATTR_MAX);
    uint32_t len32 = (uint32_t)len;

    if (len < 0)
        return -1;
    fwrite(name, 1, strlen(name) + 1, out);
    fwrite(&len32, sizeof len32, 1, out);
    fwrite(value, 1, (size_t)len, out);
    return 0;
}

static int read_xattrs(int fd, struct snapshot *snapshot)
{
    char *names = malloc(2 * (size_t)XATTR_MAX);
    ssize_t len = names == NULL ? -1 : flistxattr(fd, names, XATTR_MAX);
    FILE *out = len > 0 ? open_memstream(&snapshot->xattrs, &snapshot->xattrs_len) : NULL;
    int result = len == 0 || (len < 0 && errno == ENOTSUP) ? 0 : -1;

    if (out != NULL) {
        result = 0;
        for (const char *name = names; result == 0 && name < names + len; name += strlen(name) + 1)
            result = add_xattr(out, fd, name, names + XATTR_MAX);
        if (fclose(out) != 0)
            result = -1;
    }
    free(names);
    return result;
}

static int take_file(const char *path, struct snapshot *snapshot)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    int result = -1;

    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && read_file(fd, snapshot, (size_t)st.st_size) == 0)
        result = read_xattrs(fd, snapshot);
    close(fd);
    return result;
}

static int take_link(const char *path, struct snapshot *snapshot)
{
    ssize_t len;

    snapshot->data = malloc(PATH_MAX + 1);
    len = snapshot->data == NULL ? -1 : readlink(path, snapshot->data, PATH_MAX);
    if (len < 0)
        return -1;
    snapshot->data[len] = '\0';
    snapshot->len = (size_t)len;
    return 0;
}

int snapshot_take(const char *path, struct snapshot *snapshot)
{
    struct stat st;

    *snapshot = (struct snapshot){.kind = SNAPSHOT_ABSENT};
    if (lstat(path, &st) != 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
    snapshot->kind = S_ISREG(st.st_mode) ? SNAPSHOT_FILE : S_ISLNK(st.st_mode) ? SNAPSHOT_LINK : SNAPSHOT_OTHER;
    snapshot->mode = st.st_mode & 07777;
    snapshot->uid = st.st_uid;
    snapshot->gid = st.st_gid;
    snapshot->mtime_sec = st.st_mtim.tv_sec;
    snapshot->mtime_nsec = st.st_mtim.tv_nsec;
    if (snapshot->kind == SNAPSHOT_FILE)
        return take_file(path, snapshot);
    return snapshot->kind == SNAPSHOT_LINK ? take_link(path, snapshot) : 0;
}

void snapshot_clear(struct snapshot *snapshot)
{
    free(snapshot->data);
    free(snapshot->xattrs);
    *snapshot = (struct snapshot){.kind = SNAPSHOT_ABSENT};
}

bool snapshot_has_content(const struct snapshot *snapshot, enum snapshot_kind kind, const char *data, size_t len)
{
    if (snapshot->kind != kind)
        return false;
    if (kind != SNAPSHOT_FILE && kind != SNAPSHOT_LINK)
        return true;
    return snapshot->len == len && (len == 0 || memcmp(snapshot->data, data, len) == 0);
}

bool snapshot_is_same(const struct snapshot *a, const struct snapshot *b)
{
    return snapshot_has_content(a, b->kind, b->data, b->len)
        && (a->kind == SNAPSHOT_ABSENT || (a->uid == b->uid && a->gid == b->gid))
        && (a->kind != SNAPSHOT_FILE
            || (a->mode == b->mode && a->xattrs_len == b->xattrs_len
                && (a->xattrs_len == 0 || memcmp(a->xattrs, b->xattrs, a->xattrs_len) == 0)));
}

static int staging_of(const char *path, char *directory, char *staging)
{
    char copy[FILE_PATH_MAX + 1];

    if ((size_t)snprintf(copy, sizeof copy, "%s", path) >= sizeof copy) {
        errno = ENAMETOOLONG;
        return -1;
    }
    snprintf(directory, FILE_PATH_MAX + 1, "%s", dirname(copy));
    if ((size_t)snprintf(staging, FILE_PATH_MAX + 1, "%s/" SNAPSHOT_STAGING, directory) > FILE_PATH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return 0;
}

static int put_xattrs(int fd, const struct snapshot *snapshot)
{
    const char *at = snapshot->xattrs;
    size_t left = snapshot->xattrs_len;

    while (left > 0) {
        uint32_t len = 0;
        size_t head = strnlen(at, left) + 1 + sizeof len;

        if (head <= left)
            memcpy(&len, at + head - sizeof len, sizeof len);
        /* The journal that they are read from may be cut off. */
        if (head > left || len > left - head) {
            errno = EINVAL;
            return -1;
        }
        if (fsetxattr(fd, at, at + head, len, 0) != 0)
            return -1;
        at += head + len;
        left -= head + len;
    }
    return 0;
}

/* The owner before the mode: changing it takes set-id bits away. */
static int make_file(const char *staging, const struct snapshot *snapshot)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = snapshot->mtime_sec, .tv_nsec = snapshot->mtime_nsec}};
    int fd = open(staging, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int result = -1;

    if (fd < 0)
        return -1;
    if (file_write_all(fd, snapshot->data, snapshot->len) == snapshot->len && fchown(fd, snapshot->uid, snapshot->gid) == 0
        && fchmod(fd, snapshot->mode) == 0 && put_xattrs(fd, snapshot) == 0
        && (snapshot->mtime_sec == 0 || futimens(fd, times) == 0))
        result = fsync(fd);
    if (close(fd) != 0)
        result = -1;
    return result;
}

int snapshot_sync_directory(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result;

    if (fd < 0)
        return -1;
    result = fsync(fd);
    close(fd);
    return result;
}

static int make(const char *staging, const struct snapshot *snapshot)
{
    if (snapshot->kind == SNAPSHOT_FILE)
        return make_file(staging, snapshot);
    if (symlink(snapshot->data, staging) != 0)
        return -1;
    return lchown(staging, snapshot->uid, snapshot->gid);
}

int snapshot_put(const char *path, const struct snapshot *snapshot)
{
    char directory[FILE_PATH_MAX + 1], staging[FILE_PATH_MAX + 1];

    if (snapshot->kind == SNAPSHOT_OTHER) {
        errno = EINVAL;
        return -1;
    }
    if (staging_of(path, directory, staging) != 0)
        return -1;
    if (snapshot->kind == SNAPSHOT_ABSENT) {
        if (unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR)
            return -1;
        return snapshot_sync_directory(directory) == 0 || errno == ENOENT ? 0 : -1;
    }
    if (snapshot_tidy(path) != 0)
        return -1;
    if (make(staging, snapshot) != 0 || rename(staging, path) != 0) {
        int failed = errno;

        unlink(staging);
        errno = failed;
        return -1;
    }
    return snapshot_sync_directory(directory);
}

int snapshot_tidy(const char *path)
{
    char directory[FILE_PATH_MAX + 1], staging[FILE_PATH_MAX + 1];

    if (staging_of(path, directory, staging) != 0)
        return -1;
    return unlink(staging) == 0 || errno == ENOENT || errno == ENOTDIR ? 0 : -1;
}
