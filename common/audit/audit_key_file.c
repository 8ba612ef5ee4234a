/* SPDX-License-Identifier: ISC */
#include "audit/audit_key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sha2.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounds.h"
#include "system/file.h"
#include "text/hex.h"

#define HEAD "stapleguard-audit-seal 1\nstart %" PRId64 "\ninterval %" PRIu32 "\nepoch %" PRIu32 "\nsecret "
#define HEAD_SCAN "stapleguard-audit-seal 1\nstart %" SCNd64 "\ninterval %" SCNu32 "\nepoch %" SCNu32 "\nsecret %n"
#define CHECK "check "
#define SECRET_DIGITS (2 * AUDIT_KEY_LEN)
#define MODE 0600

size_t audit_key_file_format(const struct audit_key *key, char text[AUDIT_KEY_FILE_MAX])
{
    uint8_t sum[SHA256_DIGEST_LENGTH];
    SHA2_CTX context;
    size_t len = (size_t)sprintf(text, HEAD, key->start, key->interval, key->epoch);

    hex_write(key->secret, sizeof key->secret, text + len);
    len += SECRET_DIGITS;
    text[len++] = '\n';
    SHA256Init(&context);
    SHA256Update(&context, (const uint8_t *)text, len);
    SHA256Final(sum, &context);
    explicit_bzero(&context, sizeof context);
    memcpy(text + len, CHECK, sizeof CHECK - 1);
    len += sizeof CHECK - 1;
    hex_write(sum, sizeof sum, text + len);
    len += 2 * sizeof sum;
    text[len++] = '\n';
    text[len] = '\0';
    return len;
}

bool audit_key_file_parse(const char *text, size_t len, struct audit_key *key)
{
    char copy[AUDIT_KEY_FILE_MAX];
    char again[AUDIT_KEY_FILE_MAX];
    struct audit_key found = {0};
    int secret_at = 0;
    bool is_sound = false;

    if (len >= sizeof copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    /* The sum, and whatever sscanf forgives (blanks, signs, zeros), is judged by writing it again. */
    if (sscanf(copy, HEAD_SCAN, &found.start, &found.interval, &found.epoch, &secret_at) == 3 && secret_at > 0
        && len >= (size_t)secret_at + SECRET_DIGITS && hex_read(copy + secret_at, found.secret, sizeof found.secret)
        && found.start >= 0 && found.interval > 0)
        is_sound = audit_key_file_format(&found, again) == len && memcmp(again, text, len) == 0;
    if (is_sound)
        *key = found;
    explicit_bzero(copy, sizeof copy);
    explicit_bzero(again, sizeof again);
    explicit_bzero(&found, sizeof found);
    return is_sound;
}

static void mark_of(const struct stat *status, struct audit_key_mark *mark)
{
    if (mark != NULL)
        *mark = (struct audit_key_mark){status->st_dev, status->st_ino, status->st_mtim};
}

static bool is_marked(const struct stat *status, const struct audit_key_mark *mark)
{
    return status->st_dev == mark->device && status->st_ino == mark->inode && status->st_mtim.tv_sec == mark->changed.tv_sec
        && status->st_mtim.tv_nsec == mark->changed.tv_nsec;
}

bool audit_key_file_is(const char *path, const struct audit_key_mark *mark)
{
    struct stat status;

    return lstat(path, &status) == 0 && is_marked(&status, mark);
}

/* One more byte than a sound file has is asked for. */
static enum audit_key_file_result read_key(int fd, struct audit_key *key)
{
    char text[AUDIT_KEY_FILE_MAX];
    size_t len = 0;
    ssize_t got = 1;
    enum audit_key_file_result result = AUDIT_KEY_FILE_DAMAGED;

    while (got > 0 && len < sizeof text) {
        got = read(fd, text + len, sizeof text - len);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            len += (size_t)got;
    }
    if (got < 0)
        result = AUDIT_KEY_FILE_FAILED;
    else if (audit_key_file_parse(text, len, key))
        result = AUDIT_KEY_FILE_OK;
    explicit_bzero(text, sizeof text);
    return result;
}

enum audit_key_file_result audit_key_file_read(const char *path, struct audit_key *key, struct audit_key_mark *mark)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    enum audit_key_file_result result = AUDIT_KEY_FILE_UNSAFE;
    struct stat status;
    int error;

    if (fd < 0)
        return errno == ENOENT ? AUDIT_KEY_FILE_MISSING : errno == ELOOP ? AUDIT_KEY_FILE_UNSAFE : AUDIT_KEY_FILE_FAILED;
    if (fstat(fd, &status) != 0)
        result = AUDIT_KEY_FILE_FAILED;
    else if (S_ISREG(status.st_mode) && status.st_uid == geteuid() && (status.st_mode & 077) == 0)
        result = read_key(fd, key);
    if (result == AUDIT_KEY_FILE_OK)
        mark_of(&status, mark);
    error = errno;
    close(fd);
    errno = error;
    return result;
}

