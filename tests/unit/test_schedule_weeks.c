/* SPDX-License-Identifier: ISC */
/*
 * The daemon's schedule over simulated weeks: a clock that is moved by hand, a CA that signs anew in its own rhythm, outages,
 * jumps of the clock, and ten thousand certificates with one responder.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schedule/agenda.h"
#include "schedule/responder.h"
#include "schedule/schedule.h"
#include "schedule/schedule_spread.h"

#define MINUTE INT64_C(60)
#define HOUR INT64_C(3600)
#define DAY INT64_C(86400)
#define START (INT64_C(20000) * DAY)
#define CERTS_AT_MOST 10000u

/* How the CA behaves: a response is valid for so long and signed anew so often. */
struct ca {
    int64_t validity;
    int64_t every;
    int64_t down_from, down_until; /* an outage */
};

struct sim_cert {
    struct schedule_record record;
    struct schedule_history history;
    bool has_slot;
};

static struct {
    struct ca ca;
    struct schedule_policy policy;
    struct agenda *agenda;
    struct responder *responder;
    struct sim_cert certs[CERTS_AT_MOST];
    uint32_t count;
    int64_t now;
    int64_t monotonic;
    uint32_t seed;
    uint32_t asked;        /* in all */
    uint32_t bare_minutes; /* minutes in which a certificate had nothing valid */
    uint32_t peak_per_minute;
    uint32_t this_minute;
} sim;

static uint32_t random_number(void)
{
    sim.seed ^= sim.seed << 13;
    sim.seed ^= sim.seed >> 17;
    sim.seed ^= sim.seed << 5;
    return sim.seed;
}

static void plan(uint32_t no)
{
    struct sim_cert *cert = &sim.certs[no];
    int64_t at = plan_next_at(sim.agenda, &cert->record, &sim.policy, &cert->history, sim.count, sim.now, random_number);

    agenda_set(sim.agenda, no, at == SCHEDULE_NEVER ? AGENDA_NEVER : at);
}

static bool is_down(void)
{
    return sim.now >= sim.ca.down_from && sim.now < sim.ca.down_until;
}

/* One attempt: the response that the CA signed last, or a failure. */
static void ask(uint32_t no)
{
    struct sim_cert *cert = &sim.certs[no];

    if (schedule_is_servable(&cert->record, &sim.policy, sim.now) && !cert->has_slot) {
        int64_t wait = (responders_reserve(sim.responder, sim.monotonic * 1000) - sim.monotonic * 1000) / 1000;

        if (wait > 0) {
            cert->has_slot = true;
            agenda_set(sim.agenda, no, sim.now + wait);
            return;
        }
    }
    cert->has_slot = false;
    sim.asked++;
    sim.this_minute++;
    cert->history.asked_at = sim.now;
    if (is_down()) {
        cert->history.failures++;
    } else {
        int64_t signed_at = sim.now - sim.now % sim.ca.every;

        cert->history.failures = 0;
        cert->record = (struct schedule_record){
            CERT_STATE_GOOD, signed_at, signed_at + sim.ca.validity, signed_at + sim.ca.validity, sim.now};
    }
    plan(no);
}

static void run_until(int64_t until)
{
    for (; sim.now < until; sim.now++, sim.monotonic++) {
        uint32_t no;

        while (agenda_take(sim.agenda, sim.now, &no))
            ask(no);
        if (sim.now % MINUTE != 0)
            continue;
        for (uint32_t i = 0; i < sim.count; i++)
            if (sim.certs[i].record.state != CERT_STATE_GOOD || sim.certs[i].record.effective_end <= sim.now)
                sim.bare_minutes++;
        if (sim.this_minute > sim.peak_per_minute)
            sim.peak_per_minute = sim.this_minute;
        sim.this_minute = 0;
    }
}

static void begin(uint32_t count, int64_t validity, int64_t every, int64_t margin)
{
    agenda_free(sim.agenda);
    free(sim.responder);
    memset(&sim, 0, sizeof sim);
    sim.responder = calloc(1, sizeof *sim.responder + 1);
    assert_non_null(sim.responder);
    sim.ca = (struct ca){.validity = validity, .every = every, .down_from = INT64_MAX};
    sim.policy = (struct schedule_policy){
        .safety_margin_sec = (uint32_t)margin, .min_ttl_sec = (uint32_t)(margin / 30), .refresh_every_sec = (uint32_t)DAY};
    sim.agenda = agenda_new(CERTS_AT_MOST);
    sim.count = count;
    sim.now = START;
    sim.seed = 2463534242u;
    for (uint32_t i = 0; i < count; i++)
        plan(i);
}

