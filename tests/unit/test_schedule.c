/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of fetcher/schedule.c.
 * Runs in: the build.
 * Never: asks a clock or for randomness.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schedule/schedule.h"

#define MINUTE 60
#define HOUR 3600
#define DAY 86400

/* A moment like any other. */
#define NOW INT64_C(1800000000)

/* random: the middle moves nothing, the ends move by a tenth. */
#define MIDDLE UINT32_C(0x80000000)
#define EARLY UINT32_C(0)
#define LATE UINT32_MAX

static const struct schedule_policy policy = {.safety_margin_sec = 30 * HOUR, .min_ttl_sec = HOUR, .refresh_every_sec = DAY};

/* A response of seven days, fetched as soon as it was made. */
static struct schedule_record week_fetched_at(int64_t when)
{
    return (struct schedule_record){
        .state = CERT_STATE_GOOD,
        .this_update = when,
        .next_update = when + 7 * DAY,
        .effective_end = when + 7 * DAY,
        .fetched_at = when,
    };
}

static void due_now_when_nothing_is_held(void **state)
{
    static const enum cert_state states[] = {CERT_STATE_MISSING, CERT_STATE_NO_OCSP, CERT_STATE_EXPIRED, CERT_STATE_UNUSABLE};

    (void)state;
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        struct schedule_record record = {.state = states[i]};

        assert_int_equal(schedule_due_at(&record, &policy, NOW, MIDDLE), NOW);
    }
}

static void refresh_every_comes_before_half_of_a_week(void **state)
{
    struct schedule_record record = week_fetched_at(NOW);

    (void)state;
    assert_int_equal(schedule_due_at(&record, &policy, NOW, MIDDLE), NOW + DAY);
    assert_int_equal(schedule_due_at(&record, &policy, NOW + 23 * HOUR, MIDDLE), NOW + DAY);
}

static void half_of_the_validity_comes_before_refresh_every(void **state)
{
    const struct schedule_policy weekly = {.safety_margin_sec = HOUR, .min_ttl_sec = HOUR, .refresh_every_sec = 7 * DAY};
    struct schedule_record record = week_fetched_at(NOW);

    (void)state;
    assert_int_equal(schedule_due_at(&record, &weekly, NOW, MIDDLE), NOW + 7 * DAY / 2);
    /* Counted from thisUpdate, however late it was fetched. */
    record.fetched_at = NOW + DAY;
    assert_int_equal(schedule_due_at(&record, &weekly, NOW + DAY, MIDDLE), NOW + 7 * DAY / 2);
}

static void jitter_is_a_tenth_of_the_wait_at_most(void **state)
{
    struct schedule_record record = week_fetched_at(NOW);

    (void)state;
    assert_int_equal(schedule_due_at(&record, &policy, NOW, EARLY), NOW + DAY - DAY / 10);
    assert_int_equal(schedule_due_at(&record, &policy, NOW, LATE), NOW + DAY + DAY / 10);
    for (uint32_t random = 0, previous = 0; random >= previous; previous = random, random += 0x01234567) {
        int64_t due = schedule_due_at(&record, &policy, NOW, random);

        assert_in_range(due, NOW + DAY - DAY / 10, NOW + DAY + DAY / 10);
    }
}

/* A thousand certificates fetched in the same second do not come back in the same minute. */
static void jitter_spreads_evenly(void **state)
{
    struct schedule_record record = week_fetched_at(NOW);
    unsigned tenths[10] = {0};

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        uint32_t random = i * 4294967u;
        int64_t moved = schedule_due_at(&record, &policy, NOW, random) - (NOW + DAY - DAY / 10);

        tenths[moved * 10 / (2 * DAY / 10 + 1)]++;
    }
    for (unsigned i = 0; i < 10; i++)
        assert_in_range(tenths[i], 98, 102);
}

static void due_now_once_apache_could_not_be_given_it_any_more(void **state)
{
    struct schedule_record record = week_fetched_at(NOW);
    int64_t latest = record.effective_end - 31 * HOUR;

    (void)state;
    record.fetched_at = latest - MINUTE; /* fetched again, the same response */
    record.this_update = latest - 2 * MINUTE;
    assert_int_equal(schedule_due_at(&record, &policy, latest - 1, LATE), latest);
    assert_int_equal(schedule_due_at(&record, &policy, latest, LATE), latest);
    assert_int_equal(schedule_due_at(&record, &policy, latest + DAY, LATE), latest + DAY);
}

