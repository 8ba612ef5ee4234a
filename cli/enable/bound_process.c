/* SPDX-License-Identifier: ISC */
#include "enable/bound_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void become(const char *const argv[], int out_fd)
{
    static const char *const environment[]
        = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C", "LC_ALL=C", NULL};
    int null_fd = open("/dev/null", O_RDWR);
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (out_fd < 0)
        out_fd = null_fd;
    if (null_fd >= 0 && dup2(out_fd, STDOUT_FILENO) >= 0 && dup2(out_fd, STDERR_FILENO) >= 0 && dup2(null_fd, STDIN_FILENO) >= 0
        && setpgid(0, 0) == 0 && close_range(3, ~0u, 0) == 0)
        execve(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)environment);
    _exit(127);
}

/*
 * 0: in the new process.  The bond counts from when it is made: a parent that died before is seen by its pidfd, also from inside a
 * namespace that it is not in.
 */
static pid_t fork_bound(void)
{
    int parent_fd = pidfd_open(getpid(), 0);
    struct pollfd parent = {parent_fd, POLLIN, 0};
    pid_t pid = parent_fd < 0 ? -1 : fork();

    if (pid == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || poll(&parent, 1, 0) != 0))
        _exit(127);
    if (parent_fd >= 0)
        close(parent_fd);
    return pid;
}

static _Noreturn void pass_on(pid_t pid)
{
    int code = pid < 0 ? -1 : bound_wait(pid);

    _exit(code < 0 ? 127 : code);
}

pid_t bound_start(const char *const argv[], int out_fd)
{
    pid_t pid = fork_bound();

    if (pid != 0)
        return pid;
    if (unshare(CLONE_NEWPID) != 0) /* not allowed in some containers; the bond of the first process is left then */
        become(argv, out_fd);
    pid = fork_bound();
    if (pid != 0)
        pass_on(pid);
    pid = fork_bound();
    if (pid != 0)
        pass_on(pid);
    become(argv, out_fd);
}

int bound_wait(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void bound_end(pid_t pid)
{
    kill(pid, SIGKILL);
    bound_wait(pid);
}
