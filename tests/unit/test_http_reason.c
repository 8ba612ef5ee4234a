/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of fetcher/rules.c and fetcher/http_reason.c.
 * Runs in: the build.
 * Never: asks anybody.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/http_reason.h"
#include "http/retry_rules.h"

static void five_statuses_are_redirects(void **state)
{
    (void)state;
    for (unsigned status = 0; status < 1000; status++) {
        bool expected = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;

        assert_int_equal(rules_is_redirect(status), expected);
    }
}

static void p10_post_follows_a_get_that_may_have_failed_for_being_one(void **state)
{
    static const enum reason reasons[] = {
        REASON_CONTENT_TYPE,
        REASON_EMPTY_BODY,
        REASON_MALFORMED,
        REASON_TRAILING_BYTES,
        REASON_STATUS_MALFORMED_REQUEST,
        REASON_STATUS_UNAUTHORIZED,
        REASON_EXPIRED,
        REASON_SHORT_TTL,
    };
    unsigned count = 0;

    (void)state;
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        assert_true(rules_should_post(reasons[i], 200));
    for (unsigned i = 0; i < REASON_COUNT; i++)
        count += rules_should_post((enum reason)i, 200) ? 1 : 0;
    assert_int_equal(count, sizeof reasons / sizeof reasons[0]);
}

static void p10_post_follows_client_and_server_errors_but_not_refusals_to_be_asked(void **state)
{
    (void)state;
    for (unsigned status = 0; status < 700; status++) {
        bool is_error = status >= 400 && status < 600;
        bool is_excepted = status == 407 || status == 429 || status == 503;

        assert_int_equal(rules_should_post(REASON_HTTP_STATUS, status), is_error && !is_excepted);
    }
}

static void silence_is_no_answer_at_all(void **state)
{
    static const enum reason reasons[] = {
        REASON_NAME_NOT_FOUND,
        REASON_RESOLVER_FAILED,
        REASON_CONNECT_FAILED,
        REASON_TIMEOUT,
        REASON_TLS_FAILED,
        REASON_PROXY_FAILED,
    };
    unsigned count = 0;

    (void)state;
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        assert_true(rules_is_silence(reasons[i]));
    for (unsigned i = 0; i < REASON_COUNT; i++)
        count += rules_is_silence((enum reason)i) ? 1 : 0;
    assert_int_equal(count, sizeof reasons / sizeof reasons[0]);
}

