/* SPDX-License-Identifier: ISC */
/*
 * Owns: proof of which responders are taken from a certificate (PARITY P9).
 * Runs in: unit tests.
 * Never: asks the clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cert/cert.h"
#include "ocsp_world.h"
#include "parsed_cert.h"
#include "text/hex.h"

/* PARITY P9: no responder, or none that we may ask. */
static void test_responders(void **state)
{
    static const struct {
        const char *name;
        const char *value;
        const char *word;
        const char *urls; /* joined by spaces */
    } rows[] = {
        {"basicConstraints", "CA:FALSE", "no-ocsp", ""},
        {"authorityInfoAccess", "caIssuers;URI:http://ca.test/", "no-ocsp", ""},
        {"authorityInfoAccess", "OCSP;URI:ldap://ocsp.test/", "no-usable-url", ""},
        {"authorityInfoAccess", "OCSP;URI:http://a b/", "no-usable-url", ""},
        {"authorityInfoAccess", "OCSP;URI:http://", "no-usable-url", ""},
        {"authorityInfoAccess", "OCSP;URI:httpx://a/", "no-usable-url", ""},
        {"authorityInfoAccess", "OCSP;email:http://a/", "no-usable-url", ""},
        {"authorityInfoAccess", "OCSP;RID:1.2.3.4", "no-usable-url", ""},
        {"authorityInfoAccess", "OCSP;URI:HTTP://a/,OCSP;URI:hTTpS://b:80/c?d", "ok", "HTTP://a/ hTTpS://b:80/c?d"},
        {"authorityInfoAccess", "OCSP;URI:ldap://a/,OCSP;URI:http://b", "ok", "http://b"},
        {"authorityInfoAccess", "OCSP;URI:http://b/,OCSP;URI:http://a/,OCSP;URI:http://b/", "ok", "http://b/ http://a/"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct parsed parsed = parse(world_pem_with(rows[i].name, rows[i].value), 1);
        char urls[200] = "";

        assert_string_equal(reason_word(parsed.reason), rows[i].word);
        /* The issuer is known all the same: the configuration may name a responder. */
        assert_ptr_equal(parsed.cert.issuer, the_world.cert.issuer);
        for (unsigned j = 0; j < parsed.cert.url_count; j++)
            snprintf(urls + strlen(urls), sizeof urls - strlen(urls), "%s%s", j > 0 ? " " : "", parsed.cert.urls[j]);
        assert_string_equal(urls, rows[i].urls);
        cert_clear(&parsed.cert);
    }
}

/* An accessDescription of id-ad-ocsp with these octets as URI, as DER in hexadecimal. */
static const char *pem_with_raw_url(const uint8_t *url, size_t len)
{
    /* id-ad-ocsp */
    static const uint8_t method[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01};
    struct pki_der der = pki_join(pki_wrap(0x06, method, sizeof method), pki_wrap(0x86, url, len));
    char *value;

    der = pki_wrap(0x30, der.data, der.len);
    der = pki_wrap(0x30, der.data, der.len);
    value = pki_room(4 + 2 * der.len);
    memcpy(value, "DER:", 4);
    hex_format(der.data, der.len, value + 4);
    return world_pem_with("authorityInfoAccess", value);
}

static void test_hostile_urls(void **state)
{
    static const struct {
        const char *url;
        size_t len;
    } rows[] = {
        {"http://a\0b/", 11},
        {"http://a/\n", 10},
        {"http://a/\x1b[2J", 13},
        {"http://a/\x7f", 10},
        {"http://\xc3\xa4/", 10},
        {"http:/", 6},
        {"http:///a", 9},
        {"http://?a", 9},
        {"", 0},
    };
    uint8_t url[URL_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_parse_word(pem_with_raw_url((const uint8_t *)rows[i].url, rows[i].len), 1, "no-usable-url");
    memset(url, 'a', sizeof url);
    memcpy(url, "http://", 7);
    assert_parse_word(pem_with_raw_url(url, URL_MAX), 1, "ok");
    assert_parse_word(pem_with_raw_url(url, URL_MAX + 1), 1, "no-usable-url");
}

static void test_more_responders_than_are_tried(void **state)
{
    char value[400] = "";
    struct parsed parsed;

    (void)state;
    for (unsigned i = 0; i <= CERT_URLS_MAX; i++)
        snprintf(value + strlen(value), sizeof value - strlen(value), "%sOCSP;URI:http://r%u/", i > 0 ? "," : "", i);
    parsed = parse(world_pem_with("authorityInfoAccess", value), 1);
    assert_int_equal(parsed.reason, REASON_NONE);
    assert_int_equal(parsed.cert.url_count, CERT_URLS_MAX);
    assert_string_equal(parsed.cert.urls[CERT_URLS_MAX - 1], "http://r7/");
    assert_string_equal(parsed.detail, "CN=leaf.test names 9 responders; the first 8 are used");
    cert_clear(&parsed.cert);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_responders),
        cmocka_unit_test(test_hostile_urls),
        cmocka_unit_test(test_more_responders_than_are_tried),
    };

    return cmocka_run_group_tests(tests, the_world_begin, the_world_end);
}
