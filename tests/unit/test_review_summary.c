/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of cli/review/review_summary.c: what is counted, and how long a certificate was without a fresh staple.
 * Runs in: the build.
 * Never: asks a clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "audit/audit_record.h"
#include "audit/review_summary.h"

#define START INT64_C(1795455253)
#define USEC INT64_C(1000000)

static struct review_summary *summary;
static struct audit_chain chain;

static void begin(int64_t since, int64_t until)
{
    review_summary_free(summary);
    summary = review_summary_new(since == 0 ? 0 : (START + since) * USEC, (START + until) * USEC);
    assert_non_null(summary);
    chain = (struct audit_chain){0};
}

/* Seconds after START. */
static void add(int64_t at, struct audit_fields fields)
{
    char line[AUDIT_LINE_MAX + 1];
    struct review_record record;
    size_t len;

    fields.process = PARTY_WRITER;
    len = audit_record_format(&fields, (START + at) * USEC, &chain, NULL, line);
    assert_true(review_scan(line, len, &record));
    assert_true(review_summary_add(summary, &record));
}

static void event(int64_t at, enum event event, const char *cert)
{
    add(at, (struct audit_fields){.event = event, .cert = cert});
}

static void stored(int64_t at, const char *cert, int64_t expiry)
{
    add(at, (struct audit_fields){.event = EVENT_STAPLE_STORED, .cert = cert, .expiry = START + expiry});
}

static const struct review_cert *only_cert(void)
{
    const struct review_cert *const *certs;

    assert_int_equal(review_summary_end(summary, &certs), 1);
    return certs[0];
}

static void expect_bare(int64_t seconds, int64_t from, bool is_bare)
{
    const struct review_cert *cert = only_cert();

    assert_int_equal(cert->bare_usec, seconds * USEC);
    if (seconds != 0)
        assert_int_equal(cert->bare_from, (START + from) * USEC);
    assert_int_equal(cert->is_bare, is_bare);
}

static int clear(void **state)
{
    (void)state;
    review_summary_free(summary);
    summary = NULL;
    return 0;
}

static void counts_what_happened(void **state)
{
    const struct review_totals *totals;
    const struct review_cert *cert;

    (void)state;
    begin(0, 1000);
    event(0, EVENT_SERVICE_START, NULL);
    stored(1, "a", 500);
    event(2, EVENT_FETCH_FAILED, "a");
    event(3, EVENT_RESPONSE_REJECTED, "a");
    event(4, EVENT_OFFER_REFUSED, "a");
    event(5, EVENT_DBM_COMMITTED, NULL);
    event(6, EVENT_DBM_COMMITTED, NULL); /* nothing new of a */
    stored(7, "a", 600);
    stored(8, "a", 700);
    event(9, EVENT_DBM_COMMITTED, NULL);
    stored(10, "a", 2000);
    event(11, EVENT_DBM_FAILED, NULL);
    event(12, EVENT_SANDBOX_VIOLATION, NULL);
    event(13, EVENT_AUDIT_GAP, NULL);
    add(14, (struct audit_fields){.event = EVENT_APACHE_RESTART_SEEN, .duration_msec = 7});
    add(15, (struct audit_fields){.event = EVENT_APACHE_RESTART_SEEN, .duration_msec = 3});
    event(16, EVENT_APACHE_RESTARTED, NULL);
    review_summary_add_unreadable(summary);
    cert = only_cert();
    totals = review_summary_totals(summary);
    assert_string_equal(cert->name, "a");
    assert_int_equal(cert->fetched, 4);
    assert_int_equal(cert->failed, 3);
    assert_int_equal(cert->commits, 2);
    assert_int_equal(totals->records, 17);
    assert_int_equal(totals->unreadable, 1);
    assert_int_equal(totals->warnings, 4);
    assert_int_equal(totals->errors, 2);
    assert_int_equal(totals->starts, 1);
    assert_int_equal(totals->violations, 1);
    assert_int_equal(totals->gaps, 1);
    assert_int_equal(totals->restarts_seen, 2);
    assert_int_equal(totals->restarts_asked, 1);
    assert_int_equal(totals->longest_away_msec, 7);
    assert_int_equal(totals->commits, 3);
    assert_int_equal(totals->commits_failed, 1);
    assert_int_equal(totals->first_usec, START * USEC);
    assert_int_equal(totals->last_usec, (START + 16) * USEC);
}

