/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of common/clock.c.
 * Runs in: the build.
 * Never: asks a clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bounds.h"
#include "system/clock.h"

static void a_clock_before_the_build_is_wrong(void **state)
{
    int64_t built = clock_build_date();

    (void)state;
    assert_true(built > INT64_C(1600000000));
    assert_true(clock_is_plausible(built));
    assert_true(clock_is_plausible(built - CLOCK_SKEW_SEC));
    assert_false(clock_is_plausible(built - CLOCK_SKEW_SEC - 1));
    assert_false(clock_is_plausible(0));
    assert_false(clock_is_plausible(-1));
    assert_false(clock_is_plausible(INT64_MIN));
    assert_true(clock_is_plausible(INT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_clock_before_the_build_is_wrong)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
