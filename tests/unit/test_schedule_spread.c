/* SPDX-License-Identifier: ISC */
/* Of the moments that the schedule allows, the one at which least is asked for already. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schedule/schedule_spread.h"

#define HOUR INT64_C(3600)
#define DAY (24 * HOUR)
#define NOW (INT64_C(20000) * DAY)
#define COUNT 100u

/* Fetched just now: due in a day, moved by up to 2.4 hours either way. */
#define EARLIEST (NOW + DAY - DAY / 10)
#define EARLY 0u
#define LATE UINT32_MAX

static const struct schedule_policy policy = {.safety_margin_sec = 30 * 3600, .min_ttl_sec = 3600, .refresh_every_sec = 86400};
static const struct schedule_record good = {CERT_STATE_GOOD, NOW, NOW + 7 * DAY, NOW + 7 * DAY, NOW};
static const struct schedule_history just_asked = {.asked_at = NOW};

static uint32_t first_random;
static uint32_t other_random;
static unsigned random_calls;

/* The first choice is one, all others are another. */
static uint32_t two_numbers(void)
{
    return random_calls++ == 0 ? first_random : other_random;
}

static int64_t plan_between(const struct agenda *agenda, uint32_t first, uint32_t other, int64_t now)
{
    first_random = first;
    other_random = other;
    random_calls = 0;
    return plan_next_at(agenda, &good, &policy, &just_asked, COUNT, now, two_numbers);
}

static void the_emptier_moment_is_taken(void **state)
{
    struct agenda *agenda = agenda_new(COUNT);

    (void)state;
    assert_int_equal(plan_between(agenda, EARLY, LATE, NOW), EARLIEST); /* none is emptier: the first */
    agenda_set(agenda, 1, EARLIEST);
    assert_true(plan_between(agenda, EARLY, LATE, NOW) > NOW + DAY);
    assert_true(plan_between(agenda, LATE, EARLY, NOW) > NOW + DAY);
    agenda_set(agenda, 2, plan_between(agenda, EARLY, LATE, NOW));
    agenda_set(agenda, 3, plan_between(agenda, LATE, LATE, NOW));
    assert_int_equal(plan_between(agenda, LATE, EARLY, NOW), EARLIEST);
    agenda_free(agenda);
}

/* Nobody is down for the past, so that it would draw all of them at once. */
static void the_past_is_not_taken_for_empty(void **state)
{
    struct agenda *agenda = agenda_new(COUNT);
    int64_t latest = plan_between(agenda, LATE, LATE, NOW);

    (void)state;
    agenda_set(agenda, 1, latest);
    assert_int_equal(plan_between(agenda, LATE, EARLY, NOW + DAY), latest);
    agenda_free(agenda);
}

static void what_was_due_while_nobody_was_there_is_spread(void **state)
{
    static const struct schedule_history never_asked;
    struct agenda *agenda = agenda_new(COUNT);

    (void)state;
    first_random = EARLY;
    other_random = LATE;
    random_calls = 0;
    assert_int_equal(
        plan_next_at(agenda, &good, &policy, &never_asked, 2000, NOW + 2 * DAY, two_numbers), NOW + 2 * DAY + 2000 / 20 - 1);
    agenda_free(agenda);
}

static void what_is_withdrawn_is_never_asked_for(void **state)
{
    static const struct schedule_record revoked = {.state = CERT_STATE_REVOKED};
    struct agenda *agenda = agenda_new(COUNT);

    (void)state;
    assert_int_equal(plan_next_at(agenda, &revoked, &policy, &just_asked, COUNT, NOW, two_numbers), SCHEDULE_NEVER);
    agenda_free(agenda);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_emptier_moment_is_taken),
        cmocka_unit_test(the_past_is_not_taken_for_empty),
        cmocka_unit_test(what_was_due_while_nobody_was_there_is_spread),
        cmocka_unit_test(what_is_withdrawn_is_never_asked_for),
    };

    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
