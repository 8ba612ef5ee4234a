/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tables of sandbox/policy_*.c as the appendix of SECURITY.md.
 * Runs in: a developer's terminal; the test that the appendix is up to date.
 * Never: installed.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "sandbox/policy.h"

static void print_argument(const struct sandbox_argument *argument)
{
    const char *verb = "is";

    if (argument->compare == SANDBOX_NOT_EQUAL)
        verb = "is not";
    else if (argument->compare == SANDBOX_MASKED && argument->mask != UINT32_MAX && argument->value == 0)
        verb = "without";
    else if (argument->compare == SANDBOX_MASKED && argument->mask != UINT32_MAX && argument->value == argument->mask)
        verb = "with";
    printf(argument->compare == SANDBOX_OWN_PID ? "argument %u %s %s" : "argument %u %s `%s`", argument->index, verb,
        argument->name);
}

static void print_rule(const struct sandbox_rule *rule)
{
    printf("| `%s` | ", rule->call);
    for (size_t i = 0; i < sizeof rule->arguments / sizeof rule->arguments[0]; i++) {
        if (rule->arguments[i].compare == SANDBOX_ANY)
            break;
        if (i > 0)
            printf("; ");
        print_argument(&rule->arguments[i]);
    }
    printf(" | %s |\n", rule->who);
}

static void print_policy(const struct sandbox_policy *policy)
{
    printf("\n### %s: %s\n\n", policy->name,
        policy->mode == SANDBOX_KILL_OTHERS ? "these calls, and no other" : "every call but these, which end it");
    printf("| call | only where | who needs it, and what for |\n|---|---|---|\n");
    for (size_t g = 0; policy->groups[g] != NULL; g++)
        for (const struct sandbox_rule *rule = policy->groups[g]; rule->call != NULL; rule++)
            print_rule(rule);
    if (policy->absent == NULL)
        return;
    printf("\nAs if this kernel did not have them (`ENOSYS`):\n\n| call | only where | who goes without |\n|---|---|---|\n");
    for (const struct sandbox_rule *rule = policy->absent; rule->call != NULL; rule++)
        print_rule(rule);
}

int main(void)
{
    static const struct sandbox_policy *const policies[] = {&sandbox_policy_fetcher, &sandbox_policy_writer,
        &sandbox_policy_reader, &sandbox_policy_keeper, &sandbox_policy_supervisor};

    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++)
        print_policy(policies[i]);
    return EXIT_SUCCESS;
}
