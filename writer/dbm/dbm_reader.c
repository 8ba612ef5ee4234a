/* SPDX-License-Identifier: ISC */
#include "dbm/dbm_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dbm/dbm_reader_stream.h"
#include "sandbox/child.h"
#include "sandbox/jail.h"
#include "sandbox/policy.h"
#include "system/clock.h"

/* The descriptors of the reader process; standard error is /dev/null, or where developer builds name a denied call. */
#define READER_FD_FILE 0
#define READER_FD_PIPE 1
#define READER_FD_COUNT 3u

/* What the writer itself has mapped counts too; the reader adds Berkeley DB's cache and one record. */
#define READER_ADDRESS_SPACE (1024u * 1024u * 1024u)

/* How much later than the reader's own alarm the writer gives up. */
#define GRACE_MSEC 500

/* Exit codes of the reader process. */
enum {
    READER_DONE = 0,
    READER_DAMAGED = 3,
    READER_FAILED = 4,
};

/* What the reader process sends; written in chunks, since a pipe costs a call each. */
struct outbox {
    size_t len;
    uint32_t skipped;
    uint8_t data[65536];
};

static void flush(struct outbox *box)
{
    size_t sent = 0;

    while (sent < box->len) {
        ssize_t written = write(READER_FD_PIPE, box->data + sent, box->len - sent);

        if (written < 0 && errno != EINTR)
            _exit(READER_FAILED); /* the writer has turned away */
        if (written > 0)
            sent += (size_t)written;
    }
    box->len = 0;
}

static bool send_pair(void *context, const struct dbm_pair *pair)
{
    struct outbox *box = context;

    if (!foreign_stream_carries(pair)) {
        box->skipped++;
        return true;
    }
    if (sizeof box->data - box->len < FOREIGN_STREAM_RECORD_MAX)
        flush(box);
    box->len += foreign_stream_encode(pair, box->data + box->len);
    return true;
}

static int limit(__rlimit_resource_t resource, rlim_t value)
{
    const struct rlimit limits = {.rlim_cur = value, .rlim_max = value};

    return setrlimit(resource, &limits);
}

/*
 * AddressSanitizer's own mappings and calls would not pass.  A kernel without filters was reported by the writer's own jail;
 * that we go on nevertheless was the administrator's word.
 */
static bool lock_in(void)
{
    if (CHILD_IS_SANITIZED)
        return true;
    return limit(RLIMIT_AS, READER_ADDRESS_SPACE) == 0 && limit(RLIMIT_NOFILE, 0) == 0 && limit(RLIMIT_NPROC, 0) == 0
        && (sandbox_apply(&sandbox_policy_reader) == 0 || errno == ENOSYS);
}

static _Noreturn void run_reader(const struct dbm_driver *driver, int fd, int pipe_fd, unsigned timeout_sec)
{
    static struct outbox box;
    int saved_pipe;

    /* Above the two places, so that neither overwrites the other. */
    fd = fcntl(fd, F_DUPFD_CLOEXEC, (int)READER_FD_COUNT);
    saved_pipe = fcntl(pipe_fd, F_DUPFD_CLOEXEC, (int)READER_FD_COUNT);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGALRM, SIG_DFL);
    if (fd < 0 || saved_pipe < 0 || dup2(fd, READER_FD_FILE) < 0 || dup2(saved_pipe, READER_FD_PIPE) < 0
        || jail_close_descriptors(READER_FD_COUNT, NULL) != 0 || limit(RLIMIT_FSIZE, 0) != 0 || limit(RLIMIT_CORE, 0) != 0)
        _exit(READER_FAILED);
    alarm(timeout_sec);
    switch (driver->read_all(READER_FD_FILE, lock_in, send_pair, &box)) {
    case DBM_DRIVER_OK:
        flush(&box);
        box.len = foreign_stream_encode_end(box.skipped, box.data);
        flush(&box);
        _exit(READER_DONE);
    case DBM_DRIVER_DAMAGED:
        _exit(READER_DAMAGED);
    default:
        _exit(READER_FAILED);
    }
}

