/*
 * Owns: the audit log's file: appended to, flushed in batches, followed through rotation, continued after a crash.
 * Runs in: supervisor.
 * Never: fails the service, truncates the file, or writes a record twice.
 */
#include "audit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit_tail.h"
#include "log.h"

#define FILE_MODE 0640
#define ROTATED_SUFFIX ".1"

/* Room for the next record and its newline and NUL. */
#define RECORD_ROOM (AUDIT_LINE_MAX + 2u)
#define PENDING_START 16384u

struct audit {
    char *path;
    audit_clock *clock;
    int fd;                   /* -1 while there is no file */
    bool is_line_open;        /* the file ends in a line that is not ours to finish: it wants a newline first */
    bool has_chain;           /* the end of the chain is known */
    struct audit_chain chain; /* with what is pending */
    char *pending;            /* whole lines, the first of which may be in the file with its first `written` bytes */
    size_t pending_len;
    size_t pending_cap;
    size_t written;
    uint64_t lost;            /* records that no gap speaks of yet */
    uint64_t lost_in_all;     /* since writing began to fail */
    bool is_failing;
    int error;                /* errno of the last failure */
};

static int64_t real_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* errno's text, where that would lead nowhere in other words. */
static const char *error_text(int error)
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

static void count_lost(struct audit *audit, uint64_t count)
{
    audit->lost += count;
    audit->lost_in_all += count;
}

static bool make_room(struct audit *audit)
{
    size_t cap = audit->pending_cap == 0 ? PENDING_START : audit->pending_cap;
    char *pending;

    while (cap - audit->pending_len < RECORD_ROOM)
        cap *= 2;
    if (cap == audit->pending_cap)
        return true;
    if (cap > AUDIT_PENDING_MAX)
        return false;
    pending = realloc(audit->pending, cap);
    if (pending == NULL)
        return false;
    audit->pending = pending;
    audit->pending_cap = cap;
    return true;
}

static bool append(struct audit *audit, const struct audit_fields *fields)
{
    if (!make_room(audit))
        return false;
    audit->pending_len += audit_record_format(fields, audit->clock(), &audit->chain, NULL, audit->pending + audit->pending_len);
    audit->pending[audit->pending_len++] = '\n';
    return true;
}

static bool append_gap(struct audit *audit, uint64_t count, const char *detail)
{
    return append(audit, &(struct audit_fields){
        .event = EVENT_AUDIT_GAP,
        .process = PARTY_SUPERVISOR,
        .count = count > UINT32_MAX ? UINT32_MAX : (uint32_t)count,
        .detail = detail,
    });
}

/* Tell of the records that were lost, before anything newer. */
static bool append_lost(struct audit *audit)
{
    char detail[DETAIL_MAX + 1];

    if (audit->lost == 0)
        return true;
    snprintf(detail, sizeof detail, "%" PRIu64 " records are lost or may be: the log could not be written: %s", audit->lost,
        error_text(audit->error));
    if (!append_gap(audit, audit->lost, detail))
        return false;
    audit->lost = 0;
    return true;
}

/* The end of the file that was rotated away, when there is one. */
static void read_rotated(const struct audit *audit, struct audit_tail *tail)
{
    char path[FILE_PATH_MAX + sizeof ROTATED_SUFFIX];
    int fd;

    snprintf(path, sizeof path, "%s" ROTATED_SUFFIX, audit->path);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return;
    audit_tail_read(fd, tail);
    close(fd);
}

/* Go on from where the file ends, or the one before it, and say so when that is not a sound record. */
static void adopt_chain(struct audit *audit, const struct audit_tail *own)
{
    struct audit_tail rotated = {.is_empty = true};
    const struct audit_tail *last = own;
    char detail[DETAIL_MAX + 1] = "";

    if (!own->has_record)
        read_rotated(audit, &rotated);
    if (rotated.has_record)
        last = &rotated;
    audit->has_chain = true;
    audit->chain = last->chain;
    if (!last->has_record && !(own->is_empty && rotated.is_empty))
        snprintf(detail, sizeof detail, "no record was found at the end of the log; a new chain begins");
    else if (last->is_torn)
        snprintf(detail, sizeof detail, "the last line was torn: writing it was interrupted");
    else if (last->unsound_len > 0 || (last == &rotated && !own->is_empty))
        snprintf(detail, sizeof detail, "%zu bytes that are no record stand behind the last one",
            last->unsound_len + (last == own ? 0 : own->unsound_len));
    if (detail[0] != '\0')
        append_gap(audit, 0, detail);
}

/* Open the file at the path and take it over from the one before.  Returns 0 or an errno; then nothing has changed. */
static int open_file(struct audit *audit)
{
    struct audit_tail tail;
    struct stat status;
    int error = 0;
    int fd = open(audit->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, FILE_MODE);

    if (fd < 0 || fstat(fd, &status) != 0)
        error = errno;
    else if (!S_ISREG(status.st_mode))
        error = EINVAL;
    else if (flock(fd, LOCK_EX | LOCK_NB) != 0 || audit_tail_read(fd, &tail) != 0)
        error = errno;
    if (error != 0) {
        if (fd >= 0)
            close(fd);
        return error;
    }
    if (audit->fd >= 0)
        close(audit->fd);
    audit->fd = fd;
    audit->written = 0; /* a line that was begun in another file is written whole in this one */
    audit->is_line_open = tail.is_line_open;
    if (!audit->has_chain)
        adopt_chain(audit, &tail);
    return 0;
}