/* The delegate's certificate ends before the response does: that end counts. */
static void the_effective_end_counts_not_next_update(void **state)
{
    struct schedule_record record = week_fetched_at(NOW);

    (void)state;
    record.effective_end = NOW + 40 * HOUR;
    assert_int_equal(schedule_due_at(&record, &policy, NOW, LATE), NOW + 9 * HOUR);
}

static void due_now_when_the_clock_jumped_back(void **state)
{
    struct schedule_record record = week_fetched_at(NOW);

    (void)state;
    assert_int_equal(schedule_due_at(&record, &policy, NOW - 1, MIDDLE), NOW - 1);
    assert_int_equal(schedule_due_at(&record, &policy, NOW - 365 * DAY, MIDDLE), NOW - 365 * DAY);
}

static void a_withdrawn_certificate_is_never_due(void **state)
{
    struct schedule_record record = week_fetched_at(NOW);

    (void)state;
    record.state = CERT_STATE_REVOKED;
    assert_true(schedule_due_at(&record, &policy, NOW + 365 * DAY, MIDDLE) == SCHEDULE_NEVER);
    assert_true(schedule_due_at(&record, &policy, NOW - DAY, MIDDLE) == SCHEDULE_NEVER);
    record.state = CERT_STATE_UNKNOWN;
    assert_true(schedule_due_at(&record, &policy, NOW + 365 * DAY, MIDDLE) == SCHEDULE_NEVER);
}

static void a_response_older_than_half_is_due_at_once(void **state)
{
    struct schedule_record record = week_fetched_at(NOW);

    (void)state;
    record.fetched_at = NOW + 4 * DAY;
    assert_int_equal(schedule_due_at(&record, &policy, NOW + 4 * DAY, MIDDLE), NOW + 7 * DAY / 2);
    assert_int_equal(schedule_due_at(&record, &policy, NOW + 4 * DAY, LATE), NOW + 7 * DAY / 2);
}

/* Times that only a broken or hostile peer sends: whatever comes out, it is computed without overflow. */
static void absurd_times_are_survived(void **state)
{
    static const int64_t times[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, NOW, INT64_MAX - 1, INT64_MAX};
    const size_t count = sizeof times / sizeof times[0];
    const struct schedule_policy longest = {UINT32_MAX, UINT32_MAX, UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < count * count * count * count; i++) {
        struct schedule_record record = {
            .state = CERT_STATE_GOOD,
            .this_update = times[i % count],
            .next_update = times[i / count % count],
            .effective_end = times[i / count / count % count],
            .fetched_at = times[i / count / count / count],
        };
        int64_t latest = record.effective_end > INT64_MIN + 31 * HOUR ? record.effective_end - 31 * HOUR : INT64_MIN;
        int64_t due = schedule_due_at(&record, &policy, NOW, LATE);

        assert_true(due == NOW || due <= latest);
        schedule_due_at(&record, &longest, NOW, EARLY);
    }
}

/*
 * Simulated weeks.  A pass looks every ten minutes; the responder makes a new response of `validity` every `renewal` and is
 * down during `outage` (from NOW + 10 days).  Returns the longest time in seconds that Apache had nothing to serve.
 */
struct world {
    int64_t validity;
    int64_t renewal;
    int64_t outage;
    unsigned fetches;
    int64_t without_staple;
};

static void simulate(struct world *world, unsigned weeks)
{
    struct schedule_record record = {.state = CERT_STATE_MISSING};
    uint32_t random = 12345;

    world->fetches = 0;
    world->without_staple = 0;
    for (int64_t now = NOW; now < NOW + weeks * 7 * DAY; now += 10 * MINUTE) {
        int64_t this_update = NOW + (now - NOW) / world->renewal * world->renewal;
        bool is_down = now >= NOW + 10 * DAY && now < NOW + 10 * DAY + world->outage;

        random = random * 1664525 + 1013904223;
        if (schedule_due_at(&record, &policy, now, random) <= now) {
            world->fetches++;
            if (!is_down) {
                record = week_fetched_at(this_update);
                record.next_update = this_update + world->validity;
                record.effective_end = record.next_update;
                record.fetched_at = now;
            }
        }
        if (record.state != CERT_STATE_GOOD || record.effective_end - policy.safety_margin_sec <= now)
            world->without_staple += 10 * MINUTE;
    }
}

static void p16_weeks_with_a_good_responder_cost_one_fetch_a_day(void **state)
{
    struct world world = {.validity = 7 * DAY, .renewal = 12 * HOUR};

    (void)state;
    simulate(&world, 8);
    assert_int_equal(world.without_staple, 0);
    assert_in_range(world.fetches, 54, 60);
}