static void each_end_of_a_transfer_has_its_word(void **state)
{
    static const struct {
        struct http_trace trace;
        CURLcode code;
        enum reason reason;
    } rows[] = {
        {{.http_status = 200, .is_ocsp_response = true, .body_len = 1}, CURLE_OK, REASON_NONE},
        {{.http_status = 200, .is_ocsp_response = true}, CURLE_OK, REASON_EMPTY_BODY},
        {{.http_status = 200, .body_len = 1}, CURLE_OK, REASON_CONTENT_TYPE},
        {{.http_status = 204, .is_ocsp_response = true}, CURLE_OK, REASON_HTTP_STATUS},
        {{.http_status = 503}, CURLE_OK, REASON_HTTP_STATUS},
        {{.http_status = 302}, CURLE_OK, REASON_HTTP_STATUS},
        {{.http_status = 407}, CURLE_OK, REASON_HTTP_STATUS},
        {{.http_status = 407, .has_proxy = true}, CURLE_OK, REASON_PROXY_FAILED},
        {{.http_status = 200, .is_ocsp_response = true, .is_body_too_large = true}, CURLE_WRITE_ERROR, REASON_BODY_TOO_LARGE},
        {{.http_status = 200, .is_ocsp_response = true, .body_len = 9}, CURLE_PARTIAL_FILE, REASON_CONNECTION_LOST},
        {{.http_status = 200, .is_ocsp_response = true, .body_len = 9}, CURLE_OPERATION_TIMEDOUT, REASON_TIMEOUT},
        /* what was said counts more than what happened then */
        {{.http_status = 500, .is_body_too_large = true}, CURLE_WRITE_ERROR, REASON_HTTP_STATUS},
        {{.http_status = 200, .is_body_too_large = true}, CURLE_WRITE_ERROR, REASON_CONTENT_TYPE},
        {{.http_status = 200, .is_ocsp_response = true, .header_len = HTTP_HEADER_MAX + 1}, CURLE_OK, REASON_HEADERS_TOO_LARGE},
        {{.header_len = HTTP_HEADER_MAX + 1}, CURLE_WRITE_ERROR, REASON_HEADERS_TOO_LARGE},
        {{.header_len = HTTP_HEADER_MAX}, CURLE_RECV_ERROR, REASON_CONNECTION_LOST},
        {{.has_first_byte = true}, CURLE_OUT_OF_MEMORY, REASON_HEADERS_TOO_LARGE},
        {{.has_first_byte = false}, CURLE_OUT_OF_MEMORY, REASON_INTERNAL},
        {{.http_status = 0}, CURLE_OK, REASON_NETWORK_ERROR},
        {{.http_status = 0}, CURLE_GOT_NOTHING, REASON_CONNECTION_LOST},
        {{.http_status = 0}, CURLE_SEND_ERROR, REASON_CONNECTION_LOST},
        {{.http_status = 0}, CURLE_OPERATION_TIMEDOUT, REASON_TIMEOUT},
        {{.http_status = 0}, CURLE_COULDNT_CONNECT, REASON_CONNECT_FAILED},
        {{.is_address_refused = true}, CURLE_COULDNT_CONNECT, REASON_ADDRESS_REFUSED},
        {{.has_proxy = true}, CURLE_COULDNT_CONNECT, REASON_PROXY_FAILED},
        {{.has_proxy = true, .connect_status = 403}, CURLE_RECV_ERROR, REASON_PROXY_FAILED},
        {{.has_proxy = true, .connect_status = 200}, CURLE_RECV_ERROR, REASON_CONNECTION_LOST},
        {{.has_proxy = true, .connect_status = 403}, CURLE_OPERATION_TIMEDOUT, REASON_TIMEOUT},
        {{.http_status = 0}, CURLE_COULDNT_RESOLVE_PROXY, REASON_PROXY_FAILED},
        {{.http_status = 0}, CURLE_COULDNT_RESOLVE_HOST, REASON_INTERNAL},
        {{.http_status = 0}, CURLE_URL_MALFORMAT, REASON_URL_MALFORMED},
        {{.http_status = 0}, CURLE_PEER_FAILED_VERIFICATION, REASON_TLS_FAILED},
        {{.http_status = 0}, CURLE_SSL_CONNECT_ERROR, REASON_TLS_FAILED},
        {{.http_status = 0}, CURLE_WEIRD_SERVER_REPLY, REASON_NETWORK_ERROR},
        {{.http_status = 0}, CURLE_UNSUPPORTED_PROTOCOL, REASON_NETWORK_ERROR},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum reason reason = http_reason_of(&rows[i].trace, rows[i].code);

        if (reason != rows[i].reason)
            fail_msg("row %zu: %s, not %s", i, reason_word(reason), reason_word(rows[i].reason));
    }
}

static void assert_detail(const struct http_trace *trace, enum reason reason, const char *expected)
{
    char detail[DETAIL_MAX + 1];

    http_reason_detail(trace, reason, detail);
    assert_string_equal(detail, expected);
}

static void the_phrase_has_the_numbers(void **state)
{
    struct http_trace trace = {
        .http_status = 503,
        .body_max = 65536,
        .content_type = "text/html",
        .error = "libcurl's words\x1b[31m",
        .refused = {.family = AF_INET, .octets = {169, 254, 169, 254}},
    };

    (void)state;
    assert_detail(&trace, REASON_NONE, "");
    assert_detail(&trace, REASON_HTTP_STATUS, "HTTP status 503");
    assert_detail(&trace, REASON_CONTENT_TYPE, "text/html");
    assert_detail(&trace, REASON_BODY_TOO_LARGE, "more than 65536 bytes");
    assert_detail(&trace, REASON_ADDRESS_REFUSED, "169.254.169.254 is link-local");
    assert_detail(&trace, REASON_CONNECT_FAILED, "libcurl's words?[31m");
    assert_detail(&trace, REASON_PROXY_FAILED, "the proxy answered with HTTP status 503");
    trace.connect_status = 403;
    assert_detail(&trace, REASON_PROXY_FAILED, "the proxy answered with HTTP status 403");
    trace.connect_status = 0;
    trace.http_status = 0;
    assert_detail(&trace, REASON_PROXY_FAILED, "libcurl's words?[31m");
    trace.content_type[0] = '\0';
    assert_detail(&trace, REASON_CONTENT_TYPE, "it names no type");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_statuses_are_redirects),
        cmocka_unit_test(p10_post_follows_a_get_that_may_have_failed_for_being_one),
        cmocka_unit_test(p10_post_follows_client_and_server_errors_but_not_refusals_to_be_asked),
        cmocka_unit_test(silence_is_no_answer_at_all),
        cmocka_unit_test(each_end_of_a_transfer_has_its_word),
        cmocka_unit_test(the_phrase_has_the_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