/* Have the file open that is at the path now: it may have been renamed or removed since. */
static int follow_file(struct audit *audit)
{
    struct stat there;
    struct stat ours;

    if (audit->fd >= 0 && fstat(audit->fd, &ours) == 0 && lstat(audit->path, &there) == 0 && there.st_dev == ours.st_dev
        && there.st_ino == ours.st_ino)
        return 0;
    return open_file(audit);
}

static uint64_t count_lines(const char *data, size_t len)
{
    uint64_t count = 0;

    for (size_t i = 0; i < len; i++)
        count += data[i] == '\n' ? 1 : 0;
    return count;
}

/* Forget the lines that are wholly in the file. */
static void drop_written(struct audit *audit)
{
    const char *newline = audit->written == 0 ? NULL : memrchr(audit->pending, '\n', audit->written);
    size_t whole = newline == NULL ? 0 : (size_t)(newline - audit->pending) + 1;

    if (whole == 0)
        return;
    memmove(audit->pending, audit->pending + whole, audit->pending_len - whole);
    audit->pending_len -= whole;
    audit->written -= whole;
}

/* One write where that is enough.  Returns how many bytes are in the file, with errno set when not all. */
static size_t write_all(int fd, const char *data, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = write(fd, data + done, len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = ENOSPC;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    return done;
}

/* Returns 0 or an errno. */
static int write_pending(struct audit *audit)
{
    uint64_t count = count_lines(audit->pending, audit->pending_len);
    size_t left = audit->pending_len - audit->written;
    size_t done;
    int error = 0;

    if (left == 0)
        return 0;
    if (audit->is_line_open && write_all(audit->fd, "\n", 1) != 1)
        return errno;
    audit->is_line_open = false;
    done = write_all(audit->fd, audit->pending + audit->written, left);
    if (done < left)
        error = errno;
    audit->written += done;
    drop_written(audit);
    count -= count_lines(audit->pending, audit->pending_len);
    if (done > 0 && fdatasync(audit->fd) != 0) {
        /* What the kernel could not put on the disk it will not try again (fsync(2)): count it, never write it twice. */
        error = errno;
        count_lost(audit, count);
    }
    return error;
}

/* Speak once when it begins to fail, once when it works again. */
static enum audit_status note(struct audit *audit, int error)
{
    if (error != 0) {
        audit->error = error;
        if (!audit->is_failing)
            log_error("the audit log %s cannot be written: %s; records are kept in memory and counted, the service goes on",
                audit->path, error_text(error));
        audit->is_failing = true;
        return AUDIT_FAILING;
    }
    if (audit->is_failing)
        log_warning("the audit log %s is written again; records lost: %" PRIu64, audit->path, audit->lost_in_all);
    audit->is_failing = false;
    audit->lost_in_all = 0;
    return AUDIT_WRITTEN;
}

bool audit_is_waiting(const struct audit *audit)
{
    return audit->pending_len != 0 || audit->lost != 0 || audit->is_failing;
}

enum audit_status audit_flush(struct audit *audit)
{
    int error;

    if (!audit_is_waiting(audit))
        return AUDIT_WRITTEN;
    error = follow_file(audit);
    if (error == 0)
        error = write_pending(audit);
    if (error == 0 && audit->lost > 0 && append_lost(audit))
        error = write_pending(audit);
    return note(audit, error);
}

void audit_write(struct audit *audit, const struct audit_fields *fields)
{
    if (!audit->is_failing && !make_room(audit))
        audit_flush(audit);
    if (!audit->has_chain || !append_lost(audit) || !append(audit, fields))
        count_lost(audit, 1);
}

struct audit *audit_open(const char *path, audit_clock *clock)
{
    struct audit *audit = calloc(1, sizeof *audit);

    if (audit == NULL)
        return NULL;
    audit->fd = -1;
    audit->clock = clock == NULL ? real_clock : clock;
    audit->path = strdup(path);
    if (audit->path == NULL) {
        free(audit);
        return NULL;
    }
    note(audit, open_file(audit));
    return audit;
}

void audit_close(struct audit *audit)
{
    uint64_t unwritten;

    if (audit == NULL)
        return;
    if (audit_flush(audit) != AUDIT_WRITTEN) {
        unwritten = count_lines(audit->pending, audit->pending_len) + audit->lost;
        log_error("the audit log %s could not be written to the end; records lost: %" PRIu64, audit->path, unwritten);
    }
    if (audit->fd >= 0)
        close(audit->fd);
    free(audit->pending);
    free(audit->path);
    free(audit);
}