static void forget_measures(void)
{
    sim.asked = sim.bare_minutes = sim.peak_per_minute = sim.this_minute = 0;
}

static int tear_down(void **state)
{
    (void)state;
    agenda_free(sim.agenda);
    free(sim.responder);
    sim.agenda = NULL;
    sim.responder = NULL;
    return 0;
}

/* P16: about once in refresh_every, for weeks. */
static void a_usual_certificate_is_asked_for_once_a_day(void **state)
{
    (void)state;
    begin(1, 7 * DAY, 12 * HOUR, 30 * HOUR);
    run_until(START + 28 * DAY);
    assert_int_equal(sim.bare_minutes, 0);
    assert_in_range(sim.asked, 25, 36);
}

static void an_outage_of_hours_is_nothing(void **state)
{
    (void)state;
    begin(1, 7 * DAY, 12 * HOUR, 30 * HOUR);
    run_until(START + 2 * DAY);
    forget_measures();
    sim.ca.down_from = sim.now;
    sim.ca.down_until = sim.now + 20 * HOUR;
    run_until(sim.now + 10 * DAY);
    assert_int_equal(sim.bare_minutes, 0);
}

/* P7: an hour at most between attempts, so that the end of the outage is seen within an hour. */
static void after_an_outage_of_days_it_is_asked_within_an_hour(void **state)
{
    int64_t up_at;

    (void)state;
    begin(1, 7 * DAY, 12 * HOUR, 30 * HOUR);
    run_until(START + 2 * DAY);
    forget_measures();
    sim.ca.down_from = sim.now;
    up_at = sim.ca.down_until = sim.now + 5 * DAY;
    run_until(up_at);
    assert_int_equal(sim.bare_minutes, 0);
    assert_in_range(sim.asked, 4 * 24, 6 * 60);
    run_until(up_at + HOUR + MINUTE);
    assert_true(sim.certs[0].record.fetched_at >= up_at);
}

static void short_lived_responses_never_run_out(void **state)
{
    (void)state;
    begin(1, 24 * HOUR, 6 * HOUR, 2 * HOUR);
    run_until(START + 14 * DAY);
    assert_int_equal(sim.bare_minutes, 0);
    begin(1, HOUR, 10 * MINUTE, 5 * MINUTE);
    run_until(START + 3 * DAY);
    assert_int_equal(sim.bare_minutes, 0);
    assert_in_range(sim.asked, 3 * 24, 3 * 24 * 20);
}

/* A CA that serves the same response until it ends: it is past its half for half of the time. */
static void a_response_that_does_not_change_is_not_asked_for_in_a_loop(void **state)
{
    (void)state;
    begin(1, 7 * DAY, 6 * DAY, 12 * HOUR);
    run_until(START + 30 * DAY);
    assert_in_range(sim.asked, 30, 30 * 24);
    assert_int_equal(sim.bare_minutes, 0);
}

static void the_clock_may_jump_both_ways(void **state)
{
    (void)state;
    begin(1, 7 * DAY, 12 * HOUR, 30 * HOUR);
    run_until(START + 3 * DAY);
    forget_measures();
    sim.now -= 2 * DAY; /* what is held was fetched in the future */
    plan(0);
    run_until(sim.now + 2 * HOUR);
    assert_in_range(sim.asked, 1, 5);
    forget_measures();
    sim.now += 30 * DAY; /* and now it is past its end */
    plan(0);
    run_until(sim.now + 2 * HOUR);
    assert_in_range(sim.asked, 1, 5);
    assert_true(sim.certs[0].record.effective_end > sim.now);
}

static void retry_after_is_kept_but_starves_nobody(void **state)
{
    struct schedule_policy policy
        = {.safety_margin_sec = (uint32_t)(30 * HOUR), .min_ttl_sec = (uint32_t)HOUR, .refresh_every_sec = (uint32_t)DAY};
    struct schedule_record good = {CERT_STATE_GOOD, START - DAY, START + 6 * DAY, START + 6 * DAY, START - DAY};
    struct schedule_record none = {.state = CERT_STATE_MISSING};
    struct schedule_history history = {.failures = 1, .asked_at = START, .retry_at = START + 5 * HOUR};

    (void)state;
    assert_int_equal(schedule_next_at(&good, &policy, &history, START, 0), START + 5 * HOUR);
    history.retry_at = START + 365 * DAY;
    assert_int_equal(schedule_next_at(&good, &policy, &history, START, 0), START + 3 * DAY);
    assert_int_equal(schedule_next_at(&none, &policy, &history, START, 0), START + HOUR);
}

