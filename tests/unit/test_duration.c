/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of common/duration.c.
 * Runs in: the build.
 * Never: asks a clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "text/duration.h"

static void parses_each_unit(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } rows[] = {
        {"0", 0},
        {"0s", 0},
        {"0d", 0},
        {"1s", 1},
        {"90s", 90},
        {"10m", 600},
        {"30h", 108000},
        {"7d", 604800},
        {"007d", 604800},
        {"9223372036854775807s", INT64_MAX},
        {"106751991167300d", 106751991167300 * 86400},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t seconds = -1;

        assert_true(duration_parse(rows[i].text, &seconds));
        assert_int_equal(seconds, rows[i].seconds);
    }
}

static void refuses_what_it_does_not_understand_whole(void **state)
{
    static const char *const rows[] = {
        "",
        "s",
        "1",
        "00",
        "10",
        "-1s",
        "+1s",
        " 1s",
        "1s ",
        "1 s",
        "1S",
        "1H",
        "1w",
        "1y",
        "1ms",
        "1h30m",
        "1.5h",
        "0x10s",
        "1h\n",
        "9223372036854775808s",
        "106751991167301d",
        "153722867280912931m",
        "99999999999999999999999999s",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t seconds = 42;

        assert_false(duration_parse(rows[i], &seconds));
        assert_int_equal(seconds, 42);
    }
}

static void formats_the_two_largest_units(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {
        {0, "0s"},
        {59, "59s"},
        {60, "1m"},
        {61, "1m 1s"},
        {3599, "59m 59s"},
        {3600, "1h"},
        {3659, "1h"},
        {7500, "2h 5m"},
        {86399, "23h 59m"},
        {86400, "1d"},
        {90061, "1d 1h"},
        {410400, "4d 18h"},
        {-1, "-1s"},
        {-7500, "-2h 5m"},
        {INT64_MAX, "106751991167300d 15h"},
        {INT64_MIN, "-106751991167300d 15h"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[64];

        duration_format(rows[i].seconds, out, sizeof out);
        assert_string_equal(out, rows[i].text);
    }
}

static void formats_into_a_short_buffer(void **state)
{
    char out[8];

    (void)state;
    memset(out, '#', sizeof out);
    duration_format(410400, out, 3);
    assert_string_equal(out, "4d");
    assert_int_equal(out[3], '#');
    duration_format(410400, out, 0);
    assert_string_equal(out, "4d");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_each_unit),
        cmocka_unit_test(refuses_what_it_does_not_understand_whole),
        cmocka_unit_test(formats_the_two_largest_units),
        cmocka_unit_test(formats_into_a_short_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