const char *audit_key_file_result_text(enum audit_key_file_result result, int error)
{
    switch (result) {
    case AUDIT_KEY_FILE_OK:
        return "sound";
    case AUDIT_KEY_FILE_MISSING:
        return "it does not exist";
    case AUDIT_KEY_FILE_UNSAFE:
        return "it is no regular file that belongs to root and that nobody else may read (mode 0600)";
    case AUDIT_KEY_FILE_DAMAGED:
        return "it is damaged";
    case AUDIT_KEY_FILE_FAILED:
        return strerror(error);
    }
    return "unknown";
}

/* Overwrite what the file of this descriptor holds.  A file system that writes elsewhere keeps the old bytes all the same. */
static void wipe(int fd)
{
    static const char nothing[AUDIT_KEY_FILE_MAX];
    struct stat status;

    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_nlink > 1)
        return;
    for (off_t at = 0; at < status.st_size && at < (off_t)(16 * sizeof nothing); at += (off_t)sizeof nothing) {
        size_t left = (size_t)(status.st_size - at);

        if (pwrite(fd, nothing, left < sizeof nothing ? left : sizeof nothing, at) < 0)
            return;
    }
    fdatasync(fd);
}

static void wipe_path(const char *path)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return;
    wipe(fd);
    close(fd);
}

/* Make the new file beside the old one.  Returns 0 when it is on the disk, or -1. */
static int write_fresh(const char *fresh, const struct audit_key *key, struct audit_key_mark *mark)
{
    char text[AUDIT_KEY_FILE_MAX];
    struct stat status;
    size_t len;
    int result = -1;
    int error;
    int fd;

    wipe_path(fresh);
    unlink(fresh);
    fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE);
    if (fd < 0)
        return -1;
    len = audit_key_file_format(key, text);
    if (file_write_all(fd, text, len) == len && fchmod(fd, MODE) == 0 && fsync(fd) == 0 && fstat(fd, &status) == 0) {
        mark_of(&status, mark);
        result = 0;
    }
    error = errno;
    explicit_bzero(text, sizeof text);
    if (close(fd) != 0 && result == 0) {
        error = errno;
        result = -1;
    }
    errno = error;
    return result;
}

/* Is what is there what the caller takes it for?  Else errno. */
static bool may_write(const char *path, enum audit_key_file_write how, const struct audit_key_mark *mark)
{
    struct stat status;

    if (how == AUDIT_KEY_FILE_NEW && lstat(path, &status) == 0) {
        errno = EEXIST;
        return false;
    }
    if (how == AUDIT_KEY_FILE_FOLLOW && !audit_key_file_is(path, mark)) {
        errno = ESTALE;
        return false;
    }
    return true;
}

/*
 * Held while the file is replaced, so that the service does not put its key over a new one that is made in that moment.  A file of
 * its own: anybody who may look at a directory may lock it.  Returns a descriptor or -1.
 */
static int take_lock(const char *path, enum audit_key_file_write how)
{
    char lock[FILE_PATH_MAX + 8];
    int fd;
    int error;

    snprintf(lock, sizeof lock, "%s.lock", path);
    fd = open(lock, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, MODE);
    if (fd >= 0 && flock(fd, LOCK_EX | (how == AUDIT_KEY_FILE_FOLLOW ? LOCK_NB : 0)) != 0) {
        error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

int audit_key_file_write(
    const char *path, const struct audit_key *key, enum audit_key_file_write how, struct audit_key_mark *mark)
{
    char fresh[FILE_PATH_MAX + 8];
    struct audit_key_mark made;
    int lock = take_lock(path, how);
    int old = -1;
    int result = -1;
    int error = 0;

    if (lock < 0)
        return -1;
    snprintf(fresh, sizeof fresh, "%s.new", path);
    if (!may_write(path, how, mark))
        goto out;
    old = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (write_fresh(fresh, key, &made) != 0 || rename(fresh, path) != 0) {
        error = errno;
        wipe_path(fresh);
        unlink(fresh);
        errno = error;
        goto out;
    }
    if (mark != NULL)
        *mark = made;
    if (file_sync_directory(path) != 0)
        goto out;
    if (old >= 0)
        wipe(old);
    result = 0;
out:
    error = errno;
    if (old >= 0)
        close(old);
    close(lock);
    errno = error;
    return result;
}