static void a_staple_is_fresh_until_its_expiry(void **state)
{
    (void)state;
    begin(0, 1000);
    stored(0, "a", 100);
    stored(150, "a", 200); /* 50 s without */
    stored(180, "a", 400);
    stored(430, "a", 2000); /* 30 s */
    expect_bare(50, 100, false);
    /* An expiry that is served longer after all. */
    begin(0, 1000);
    stored(0, "a", 100);
    add(90, (struct audit_fields){.event = EVENT_STAPLE_EXTENDED, .cert = "a", .expiry = START + 300});
    stored(310, "a", 2000);
    expect_bare(10, 300, false);
    /* None came until the end. */
    begin(0, 1000);
    stored(0, "a", 100);
    expect_bare(900, 100, true);
}

static void a_new_certificate_has_none_yet(void **state)
{
    (void)state;
    begin(0, 1000);
    event(10, EVENT_CERT_ADDED, "a");
    stored(25, "a", 2000);
    expect_bare(15, 10, false);
    begin(0, 1000);
    event(10, EVENT_CERT_ADDED, "a");
    expect_bare(990, 10, true);
    /* The file changes: what there was is of another certificate. */
    begin(0, 1000);
    stored(0, "a", 2000);
    event(500, EVENT_CERT_CHANGED, "a");
    stored(507, "a", 3000);
    expect_bare(7, 500, false);
    /* It changes while there is none. */
    begin(0, 1000);
    stored(0, "a", 100);
    event(500, EVENT_CERT_CHANGED, "a");
    stored(507, "a", 3000);
    expect_bare(407, 100, false);
}

static void where_there_is_nothing_to_staple_none_is_missed(void **state)
{
    (void)state;
    begin(0, 1000);
    add(10, (struct audit_fields){.event = EVENT_CERT_ADDED, .cert = "a", .reason = REASON_NO_OCSP});
    expect_bare(0, 0, false);
    begin(0, 1000);
    event(10, EVENT_CERT_ADDED, "a");
    event(30, EVENT_CERT_DROPPED, "a");
    expect_bare(20, 10, false);
    begin(0, 1000);
    stored(0, "a", 100);
    add(150, (struct audit_fields){.event = EVENT_CERT_CHANGED, .cert = "a", .reason = REASON_CERT_EXPIRED});
    expect_bare(50, 100, false);
    begin(0, 1000);
    stored(0, "a", 2000);
    event(100, EVENT_CERT_REFUSED, "a");
    expect_bare(0, 0, false);
}

static void a_staple_that_is_taken_away_is_missed(void **state)
{
    (void)state;
    begin(0, 1000);
    stored(0, "a", 2000);
    add(600, (struct audit_fields){.event = EVENT_CERT_WITHDRAWN, .cert = "a", .reason = REASON_REVOKED});
    expect_bare(400, 600, true);
}

static void only_the_period_counts_but_what_was_before_is_known(void **state)
{
    const struct review_cert *const *certs;

    (void)state;
    begin(500, 1000);
    stored(0, "a", 100);
    event(10, EVENT_DBM_COMMITTED, NULL);
    event(20, EVENT_FETCH_FAILED, "a");
    stored(600, "a", 800);
    event(900, EVENT_DBM_COMMITTED, NULL);
    stored(1100, "a", 3000); /* behind the period */
    expect_bare(200, 800, true);
    assert_int_equal(only_cert()->fetched, 1);
    assert_int_equal(only_cert()->failed, 0);
    assert_int_equal(only_cert()->commits, 1);
    assert_int_equal(review_summary_totals(summary)->records, 2);
    /* One that needed nothing in it is not of it. */
    begin(500, 1000);
    stored(0, "a", 5000);
    assert_int_equal(review_summary_end(summary, &certs), 0);
    /* One that was without all the time is, though no record names it. */
    begin(500, 1000);
    stored(0, "a", 100);
    expect_bare(500, 500, true);
}

static void trouble_comes_first(void **state)
{
    const struct review_cert *const *certs;

    (void)state;
    begin(0, 1000);
    stored(0, "b", 2000);
    stored(0, "a", 2000);
    stored(0, "d", 900);
    stored(0, "c", 990);
    assert_int_equal(review_summary_end(summary, &certs), 4);
    assert_string_equal(certs[0]->name, "d");
    assert_string_equal(certs[1]->name, "c");
    assert_string_equal(certs[2]->name, "a");
    assert_string_equal(certs[3]->name, "b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(counts_what_happened, clear),
        cmocka_unit_test_teardown(a_staple_is_fresh_until_its_expiry, clear),
        cmocka_unit_test_teardown(a_new_certificate_has_none_yet, clear),
        cmocka_unit_test_teardown(where_there_is_nothing_to_staple_none_is_missed, clear),
        cmocka_unit_test_teardown(a_staple_that_is_taken_away_is_missed, clear),
        cmocka_unit_test_teardown(only_the_period_counts_but_what_was_before_is_known, clear),
        cmocka_unit_test_teardown(trouble_comes_first, clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
