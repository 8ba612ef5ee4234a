/* SPDX-License-Identifier: ISC */
#include "host/subprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/clock.h"
#include "text/text.h"

/* The configuration of 100,000 sites of 1 KiB, as Apache prints it (apache_dump.h). */
#define OUTPUT_MAX (128u * 1024u * 1024u)

/* Its pipes are at their end, but it is not: looked at again so soon. */
#define LINGER_MSEC 20

struct capture {
    int fd; /* -1 after its end */
    char *text;
    size_t len;
    bool is_cut;
};

struct subprocess {
    pid_t pid; /* -1: it could not be started, or has been collected */
    int status;
    int errno_value;
    int64_t deadline_msec;
    struct capture captures[2];
};

/* In the child: standard input from nowhere, the two pipes, the signals as a new program expects them. */
static _Noreturn void become_command(const char *const argv[], int out_fd, int error_fd)
{
    static const char *const environment[]
        = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C", "LC_ALL=C", NULL};
    sigset_t none;
    int null_fd = open("/dev/null", O_RDONLY);

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setpgid(0, 0);
    umask(022); /* apachectl makes Apache's directories */
    if (null_fd >= 0 && dup2(null_fd, STDIN_FILENO) >= 0 && dup2(out_fd, STDOUT_FILENO) >= 0 && dup2(error_fd, STDERR_FILENO) >= 0
        && close_range(3, ~0u, 0) == 0)
        execve(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)environment);
    _exit(127);
}

/* Take what is there; past the bound it is read and dropped, so that the command does not wait for us. */
static void capture_some(struct capture *capture)
{
    char data[65536];
    ssize_t got = read(capture->fd, data, sizeof data);
    char *grown;
    size_t take;

    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got <= 0) {
        close(capture->fd);
        capture->fd = -1;
        return;
    }
    capture->is_cut = capture->is_cut || (size_t)got > OUTPUT_MAX - capture->len;
    take = (size_t)got < OUTPUT_MAX - capture->len ? (size_t)got : OUTPUT_MAX - capture->len;
    grown = realloc(capture->text, capture->len + take + 1);
    capture->is_cut = capture->is_cut || grown == NULL;
    if (grown == NULL)
        return;
    memcpy(grown + capture->len, data, take);
    capture->text = grown;
    capture->len += take;
    capture->text[capture->len] = '\0';
}

static bool has_output(const struct subprocess *command)
{
    return command->captures[0].fd >= 0 || command->captures[1].fd >= 0;
}

struct subprocess *subprocess_start(const char *const argv[], unsigned timeout_sec, int64_t now_msec)
{
    struct subprocess *command = calloc(1, sizeof *command);
    int out_pipe[2] = {-1, -1};
    int error_pipe[2] = {-1, -1};

    if (command == NULL)
        return NULL;
    command->pid = -1;
    command->status = -1;
    command->deadline_msec = now_msec + (int64_t)timeout_sec * 1000;
    if (pipe2(out_pipe, O_CLOEXEC) == 0 && pipe2(error_pipe, O_CLOEXEC) == 0)
        command->pid = fork();
    if (command->pid == 0)
        become_command(argv, out_pipe[1], error_pipe[1]);
    if (command->pid < 0)
        command->errno_value = errno;
    for (size_t i = 0; i < 2; i++) {
        int *pair = i == 0 ? out_pipe : error_pipe;

        if (pair[1] >= 0)
            close(pair[1]);
        command->captures[i].fd = pair[0];
        if (command->pid < 0 && pair[0] >= 0) {
            close(pair[0]);
            command->captures[i].fd = -1;
        }
        if (command->captures[i].fd >= 0)
            fcntl(command->captures[i].fd, F_SETFL, O_NONBLOCK);
    }
    return command;
}

size_t subprocess_poll(const struct subprocess *command, struct pollfd *polled)
{
    size_t count = 0;

    for (size_t i = 0; command != NULL && i < 2; i++)
        if (command->captures[i].fd >= 0)
            polled[count++] = (struct pollfd){command->captures[i].fd, POLLIN, 0};
    return count;
}

int64_t subprocess_next_msec(const struct subprocess *command, int64_t now_msec)
{
    if (command == NULL)
        return INT64_MAX;
    return has_output(command) ? command->deadline_msec : now_msec + LINGER_MSEC;
}

static void kill_late(struct subprocess *command)
{
    kill(-command->pid, SIGKILL);
    kill(command->pid, SIGKILL); /* before it made a group of its own */
    command->errno_value = ETIMEDOUT;
    while (waitpid(command->pid, &command->status, 0) < 0 && errno == EINTR)
        continue;
    command->pid = -1;
    command->status = -1;
}

bool subprocess_ready(struct subprocess *command, int64_t now_msec)
{
    for (size_t i = 0; i < 2; i++)
        if (command->captures[i].fd >= 0)
            capture_some(&command->captures[i]);
    if (command->pid > 0 && !has_output(command) && waitpid(command->pid, &command->status, WNOHANG) == command->pid)
        command->pid = -1;
    if (command->pid > 0 && now_msec >= command->deadline_msec)
        kill_late(command);
    return command->pid < 0;
}

int subprocess_take(struct subprocess *command, struct subprocess_result *result)
{
    if (command->pid > 0)
        kill_late(command);
    *result = (struct subprocess_result){
        .status = command->status,
        .errno_value = command->errno_value,
        .out = command->captures[0].text,
        .error = command->captures[1].text,
    };
    if (command->captures[0].is_cut) { /* half of an answer would be taken for the whole */
        result->status = -1;
        result->errno_value = EFBIG;
    }
    for (size_t i = 0; i < 2; i++)
        if (command->captures[i].fd >= 0)
            close(command->captures[i].fd);
    free(command);
    return result->status == 0 ? 0 : -1;
}

int subprocess_run(const char *const argv[], unsigned timeout_sec, struct subprocess_result *result)
{
    struct subprocess *command = subprocess_start(argv, timeout_sec, clock_monotonic_msec());

    if (command == NULL) {
        *result = (struct subprocess_result){.status = -1, .errno_value = ENOMEM};
        return -1;
    }
    while (!subprocess_ready(command, clock_monotonic_msec())) {
        struct pollfd polled[SUBPROCESS_POLL_MAX];
        int64_t now_msec = clock_monotonic_msec();
        int64_t wait_msec = subprocess_next_msec(command, now_msec) - now_msec;

        poll(polled, subprocess_poll(command, polled), wait_msec > 0 ? (int)wait_msec : 0);
    }
    return subprocess_take(command, result);
}

void subprocess_clear(struct subprocess_result *result)
{
    free(result->out);
    free(result->error);
    result->out = NULL;
    result->error = NULL;
}

void subprocess_words(const struct subprocess_result *result, char *out, size_t cap)
{
    const char *words = result->error != NULL && result->error[0] != '\0' ? result->error : result->out;
    size_t len = words == NULL ? 0 : strnlen(words, cap - 1);
    char *raw = strndup(words == NULL ? "" : words, len);

    out[0] = '\0';
    if (raw == NULL)
        return;
    while (len > 0 && raw[len - 1] == '\n')
        raw[--len] = '\0';
    for (char *newline = raw; (newline = strchr(newline, '\n')) != NULL;)
        *newline = ' ';
    text_clean_copy(out, cap, raw, len);
    free(raw);
}
