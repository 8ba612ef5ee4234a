/* SPDX-License-Identifier: ISC */
/* When Apache's file is written next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "commit/commit_timer.h"

static const struct commit_plan nothing = {.urgent_msec = COMMIT_NEVER,
    .changed_msec = COMMIT_NEVER,
    .look_msec = COMMIT_NEVER,
    .change_at_msec = COMMIT_NEVER,
    .delay_msec = 60000,
    .ended_msec = 1000,
    .cost_msec = 10};

static void the_first_is_due_at_once(void **state)
{
    struct commit_plan plan = nothing;

    (void)state;
    assert_int_equal(commit_plan_due(&plan), COMMIT_NEVER);
    plan.ended_msec = 0;
    assert_int_equal(commit_plan_due(&plan), 0);
}

static void who_waits_for_a_staple_waits_a_moment(void **state)
{
    struct commit_plan plan = nothing;

    (void)state;
    plan.urgent_msec = plan.changed_msec = 5000;
    assert_int_equal(commit_plan_due(&plan), 5000 + COMMIT_GATHER_MSEC);
    plan.ended_msec = 4900;
    plan.cost_msec = 1000; /* a large file: no more than a fifth of the time */
    assert_int_equal(commit_plan_due(&plan), 8900);
}

static void what_nobody_waits_for_waits_commit_delay(void **state)
{
    struct commit_plan plan = nothing;

    (void)state;
    plan.changed_msec = 5000;
    assert_int_equal(commit_plan_due(&plan), 65000);
}

static void looks_are_soon_but_not_all_the_time(void **state)
{
    struct commit_plan plan = nothing;

    (void)state;
    plan.look_msec = 5000;
    assert_int_equal(commit_plan_due(&plan), 5000 + COMMIT_LOOK_MSEC);
    plan.ended_msec = 4900;
    plan.cost_msec = 1000;
    assert_int_equal(commit_plan_due(&plan), 4900 + 9 * 1000);
    plan.cost_msec = 20000; /* PARITY.md: at most 60 s */
    assert_int_equal(commit_plan_due(&plan), 5000 + COMMIT_LOOK_MAX_MSEC);
}

static void what_changes_by_itself_is_written_then(void **state)
{
    struct commit_plan plan = nothing;

    (void)state;
    plan.change_at_msec = 7000;
    assert_int_equal(commit_plan_due(&plan), 7000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_is_due_at_once),
        cmocka_unit_test(who_waits_for_a_staple_waits_a_moment),
        cmocka_unit_test(what_nobody_waits_for_waits_commit_delay),
        cmocka_unit_test(looks_are_soon_but_not_all_the_time),
        cmocka_unit_test(what_changes_by_itself_is_written_then),
    };

    return cmocka_run_group_tests_name("commit_plan", tests, NULL, NULL);
}