static void weeks_with_short_lived_responses_stay_covered(void **state)
{
    struct world world = {.validity = 3 * DAY, .renewal = 6 * HOUR};

    (void)state;
    simulate(&world, 8);
    assert_int_equal(world.without_staple, 0);
    assert_in_range(world.fetches, 54, 62);
}

/* Down for four days: a response of a week, refreshed daily, outlives it; the day it is back, it is asked again. */
static void an_outage_of_four_days_is_outlived(void **state)
{
    struct world world = {.validity = 7 * DAY, .renewal = 12 * HOUR, .outage = 4 * DAY};

    (void)state;
    simulate(&world, 8);
    assert_int_equal(world.without_staple, 0);
    world.outage = 8 * DAY;
    simulate(&world, 8);
    assert_in_range(world.without_staple, 2 * DAY, 4 * DAY);
}

static void p7_backoff_grows_from_a_minute_to_an_hour(void **state)
{
    static const struct {
        unsigned failures;
        int64_t highest;
    } rows[] = {{1, 120}, {2, 240}, {3, 480}, {4, 960}, {5, 1920}, {6, 3600}, {7, 3600}, {100, 3600}, {4000000000u, 3600}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(schedule_backoff_sec(rows[i].failures, 0, 0), 60);
        assert_int_equal(schedule_backoff_sec(rows[i].failures, 0, UINT32_MAX), rows[i].highest);
        assert_int_equal(schedule_backoff_sec(rows[i].failures, 30 * DAY, MIDDLE), 60 + (rows[i].highest - 60 + 1) / 2);
    }
    assert_int_equal(schedule_backoff_sec(0, 0, UINT32_MAX), 60);
}

/* The whole range is used, not only its ends. */
static void p7_backoff_has_full_jitter(void **state)
{
    unsigned quarters[4] = {0};

    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        quarters[(schedule_backoff_sec(6, 0, i * 4294967u) - 60) * 4 / (3600 - 60 + 1)]++;
    for (unsigned i = 0; i < 4; i++)
        assert_in_range(quarters[i], 245, 255);
}

static void p7_backoff_never_sleeps_past_what_is_left(void **state)
{
    (void)state;
    for (int64_t remaining = 1; remaining < 3 * HOUR; remaining++) {
        int64_t wait = schedule_backoff_sec(10, remaining, UINT32_MAX);

        assert_true(wait >= 1);
        assert_true(wait == 1 || wait <= remaining / 2);
    }
    /* Nothing left to lose: the ordinary wait. */
    assert_int_equal(schedule_backoff_sec(10, 0, UINT32_MAX), 3600);
    assert_int_equal(schedule_backoff_sec(10, -5 * DAY, UINT32_MAX), 3600);
}

/* From an hour before the end, some attempts are made, not thousands. */
static void p7_the_last_hour_has_a_bounded_number_of_attempts(void **state)
{
    unsigned attempts = 0;

    (void)state;
    for (int64_t remaining = HOUR; remaining > 0; attempts++)
        remaining -= schedule_backoff_sec(20, remaining, UINT32_MAX);
    assert_in_range(attempts, 5, 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(due_now_when_nothing_is_held),
        cmocka_unit_test(refresh_every_comes_before_half_of_a_week),
        cmocka_unit_test(half_of_the_validity_comes_before_refresh_every),
        cmocka_unit_test(jitter_is_a_tenth_of_the_wait_at_most),
        cmocka_unit_test(jitter_spreads_evenly),
        cmocka_unit_test(due_now_once_apache_could_not_be_given_it_any_more),
        cmocka_unit_test(the_effective_end_counts_not_next_update),
        cmocka_unit_test(due_now_when_the_clock_jumped_back),
        cmocka_unit_test(a_withdrawn_certificate_is_never_due),
        cmocka_unit_test(a_response_older_than_half_is_due_at_once),
        cmocka_unit_test(absurd_times_are_survived),
        cmocka_unit_test(p16_weeks_with_a_good_responder_cost_one_fetch_a_day),
        cmocka_unit_test(weeks_with_short_lived_responses_stay_covered),
        cmocka_unit_test(an_outage_of_four_days_is_outlived),
        cmocka_unit_test(p7_backoff_grows_from_a_minute_to_an_hour),
        cmocka_unit_test(p7_backoff_has_full_jitter),
        cmocka_unit_test(p7_backoff_never_sleeps_past_what_is_left),
        cmocka_unit_test(p7_the_last_hour_has_a_bounded_number_of_attempts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
