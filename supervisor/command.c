/*
 * Owns: running one fixed command of the configuration (apachectl) and keeping what it says.
 * Runs in: supervisor.
 * Never: uses a shell, passes its environment or descriptors on, or waits longer than it was told.
 */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

/* 100,000 certificates' paths of 100 bytes. */
#define OUTPUT_MAX (16u * 1024u * 1024u)

struct capture {
    int fd; /* -1 after its end */
    char *text;
    size_t len;
};

/* In the child: standard input from nowhere, the two pipes, the signals as a new program expects them. */
static _Noreturn void become_command(const char *const argv[], int out_fd, int error_fd)
{
    static const char *const environment[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C", "LC_ALL=C", NULL};
    sigset_t none;
    int null_fd = open("/dev/null", O_RDONLY);

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setpgid(0, 0);
    if (null_fd >= 0 && dup2(null_fd, STDIN_FILENO) >= 0 && dup2(out_fd, STDOUT_FILENO) >= 0
        && dup2(error_fd, STDERR_FILENO) >= 0 && close_range(3, ~0u, 0) == 0)
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

    if (got < 0 && errno == EINTR)
        return;
    if (got <= 0) {
        close(capture->fd);
        capture->fd = -1;
        return;
    }
    take = (size_t)got < OUTPUT_MAX - capture->len ? (size_t)got : OUTPUT_MAX - capture->len;
    grown = realloc(capture->text, capture->len + take + 1);
    if (grown == NULL)
        return;
    memcpy(grown + capture->len, data, take);
    capture->text = grown;
    capture->len += take;
    capture->text[capture->len] = '\0';
}

/* Returns false when the time is over before both ends are closed. */
static bool capture_until(struct capture captures[2], int64_t deadline_msec)
{
    while (captures[0].fd >= 0 || captures[1].fd >= 0) {
        struct pollfd polled[2] = {{captures[0].fd, POLLIN, 0}, {captures[1].fd, POLLIN, 0}};
        int64_t left_msec = deadline_msec - clock_monotonic_msec();

        if (left_msec <= 0)
            return false;
        if (poll(polled, 2, (int)left_msec) < 0 && errno != EINTR)
            return false;
        for (size_t i = 0; i < 2; i++)
            if (captures[i].fd >= 0 && polled[i].revents != 0)
                capture_some(&captures[i]);
    }
    return true;
}

static int wait_for(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return status;
}

int command_run(const char *const argv[], unsigned timeout_sec, struct command_result *result)
{
    int out_pipe[2] = {-1, -1};
    int error_pipe[2] = {-1, -1};
    struct capture captures[2] = {{-1, NULL, 0}, {-1, NULL, 0}};
    pid_t pid = -1;

    *result = (struct command_result){.status = -1};
    if (pipe2(out_pipe, O_CLOEXEC) != 0 || pipe2(error_pipe, O_CLOEXEC) != 0)
        goto out;
    pid = fork();
    if (pid == 0)
        become_command(argv, out_pipe[1], error_pipe[1]);
out:
    result->errno_value = pid < 0 ? errno : 0;
    close(out_pipe[1]);
    close(error_pipe[1]);
    captures[0].fd = out_pipe[0];
    captures[1].fd = error_pipe[0];
    if (pid > 0) {
        bool is_in_time = capture_until(captures, clock_monotonic_msec() + (int64_t)timeout_sec * 1000);

        if (!is_in_time) {
            kill(-pid, SIGKILL);
            result->errno_value = ETIMEDOUT;
        }
        result->status = wait_for(pid);
        if (!is_in_time)
            result->status = -1;
    }
    for (size_t i = 0; i < 2; i++)
        if (captures[i].fd >= 0)
            close(captures[i].fd);
    result->out = captures[0].text;
    result->error = captures[1].text;
    return result->status == 0 ? 0 : -1;
}

void command_clear(struct command_result *result)
{
    free(result->out);
    free(result->error);
    result->out = NULL;
    result->error = NULL;
}
