/* SPDX-License-Identifier: ISC */
#include "sandbox/filter.h"

#include <errno.h>
#include <unistd.h>

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
        case SANDBOX_OWN_PID:
            out[count++] = SCMP_CMP(argument->index, SCMP_CMP_MASKED_EQ, argument->mask, (uint64_t)getpid());
            break;
        }
    }
    return count;
}

static int add_rule(scmp_filter_ctx filter, uint32_t architecture, uint32_t action, const struct sandbox_rule *rule)
{
    struct scmp_arg_cmp comparisons[sizeof rule->arguments / sizeof rule->arguments[0]];
    unsigned count = comparisons_of(rule, comparisons);

    if (seccomp_syscall_resolve_name_arch(architecture, rule->call) < 0) /* it, or this libseccomp, has no such call */
        return 0;
    /* The native number, or a stand-in for one: libseccomp translates. */
    return seccomp_rule_add_array(filter, action, seccomp_syscall_resolve_name(rule->call), count, comparisons);
}

static int add_group(scmp_filter_ctx filter, uint32_t architecture, uint32_t action, const struct sandbox_rule *rules)
{
    int result = 0;

    for (const struct sandbox_rule *rule = rules; rule != NULL && rule->call != NULL && result == 0; rule++)
        result = add_rule(filter, architecture, action, rule);
    return result;
}

static int add_groups(scmp_filter_ctx filter, uint32_t architecture, uint32_t denied, const struct sandbox_policy *policy)
{
    uint32_t action = policy->mode == SANDBOX_KILL_OTHERS ? SCMP_ACT_ALLOW : denied;
    int result = add_group(filter, architecture, SCMP_ACT_ERRNO(ENOSYS), policy->absent);

    for (size_t g = 0; policy->groups[g] != NULL && result == 0; g++)
        result = add_group(filter, architecture, action, policy->groups[g]);
    return result;
}

static int choose_architecture(scmp_filter_ctx filter, uint32_t architecture)
{
    uint32_t native = seccomp_arch_native();
    int result;

    if (architecture == native)
        return 0;
    result = seccomp_arch_add(filter, architecture);
    return result == 0 ? seccomp_arch_remove(filter, native) : result;
}

scmp_filter_ctx filter_new(const struct sandbox_policy *policy, uint32_t architecture, uint32_t denied)
{
    scmp_filter_ctx filter = seccomp_init(policy->mode == SANDBOX_KILL_OTHERS ? denied : SCMP_ACT_ALLOW);
    int result;

    if (filter == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (result == 0)
        result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree: fewer steps a call */
    if (result == 0)
        result = choose_architecture(filter, architecture);
    if (result == 0)
        result = add_groups(filter, architecture, denied, policy);
    if (result == 0)
        return filter;
    seccomp_release(filter);
    errno = -result;
    return NULL;
}
