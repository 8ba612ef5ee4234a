/* SPDX-License-Identifier: ISC */
/* What a child may report: an honest one everything, a flooding one what it could need, and the rest is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bounds.h"
#include "children/throttle.h"

#define HOUR_MSEC (3600 * 1000)
#define START_MSEC INT64_C(1000000)

static struct throttle throttle;

static int set_up(void **state)
{
    (void)state;
    throttle = (struct throttle){0};
    return 0;
}

static uint64_t passed(size_t kind, size_t certs, uint64_t tried, int64_t now_msec)
{
    uint64_t count = 0;

    for (uint64_t i = 0; i < tried; i++)
        count += throttle_take(&throttle, kind, certs, now_msec) == THROTTLE_PASS ? 1 : 0;
    return count;
}

/* Each certificate fails at each of its responders by GET and POST, and then its staple is stored; all in one instant. */
static void an_honest_pass_over_100000_certificates_loses_nothing(void **state)
{
    const size_t certs = 100000;
    uint64_t worst = (uint64_t)certs * 2 * CERT_URLS_MAX;

    (void)state;
    assert_int_equal(passed(EVENT_FETCH_FAILED, certs, worst, START_MSEC), worst);
    assert_int_equal(passed(EVENT_STAPLE_STORED, certs, certs, START_MSEC), certs);
    assert_int_equal(passed(EVENT_CERT_CHANGED, certs, certs, START_MSEC), certs);
    /* and once more an hour later */
    assert_int_equal(passed(EVENT_FETCH_FAILED, certs, worst, START_MSEC + HOUR_MSEC), worst);
}

static void kinds_do_not_share(void **state)
{
    (void)state;
    assert_true(passed(EVENT_FETCH_FAILED, 1, 10 * THROTTLE_BASE, START_MSEC) < 2 * THROTTLE_BASE);
    assert_int_equal(throttle_take(&throttle, EVENT_STAPLE_STORED, 1, START_MSEC), THROTTLE_PASS);
    assert_int_equal(throttle_take(&throttle, THROTTLE_LOG_LINES, 1, START_MSEC), THROTTLE_PASS);
}

static void a_flood_is_told_when_it_begins_and_counted_when_it_ends(void **state)
{
    const uint64_t size = THROTTLE_BASE + 3 * THROTTLE_PER_CERT;
    uint64_t count = 0;
    size_t kind = 0;

    (void)state;
    assert_int_equal(passed(EVENT_FETCH_FAILED, 3, size, START_MSEC), size);
    assert_false(throttle_tell(&throttle, &kind, START_MSEC, false, &count));
    assert_int_equal(throttle_take(&throttle, EVENT_FETCH_FAILED, 3, START_MSEC), THROTTLE_BEGINS);
    for (unsigned i = 0; i < 41; i++)
        assert_int_equal(throttle_take(&throttle, EVENT_FETCH_FAILED, 3, START_MSEC), THROTTLE_SUPPRESS);
    kind = 0;
    assert_false(throttle_tell(&throttle, &kind, START_MSEC + THROTTLE_QUIET_MSEC - 1, false, &count));
    kind = 0;
    assert_true(throttle_tell(&throttle, &kind, START_MSEC + THROTTLE_QUIET_MSEC, false, &count));
    assert_int_equal(kind, EVENT_FETCH_FAILED);
    assert_int_equal(count, 42);
    kind = 0;
    assert_false(throttle_tell(&throttle, &kind, START_MSEC + 2 * THROTTLE_QUIET_MSEC, false, &count));
    /* it is over: the next one is a new one */
    assert_int_equal(passed(EVENT_FETCH_FAILED, 3, 2 * size, START_MSEC + HOUR_MSEC), size);
    kind = 0;
    assert_true(throttle_tell(&throttle, &kind, START_MSEC + HOUR_MSEC, true, &count));
    assert_int_equal(count, size);
}

static void a_flood_that_lasts_is_told_again(void **state)
{
    uint64_t told = 0;
    uint64_t tried = 0;
    uint64_t through = 0;
    int64_t now_msec = START_MSEC;
    unsigned times = 0;
    size_t kind;
    uint64_t count;

    (void)state;
    for (; now_msec < START_MSEC + HOUR_MSEC; now_msec += 1000) {
        tried += 100;
        through += passed(EVENT_OFFER_REFUSED, 1, 100, now_msec);
        for (kind = 0; throttle_tell(&throttle, &kind, now_msec, false, &count); kind++) {
            told += count;
            times++;
        }
    }
    kind = 0;
    if (throttle_tell(&throttle, &kind, now_msec, true, &count))
        told += count;
    assert_int_equal(told + through, tried);
    assert_true(through < 3 * THROTTLE_BASE);
    assert_in_range(times, 5, 6);
}

static void whoever_starts_anew_gets_no_more(void **state)
{
    uint64_t count;
    size_t kind = 0;

    (void)state;
    passed(EVENT_FETCH_FAILED, 1, 2 * THROTTLE_BASE, START_MSEC);
    assert_true(throttle_tell(&throttle, &kind, START_MSEC, true, &count));
    assert_int_equal(throttle_take(&throttle, EVENT_FETCH_FAILED, 1, START_MSEC), THROTTLE_BEGINS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_honest_pass_over_100000_certificates_loses_nothing, set_up),
        cmocka_unit_test_setup(kinds_do_not_share, set_up),
        cmocka_unit_test_setup(a_flood_is_told_when_it_begins_and_counted_when_it_ends, set_up),
        cmocka_unit_test_setup(a_flood_that_lasts_is_told_again, set_up),
        cmocka_unit_test_setup(whoever_starts_anew_gets_no_more, set_up),
    };

    return cmocka_run_group_tests_name("throttle", tests, NULL, NULL);
}
