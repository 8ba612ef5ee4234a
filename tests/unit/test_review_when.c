/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of cli/review/review_when.c, in zones with and without summer time.
 * Runs in: the build.
 * Never: asks a clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit/review_when.h"

/* 2026-11-23T17:34:13Z, a Monday. */
#define NOW INT64_C(1795455253)

static void set_zone(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
}

/* What text means, as UTC; "" for nothing. */
static const char *meaning(const char *text, int64_t now)
{
    static char out[32];
    int64_t usec;

    if (!review_when_parse(text, now, &usec))
        return "";
    review_when_utc(usec, out, sizeof out);
    return out;
}

struct row {
    const char *text;
    const char *time;
};

static void expect_all(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(meaning(rows[i].text, NOW), rows[i].time) != 0)
            fail_msg("\"%s\" is %s, expected %s", rows[i].text, meaning(rows[i].text, NOW), rows[i].time);
}

#define EXPECT_ALL(rows) expect_all(rows, sizeof(rows) / sizeof((rows)[0]))

static void words_and_distances(void **state)
{
    static const struct row rows[] = {
        {"now", "2026-11-23T17:34:13.000000Z"},
        {"today", "2026-11-23T00:00:00.000000Z"},
        {"yesterday", "2026-11-22T00:00:00.000000Z"},
        {"tomorrow", "2026-11-24T00:00:00.000000Z"},
        {"2 days ago", "2026-11-21T17:34:13.000000Z"},
        {"1 day ago", "2026-11-22T17:34:13.000000Z"},
        {"1h", "2026-11-23T16:34:13.000000Z"},
        {"90s", "2026-11-23T17:32:43.000000Z"},
        {"10m", "2026-11-23T17:24:13.000000Z"},
        {"10 min ago", "2026-11-23T17:24:13.000000Z"},
        {"1h 30m ago", "2026-11-23T16:04:13.000000Z"},
        {"3 weeks ago", "2026-11-02T17:34:13.000000Z"},
        {"1 month ago", "2026-10-23T17:34:13.000000Z"},
        {"2 years ago", "2024-11-23T17:34:13.000000Z"},
        {"7d", "2026-11-16T17:34:13.000000Z"},
        {"0s", "2026-11-23T17:34:13.000000Z"},
    };

    (void)state;
    set_zone("UTC");
    EXPECT_ALL(rows);
}

static void dates_and_clocks(void **state)
{
    static const struct row rows[] = {
        {"2026-11-20", "2026-11-20T00:00:00.000000Z"},
        {"2026-11-20 17:30", "2026-11-20T17:30:00.000000Z"},
        {"2026-11-20T17:30:05", "2026-11-20T17:30:05.000000Z"},
        {"17:30", "2026-11-23T17:30:00.000000Z"},
        {"17:30:05", "2026-11-23T17:30:05.000000Z"},
        {"2026-11-20T17:30:05Z", "2026-11-20T17:30:05.000000Z"},
        {"2026-11-20t17:30:05z", "2026-11-20T17:30:05.000000Z"},
        {"2026-11-20T17:30:05.25Z", "2026-11-20T17:30:05.250000Z"},
        {"2026-11-20T17:30:05.123456789Z", "2026-11-20T17:30:05.123456Z"},
        {"2026-11-20T17:30:05+01:00", "2026-11-20T16:30:05.000000Z"},
        {"2026-11-20T17:30:05-05:30", "2026-11-20T23:00:05.000000Z"},
        {"2026-11-20 17:30 Z", "2026-11-20T17:30:00.000000Z"},
        {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"},
        {"2024-02-29", "2024-02-29T00:00:00.000000Z"},
        {"@1795455253", "2026-11-23T17:34:13.000000Z"},
        {" today", "2026-11-23T00:00:00.000000Z"},
    };

    (void)state;
    set_zone("UTC");
    EXPECT_ALL(rows);
}

static void what_is_no_time(void **state)
{
    static const char *const texts[] = {"", " ", "x", "2 mays ago", "2 days from now", "days", "2", "-1h", "1h ago!", "agoo",
        "1 hour agoo", "2026-13-01", "2026-00-01", "2026-02-30", "2025-02-29", "2026-11-31", "2026-11-2", "26-11-20",
        "2026-11-20 24:00", "2026-11-20 17:60", "2026-11-20 17:30:61", "2026-11-20 17", "2026-11-20T", "2026-11-20T17:30:05+1",
        "2026-11-20T17:30:05+25:00", "2026-11-20T17:30:05.Z", "2026-11-20x17:30", "@", "@-5", "@x", "@999999999999999999999",
        "@1 2", "99999999 days ago", "yesterdays", "17:3", "1.5h"};

    (void)state;
    set_zone("UTC");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (meaning(texts[i], NOW)[0] != '\0')
            fail_msg("\"%s\" is taken to be %s", texts[i], meaning(texts[i], NOW));
}

/* Summer time in Europe ended on 2026-10-25 at 01:00 UTC. */
static void days_are_those_of_the_local_zone(void **state)
{
    static const int64_t morning_after = 1792918800; /* 2026-10-25T09:00:00Z, 10:00 in Berlin */
    static const struct row rows[] = {
        {"2026-07-01 12:00", "2026-07-01T10:00:00.000000Z"},
        {"2026-12-01 12:00", "2026-12-01T11:00:00.000000Z"},
        {"2026-07-01T12:00:00Z", "2026-07-01T12:00:00.000000Z"},
        {"today", "2026-11-22T23:00:00.000000Z"},
    };
    char local[REVIEW_WHEN_LEN + 1];

    (void)state;
    set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    EXPECT_ALL(rows);
    assert_string_equal(meaning("yesterday", morning_after), "2026-10-23T22:00:00.000000Z");
    /* The same time of day, which was 25 hours ago; and 24 hours, which was another. */
    assert_string_equal(meaning("1 day ago", morning_after), "2026-10-24T08:00:00.000000Z");
    assert_string_equal(meaning("24h", morning_after), "2026-10-24T09:00:00.000000Z");
    review_when_local(NOW, local);
    assert_string_equal(local, "2026-11-23 18:34:13");
    review_when_local(INT64_MAX, local);
    assert_string_equal(local, "-");
}

static void utc_is_bounded_like_a_record(void **state)
{
    char out[32];

    (void)state;
    review_when_utc(-5, out, sizeof out);
    assert_string_equal(out, "1970-01-01T00:00:00.000000Z");
    review_when_utc(INT64_MAX, out, sizeof out);
    assert_string_equal(out, "9999-12-31T23:59:59.999999Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_distances),
        cmocka_unit_test(dates_and_clocks),
        cmocka_unit_test(what_is_no_time),
        cmocka_unit_test(days_are_those_of_the_local_zone),
        cmocka_unit_test(utc_is_bounded_like_a_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
