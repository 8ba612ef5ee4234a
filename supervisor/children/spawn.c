/* SPDX-License-Identifier: ISC */
#include "children/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bounds.h"

static int find_program(const char *name, char *out, size_t cap)
{
    char own[FILE_PATH_MAX + 1];
    ssize_t len = readlink("/proc/self/exe", own, sizeof own - 1);
    char *slash;

    if (len <= 0)
        return -1;
    own[len] = '\0';
    slash = strrchr(own, '/');
    if (slash == NULL)
        return -1;
    *slash = '\0';
    if ((size_t)snprintf(out, cap, "%s/../" HELPER_DIR "/%s", own, name) < cap && access(out, X_OK) == 0)
        return 0;
    if ((size_t)snprintf(out, cap, "%s/../%s/%s", own, name, name) < cap && access(out, X_OK) == 0)
        return 0;
    errno = ENOENT;
    return -1;
}

/* Put `fd` at `target`, open across exec. */
static int place(int fd, int target)
{
    return fd == target ? fcntl(fd, F_SETFD, 0) : dup2(fd, target);
}

static _Noreturn void become_child(const char *program, const char *title, int supervisor_fd, int sibling_fd)
{
    char *const argv[] = {(char *)(uintptr_t)title, NULL};
    char *const environment[] = {NULL};
    sigset_t none;
    int null_fd = open("/dev/null", O_RDWR);
    /* Above both targets first, so that placing one does not overwrite the other. */
    int high_supervisor = fcntl(supervisor_fd, F_DUPFD, IPC_FD_SIBLING + 1);
    int high_sibling = fcntl(sibling_fd, F_DUPFD, IPC_FD_SIBLING + 1);

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (null_fd >= 0 && dup2(null_fd, STDIN_FILENO) >= 0 && dup2(null_fd, STDOUT_FILENO) >= 0
        && place(high_supervisor, IPC_FD_SUPERVISOR) >= 0 && place(high_sibling, IPC_FD_SIBLING) >= 0
        && close_range(IPC_FD_SIBLING + 1, ~0u, 0) == 0)
        execve(program, argv, environment);
    _exit(127);
}

static int start(struct child *child, enum party party, int sibling_fd)
{
    char program[FILE_PATH_MAX + 1];
    char title[64];
    int pair[2];

    snprintf(title, sizeof title, "stapleguardd: %s", party_name(party));
    if (find_program(party_name(party), program, sizeof program) != 0
        || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    child->party = party;
    child->pid = fork();
    if (child->pid == 0)
        become_child(program, title, pair[1], sibling_fd);
    close(pair[1]);
    if (child->pid < 0) {
        close(pair[0]);
        return -1;
    }
    ipc_init(&child->ipc, pair[0], PARTY_SUPERVISOR, party);
    return 0;
}

int spawn_child(struct child *child, enum party party, int *sibling_end)
{
    int siblings[2];

    *child = (struct child){.pid = -1, .ipc.fd = -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, siblings) != 0)
        return -1;
    if (start(child, party, siblings[0]) != 0) {
        int start_errno = errno;

        close(siblings[0]);
        close(siblings[1]);
        errno = start_errno;
        return -1;
    }
    close(siblings[0]);
    *sibling_end = siblings[1];
    return 0;
}
