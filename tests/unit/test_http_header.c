/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of fetcher/http_header.c.
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
#include "http/http_header.h"

/* Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110 5.6.7. */
#define THEN INT64_C(784111777)

static void finds_its_field_and_no_other(void **state)
{
    static const char *const others[] = {
        "",
        "R",
        "Retry-After",
        "Retry-After 5\r\n",
        "XRetry-After: 5\r\n",
        "Retry-Afterx: 5\r\n",
        "Retry-After : 5\r\n",
        "HTTP/1.1 200 OK\r\n",
        "\r\n",
    };
    const char *value;
    size_t len;

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(http_header_is(others[i], strlen(others[i]), "Retry-After", &value, &len));
    assert_true(http_header_is("rEtRy-aFtEr: \t 5 6 \t\r\n", 21, "Retry-After", &value, &len));
    assert_int_equal(len, 3);
    assert_memory_equal(value, "5 6", 3);
    assert_true(http_header_is("Retry-After:", 12, "Retry-After", &value, &len));
    assert_int_equal(len, 0);
    assert_true(http_header_is("Retry-After:5", 13, "Retry-After", &value, &len));
    assert_int_equal(len, 1);
}

static int64_t retry_after(const char *value)
{
    return http_header_retry_after(value, strlen(value), THEN);
}

static void retry_after_is_seconds(void **state)
{
    (void)state;
    assert_int_equal(retry_after("0"), 0);
    assert_int_equal(retry_after("120"), 120);
    assert_int_equal(retry_after(" 0120 "), 120);
    assert_int_equal(retry_after("604800"), HTTP_WAIT_MAX_SEC);
    assert_int_equal(retry_after("604801"), HTTP_WAIT_MAX_SEC);
    assert_int_equal(retry_after("99999999999999999999999999999999999999999999"), HTTP_WAIT_MAX_SEC);
    assert_int_equal(retry_after("18446744073709551616"), HTTP_WAIT_MAX_SEC);
}

static void retry_after_is_a_date(void **state)
{
    (void)state;
    assert_int_equal(retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), 0);
    assert_int_equal(retry_after("Sun, 06 Nov 1994 08:50:37 GMT"), 60);
    assert_int_equal(retry_after("Sunday, 06-Nov-94 08:51:37 GMT"), 120);
    assert_int_equal(retry_after("Sun Nov  6 09:49:37 1994"), 3600);
    assert_int_equal(retry_after("Sat, 05 Nov 1994 08:49:37 GMT"), 0);
    assert_int_equal(retry_after("Mon, 06 Nov 2034 08:49:37 GMT"), HTTP_WAIT_MAX_SEC);
}

static void retry_after_is_nothing_else(void **state)
{
    static const char *const rows[] = {
        "",
        " ",
        "-1",
        "+5",
        "5s",
        "5.0",
        "0x10",
        "soon",
        "5, 6",
        "Sun, 99 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT and a lot more than any date has",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(retry_after(rows[i]), -1);
    assert_int_equal(http_header_retry_after("Sun, 06 Nov 1994\0 08:50:37 GMT", 30, THEN), -1);
}

static int64_t max_age(const char *value)
{
    return http_header_max_age(value, strlen(value));
}

static void max_age_is_found_among_the_others(void **state)
{
    (void)state;
    assert_int_equal(max_age("max-age=3600"), 3600);
    assert_int_equal(max_age("MAX-AGE=3600"), 3600);
    /* RFC 5019 6.2's own example */
    assert_int_equal(max_age("max-age=86000, public, no-transform, must-revalidate"), 86000);
    assert_int_equal(max_age("public,no-transform ,\tmax-age=60"), 60);
    assert_int_equal(max_age("max-age=\"60\""), 60);
    assert_int_equal(max_age("private=\"a, max-age=5, b\", max-age=60"), 60);
    assert_int_equal(max_age("private=\"a\\\", max-age=5\", max-age=60"), 60);
    assert_int_equal(max_age("max-age=0"), 0);
    assert_int_equal(max_age("max-age=999999999999999999999"), HTTP_WAIT_MAX_SEC);
    assert_int_equal(max_age(",,, max-age=7 ,,"), 7);
}

static void max_age_is_not_guessed(void **state)
{
    static const char *const rows[] = {
        "",
        "public",
        "s-maxage=60",
        "max-age",
        "max-age=",
        "max-age=-1",
        "max-age=1.5",
        "max-age = 60",
        "xmax-age=60",
        "max-age=60s",
        "\"max-age=60",
        "private=\"max-age=60\"",
        "max-age=\"",
        "max-age=\"\"",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(max_age(rows[i]), -1);
}

static void what_must_not_be_kept_is_kept_for_no_time(void **state)
{
    (void)state;
    assert_int_equal(max_age("no-cache"), 0);
    assert_int_equal(max_age("max-age=60, No-Store"), 0);
    assert_int_equal(max_age("no-cache, max-age=60"), 0);
    assert_int_equal(max_age("max-age=60, max-age=61"), 0);
    assert_int_equal(max_age("max-age=60, max-age=60"), 60);
    assert_int_equal(max_age("no-cachexx, max-age=60"), 60);
}

/* No octet beyond the given length is looked at: the text goes on with what would change the result. */
static void lengths_are_kept(void **state)
{
    const char *value;
    size_t len;

    (void)state;
    assert_int_equal(http_header_max_age("max-age=6000, no-store", 10), 60);
    assert_int_equal(http_header_retry_after("1200", 2, THEN), 12);
    assert_false(http_header_is("Retry-After: 5", 11, "Retry-After", &value, &len));
}

static void the_media_type_is_read_without_its_parameters(void **state)
{
    static const char *const good[] = {
        "application/ocsp-response",
        "Application/OCSP-Response",
        "application/ocsp-response; charset=utf-8",
        "application/ocsp-response;",
        " application/ocsp-response \t",
    };
    static const char *const bad[] = {
        "",
        "text/html",
        "application/ocsp-request",
        "application/ocsp-responses",
        "xapplication/ocsp-response",
        "text/html; application/ocsp-response",
        "application/ocsp-response, text/html",
        "application/ocsp -response",
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(http_header_is_ocsp_response(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(http_header_is_ocsp_response(bad[i]));
    assert_false(http_header_is_ocsp_response(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_its_field_and_no_other),
        cmocka_unit_test(retry_after_is_seconds),
        cmocka_unit_test(retry_after_is_a_date),
        cmocka_unit_test(retry_after_is_nothing_else),
        cmocka_unit_test(max_age_is_found_among_the_others),
        cmocka_unit_test(max_age_is_not_guessed),
        cmocka_unit_test(what_must_not_be_kept_is_kept_for_no_time),
        cmocka_unit_test(lengths_are_kept),
        cmocka_unit_test(the_media_type_is_read_without_its_parameters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
