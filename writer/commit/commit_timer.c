/* SPDX-License-Identifier: ISC */
#include "commit/commit_timer.h"

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t after(int64_t since_msec, int64_t wait_msec)
{
    return since_msec == COMMIT_NEVER ? COMMIT_NEVER : since_msec + wait_msec;
}

static int64_t not_before(int64_t due_msec, int64_t rest_until_msec)
{
    return due_msec == COMMIT_NEVER ? COMMIT_NEVER : later(due_msec, rest_until_msec);
}

int64_t commit_plan_due(const struct commit_plan *plan)
{
    int64_t urgent_msec = not_before(after(plan->urgent_msec, COMMIT_GATHER_MSEC), plan->ended_msec + 4 * plan->cost_msec);
    int64_t changed_msec = not_before(after(plan->changed_msec, plan->delay_msec), plan->ended_msec + 4 * plan->cost_msec);
    int64_t look_msec = not_before(after(plan->look_msec, COMMIT_LOOK_MSEC), plan->ended_msec + 9 * plan->cost_msec);

    if (plan->ended_msec == 0)
        return 0;
    look_msec = earlier(look_msec, after(plan->look_msec, COMMIT_LOOK_MAX_MSEC));
    return earlier(earlier(urgent_msec, changed_msec), earlier(look_msec, plan->change_at_msec));
}
