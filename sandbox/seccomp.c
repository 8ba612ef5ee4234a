/* SPDX-License-Identifier: ISC */
/*
 * Owns: laying a policy's filter over the calling process.
 * Runs in: supervisor, fetcher, writer, keeper, the writer's reader.
 * Never: loads half a table; takes a kernel without seccomp for one that filters.
 */
#include "sandbox/policy.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/filter.h"

#ifdef SANDBOX_TRACE_DENIED
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* Developer builds only: name what was denied, then end as the production filter would. */
static void name_denied_call(int signal_number, siginfo_t *info, void *context)
{
    char line[128];
    char *call = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, info->si_syscall);
    int len = snprintf(line, sizeof line, "seccomp: denied %s (%d)\n", call == NULL ? "?" : call, info->si_syscall);
    ssize_t written = write(STDERR_FILENO, line, (size_t)len);

    (void)context;
    (void)written;
    _exit(128 + signal_number);
}

static uint32_t denied_action(void)
{
    struct sigaction action = {.sa_sigaction = name_denied_call, .sa_flags = SA_SIGINFO};

    sigaction(SIGSYS, &action, NULL);
    return SCMP_ACT_TRAP;
}
#else
static uint32_t denied_action(void)
{
    return SCMP_ACT_KILL_PROCESS;
}
#endif

/* seccomp(2): ENOSYS from a kernel without it, EOPNOTSUPP from one that cannot kill a whole process. */
bool sandbox_is_supported(void)
{
    uint32_t action = SECCOMP_RET_KILL_PROCESS;

    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

int sandbox_apply(const struct sandbox_policy *policy)
{
    scmp_filter_ctx filter;
    int result;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    if (!sandbox_is_supported()) {
        errno = ENOSYS;
        return -1;
    }
    filter = filter_new(policy, seccomp_arch_native(), denied_action());
    if (filter == NULL)
        return -1;
    result = seccomp_load(filter);
    seccomp_release(filter);
    errno = -result;
    return result == 0 ? 0 : -1;
}
