/*
 * Owns: turning a policy table into a seccomp filter (libseccomp) and loading it.
 * Runs in: supervisor, fetcher, writer, the writer's reader.
 * Never: loads half a table; lets a call of another architecture (32 bit, x32) through.
 */
#include "policy.h"

#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <sys/prctl.h>

#ifdef SANDBOX_TRACE_DENIED
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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

static unsigned comparisons_of(const struct sandbox_rule *rule, struct scmp_arg_cmp *out)
{
    unsigned count = 0;

    for (size_t i = 0; i < sizeof rule->arguments / sizeof rule->arguments[0]; i++) {
        const struct sandbox_argument *argument = &rule->arguments[i];

        switch ((enum sandbox_compare)argument->compare) {
        case SANDBOX_ANY:
            return count;
        case SANDBOX_EQUAL:
            out[count++] = SCMP_CMP(argument->index, SCMP_CMP_EQ, argument->value, 0);
            break;
        case SANDBOX_NOT_EQUAL:
            out[count++] = SCMP_CMP(argument->index, SCMP_CMP_NE, argument->value, 0);
            break;
        case SANDBOX_MASKED:
            out[count++] = SCMP_CMP(argument->index, SCMP_CMP_MASKED_EQ, argument->mask, argument->value);
            break;
        }
    }
    return count;
}

static int add_rule(scmp_filter_ctx filter, uint32_t action, const struct sandbox_rule *rule)
{
    struct scmp_arg_cmp comparisons[sizeof rule->arguments / sizeof rule->arguments[0]];
    unsigned count = comparisons_of(rule, comparisons);
    int number = seccomp_syscall_resolve_name(rule->call);

    if (number < 0) /* this architecture, or this libseccomp, has no such call */
        return 0;
    return seccomp_rule_add_array(filter, action, number, count, comparisons);
}

static int add_groups(scmp_filter_ctx filter, uint32_t action, const struct sandbox_policy *policy)
{
    for (size_t g = 0; policy->groups[g] != NULL; g++) {
        for (const struct sandbox_rule *rule = policy->groups[g]; rule->call != NULL; rule++) {
            int result = add_rule(filter, action, rule);

            if (result != 0)
                return result;
        }
    }
    return 0;
}

int sandbox_apply(const struct sandbox_policy *policy)
{
    bool is_allow_list = policy->mode == SANDBOX_KILL_OTHERS;
    uint32_t denied = denied_action();
    scmp_filter_ctx filter;
    int result;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    filter = seccomp_init(is_allow_list ? denied : SCMP_ACT_ALLOW);
    if (filter == NULL) {
        errno = ENOMEM;
        return -1;
    }
    result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (result == 0)
        result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree: fewer steps a call */
    if (result == 0)
        result = add_groups(filter, is_allow_list ? SCMP_ACT_ALLOW : denied, policy);
    if (result == 0)
        result = seccomp_load(filter);
    seccomp_release(filter);
    errno = -result;
    return result == 0 ? 0 : -1;
}
