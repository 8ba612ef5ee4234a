/* SPDX-License-Identifier: ISC */
/* What a pass came to: the exit codes are a contract, the words are for a person at three in the morning. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "status/once_report.h"

static char printed[16384];

static struct facts facts;

static enum exit_code summarise(const struct report *report, struct listed_cert *certs, size_t count)
{
    struct cert_list list = {.certs = certs, .count = count};
    FILE *out = fmemopen(printed, sizeof printed, "w");
    enum exit_code code;

    assert_non_null(out);
    code = report_summary(report, &facts, &list, "/var/log/audit.jsonl", out);
    fclose(out);
    return code;
}

static int forget_facts(void **state)
{
    (void)state;
    facts = (struct facts){0};
    return 0;
}

static struct listed_cert good(const char *name)
{
    return (struct listed_cert){.name = name, .state = CERT_STATE_GOOD, .staple.is_refreshed = true, .staple.expiry = 1086400};
}

static struct listed_cert kept(const char *name)
{
    struct listed_cert cert = good(name);

    cert.staple.is_refreshed = false;
    cert.trouble.has_failed = true;
    cert.trouble.reason = REASON_TIMEOUT;
    return cert;
}

static const struct report report;

static void all_fresh_is_0(void **state)
{
    struct listed_cert certs[] = {good("a"), good("b")};

    (void)state;
    assert_int_equal(summarise(&report, certs, 2), 0);
    assert_non_null(strstr(printed, "2 certificates: 2 fresh, 0 kept after a failed fetch, 0 without a staple"));
}

static void a_first_url_that_failed_is_no_failure_when_another_answered(void **state)
{
    struct listed_cert certs[] = {good("a")};

    (void)state;
    certs[0].trouble.has_failed = true;
    assert_int_equal(summarise(&report, certs, 1), 0);
}

/* P7: the old staple is kept, and said so. */
static void P7_a_failed_fetch_with_an_old_staple_is_1(void **state)
{
    struct listed_cert certs[] = {good("a"), kept("b")};

    (void)state;
    assert_int_equal(summarise(&report, certs, 2), 1);
    assert_non_null(strstr(printed, "kept     b (old staple serves until 1970-01-13 13:46 UTC): timeout: "));
}

static void a_certificate_without_a_staple_is_2_and_stands_first(void **state)
{
    struct listed_cert certs[] = {kept("b"),
        {.name = "shop",
            .told.is_must_staple = true,
            .trouble.reason = REASON_CONNECT_FAILED,
            .trouble.detail = (char[]){"refused by 192.0.2.1"}}};

    (void)state;
    assert_int_equal(summarise(&report, certs, 2), 2);
    assert_non_null(strstr(printed, "  missing  shop (must-staple): connect-failed: refused by 192.0.2.1\n  kept     b"));
}

static void withdrawn_and_unusable_certificates_are_2(void **state)
{
    static const enum cert_state states[] = {CERT_STATE_REVOKED, CERT_STATE_UNKNOWN, CERT_STATE_UNUSABLE};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct listed_cert certs[] = {good("a"), {.name = "x", .state = states[i]}};

        assert_int_equal(summarise(&report, certs, 2), 2);
    }
}

/* P9: many CAs ended OCSP; P8: an expired certificate is not asked for.  Neither is anybody's fault. */
static void P8_P9_nothing_to_staple_does_not_count(void **state)
{
    struct listed_cert certs[]
        = {good("a"), {.name = "x", .state = CERT_STATE_NO_OCSP}, {.name = "y", .state = CERT_STATE_EXPIRED}};

    (void)state;
    assert_int_equal(summarise(&report, certs, 3), 0);
    assert_non_null(strstr(printed, ", 2 with nothing to staple"));
}

static void a_file_that_was_not_written_is_2_with_the_reason(void **state)
{
    struct listed_cert certs[] = {good("a")};

    (void)state;
    facts.commit.reason = REASON_NOT_BERKELEY_DB;
    snprintf(facts.commit.detail, sizeof facts.commit.detail, "it is GDBM");
    assert_int_equal(summarise(&report, certs, 1), 2);
    assert_non_null(strstr(printed, "Apache's file was NOT written: not-berkeley-db: it is GDBM"));
}

static void a_failed_discovery_is_3_and_a_dead_child_is_not_0(void **state)
{
    struct report failed = report;
    struct listed_cert certs[] = {good("a")};

    (void)state;
    failed.has_child_failed = true;
    assert_int_equal(summarise(&failed, certs, 1), 1);
    snprintf(facts.discovery_error, sizeof facts.discovery_error, "Syntax error on line 1");
    assert_int_equal(summarise(&failed, certs, 1), 3);
}

static void a_long_list_is_cut_and_says_where_the_rest_is(void **state)
{
    struct listed_cert certs[50];

    (void)state;
    for (size_t i = 0; i < 50; i++)
        certs[i] = kept("many");
    assert_int_equal(summarise(&report, certs, 50), 1);
    assert_non_null(strstr(printed, "  ... and 30 more, see /var/log/audit.jsonl\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(all_fresh_is_0, forget_facts),
        cmocka_unit_test_setup(a_first_url_that_failed_is_no_failure_when_another_answered, forget_facts),
        cmocka_unit_test_setup(P7_a_failed_fetch_with_an_old_staple_is_1, forget_facts),
        cmocka_unit_test_setup(a_certificate_without_a_staple_is_2_and_stands_first, forget_facts),
        cmocka_unit_test_setup(withdrawn_and_unusable_certificates_are_2, forget_facts),
        cmocka_unit_test_setup(P8_P9_nothing_to_staple_does_not_count, forget_facts),
        cmocka_unit_test_setup(a_file_that_was_not_written_is_2_with_the_reason, forget_facts),
        cmocka_unit_test_setup(a_failed_discovery_is_3_and_a_dead_child_is_not_0, forget_facts),
        cmocka_unit_test_setup(a_long_list_is_cut_and_says_where_the_rest_is, forget_facts),
    };

    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