/* Until the end of the stream, of the pipe, or of the time.  *is_late: the time. */
static void receive(
    int pipe_fd, int64_t deadline_msec, struct foreign_stream *stream, dbm_take_fn *take, void *context, bool *is_late)
{
    static uint8_t chunk[65536];

    *is_late = false;
    for (;;) {
        struct pollfd poll_fd = {.fd = pipe_fd, .events = POLLIN};
        int64_t left_msec = deadline_msec - clock_monotonic_msec();
        ssize_t len;

        if (left_msec <= 0 || poll(&poll_fd, 1, (int)left_msec) == 0) {
            *is_late = true;
            return;
        }
        len = read(pipe_fd, chunk, sizeof chunk);
        if (len == 0 || (len < 0 && errno != EINTR))
            return;
        if (len > 0 && foreign_stream_feed(stream, chunk, (size_t)len, take, context) > FOREIGN_STREAM_DONE)
            return;
    }
}

static enum foreign_result judge_signal(int signal_number, char *detail)
{
    if (signal_number == SIGALRM) {
        snprintf(detail, DETAIL_MAX + 1, "the reader of Apache's file was not done in time");
        return FOREIGN_HUNG;
    }
    snprintf(detail, DETAIL_MAX + 1, "the reader of Apache's file died of signal %d (%s)", signal_number,
        sigabbrev_np(signal_number) == NULL ? "?" : sigabbrev_np(signal_number));
    return FOREIGN_DIED;
}

static enum foreign_result judge(const struct foreign_stream *stream, bool is_late, int status, char *detail)
{
    detail[0] = '\0';
    if (stream->result == FOREIGN_STREAM_STOPPED) {
        snprintf(detail, DETAIL_MAX + 1, "the writer stopped reading");
        return FOREIGN_STOPPED;
    }
    if (stream->result == FOREIGN_STREAM_JUNK) {
        snprintf(detail, DETAIL_MAX + 1, "the reader of Apache's file sent nonsense");
        return FOREIGN_JUNK;
    }
    if (is_late)
        return judge_signal(SIGALRM, detail);
    if (WIFSIGNALED(status))
        return judge_signal(WTERMSIG(status), detail);
    if (WIFEXITED(status) && WEXITSTATUS(status) == READER_DONE && stream->result == FOREIGN_STREAM_DONE)
        return FOREIGN_OK;
    if (WIFEXITED(status) && WEXITSTATUS(status) == READER_DAMAGED) {
        snprintf(detail, DETAIL_MAX + 1, "Apache's file is damaged");
        return FOREIGN_DAMAGED;
    }
    snprintf(detail, DETAIL_MAX + 1, "the reader of Apache's file ended before its time, exit code %d",
        WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    return FOREIGN_DIED;
}

void foreign_read(const struct dbm_driver *driver, int fd, unsigned timeout_sec, dbm_take_fn *take, void *context,
    struct foreign_outcome *outcome)
{
    static struct foreign_stream stream;
    int64_t deadline_msec = clock_monotonic_msec() + (int64_t)timeout_sec * 1000 + GRACE_MSEC;
    bool is_late;
    int pipe_fds[2];
    int status = 0;
    pid_t pid;

    outcome->result = FOREIGN_FAILED;
    outcome->skipped = 0;
    if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
        snprintf(outcome->detail, sizeof outcome->detail, "no pipe to the reader of Apache's file: %s", strerror(errno));
        return;
    }
    pid = fork();
    if (pid == 0)
        run_reader(driver, fd, pipe_fds[1], timeout_sec);
    if (pid < 0)
        snprintf(outcome->detail, sizeof outcome->detail, "no process to read Apache's file: %s", strerror(errno));
    close(pipe_fds[1]);
    if (pid > 0) {
        foreign_stream_init(&stream);
        receive(pipe_fds[0], deadline_msec, &stream, take, context, &is_late);
    }
    close(pipe_fds[0]);
    if (pid < 0)
        return;
    /* Its next write ends it, or its alarm does. */
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    outcome->result = judge(&stream, is_late, status, outcome->detail);
    outcome->skipped = stream.skipped;
}