static void max_age_is_kept_while_the_staple_lasts(void **state)
{
    struct schedule_policy policy
        = {.safety_margin_sec = (uint32_t)(30 * HOUR), .min_ttl_sec = (uint32_t)HOUR, .refresh_every_sec = (uint32_t)DAY};
    struct schedule_record good = {CERT_STATE_GOOD, START, START + 7 * DAY, START + 7 * DAY, START};
    struct schedule_history history = {.asked_at = START, .fresh_until = START + 2 * DAY};

    (void)state;
    assert_int_equal(schedule_next_at(&good, &policy, &history, START, 0x80000000u), START + 2 * DAY);
    history.fresh_until = START + 365 * DAY;
    assert_int_equal(schedule_next_at(&good, &policy, &history, START, 0x80000000u), START + 7 * DAY - 31 * HOUR);
}

static void what_is_withdrawn_is_never_asked_for(void **state)
{
    struct schedule_policy policy = {.refresh_every_sec = (uint32_t)DAY};
    struct schedule_record revoked = {.state = CERT_STATE_REVOKED};
    struct schedule_history history = {.asked_at = START};

    (void)state;
    assert_int_equal(schedule_next_at(&revoked, &policy, &history, START + DAY, 1), SCHEDULE_NEVER);
}

/* Ten thousand of one CA: a flat rate, also when a store that is days old is started with, and after an outage of days. */
static void many_certificates_stay_apart(void **state)
{
    const uint32_t rate = RESPONDER_REQUESTS_PER_SEC * 60;

    (void)state;
    begin(CERTS_AT_MOST, 7 * DAY, 12 * HOUR, 30 * HOUR);
    for (uint32_t i = 0; i < sim.count; i++) { /* all fetched together, a day and a half ago */
        sim.certs[i].record
            = (struct schedule_record){CERT_STATE_GOOD, START - 2 * DAY, START + 5 * DAY, START + 5 * DAY, START - 36 * HOUR};
        plan(i);
    }
    run_until(START + 2 * DAY);
    assert_true(sim.peak_per_minute <= rate);
    assert_int_equal(sim.bare_minutes, 0);
    forget_measures();
    sim.ca.down_from = sim.now;
    sim.ca.down_until = sim.now + 2 * DAY;
    run_until(sim.ca.down_until);
    forget_measures();
    run_until(sim.now + 2 * DAY);
    assert_true(sim.peak_per_minute <= rate);
    assert_int_equal(sim.bare_minutes, 0);
}

/* All of them fetched within one hour: after a week every hour of the day has its share. */
static void certificates_fetched_together_spread_over_the_day(void **state)
{
    uint32_t busiest = 0;
    uint32_t asked = 0;

    (void)state;
    begin(CERTS_AT_MOST, 7 * DAY, 12 * HOUR, 30 * HOUR);
    for (uint32_t i = 0; i < sim.count; i++) {
        sim.certs[i].record = (struct schedule_record){
            CERT_STATE_GOOD, START - 42 * HOUR, START + 5 * DAY, START + 5 * DAY, START - 36 * HOUR + random_number() % HOUR};
        plan(i);
    }
    run_until(START + 6 * DAY);
    for (int hour = 0; hour < 24; hour++) {
        forget_measures();
        run_until(sim.now + HOUR);
        asked += sim.asked;
        if (sim.asked > busiest)
            busiest = sim.asked;
    }
    assert_true(busiest * 24 <= 2 * asked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_usual_certificate_is_asked_for_once_a_day, tear_down),
        cmocka_unit_test_teardown(an_outage_of_hours_is_nothing, tear_down),
        cmocka_unit_test_teardown(after_an_outage_of_days_it_is_asked_within_an_hour, tear_down),
        cmocka_unit_test_teardown(short_lived_responses_never_run_out, tear_down),
        cmocka_unit_test_teardown(a_response_that_does_not_change_is_not_asked_for_in_a_loop, tear_down),
        cmocka_unit_test_teardown(the_clock_may_jump_both_ways, tear_down),
        cmocka_unit_test(retry_after_is_kept_but_starves_nobody),
        cmocka_unit_test(max_age_is_kept_while_the_staple_lasts),
        cmocka_unit_test(what_is_withdrawn_is_never_asked_for),
        cmocka_unit_test_teardown(many_certificates_stay_apart, tear_down),
        cmocka_unit_test_teardown(certificates_fetched_together_spread_over_the_day, tear_down),
    };

    return cmocka_run_group_tests_name("schedule_weeks", tests, NULL, NULL);
}
