/* SPDX-License-Identifier: ISC */
#include "loosen.h"

#define RULES_MAX 256

/* Take the rule on an argument out of the row if it is the one; *number counts down to it.  Returns whether the row stays. */
static bool loosen(struct sandbox_rule *rule, enum sandbox_default mode, uint32_t *number)
{
    size_t last = sizeof rule->arguments / sizeof rule->arguments[0] - 1;

    for (size_t i = 0; i <= last && rule->arguments[i].compare != SANDBOX_ANY; i++) {
        if ((*number)-- != 1)
            continue;
        for (size_t k = i; k < last; k++)
            rule->arguments[k] = rule->arguments[k + 1];
        rule->arguments[last] = (struct sandbox_argument){.compare = SANDBOX_ANY};
        return mode == SANDBOX_KILL_OTHERS;
    }
    return true;
}

const struct sandbox_policy *policy_loosened(const struct sandbox_policy *policy, uint32_t number)
{
    static struct sandbox_rule rules[RULES_MAX];
    static const struct sandbox_rule *const groups[] = {rules, NULL};
    static struct sandbox_policy loosened;
    size_t count = 0;

    if (number == 0)
        return policy;
    for (size_t g = 0; policy->groups[g] != NULL; g++) {
        for (const struct sandbox_rule *rule = policy->groups[g]; rule->call != NULL && count < RULES_MAX - 1; rule++) {
            rules[count] = *rule;
            count += loosen(&rules[count], policy->mode, &number) ? 1 : 0;
        }
    }
    rules[count] = (struct sandbox_rule){.call = NULL};
    loosened = *policy;
    loosened.groups = groups;
    return &loosened;
}
