/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of fetcher/url.c.
 * Runs in: the build.
 * Never: asks anybody.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "http/url.h"

static void reads_what_matters(void **state)
{
    static const struct {
        const char *text;
        const char *host;
        unsigned port;
        bool is_https;
        bool is_literal;
        const char *canonical;
        const char *origin;
    } rows[] = {
        {"http://ocsp.example.net", "ocsp.example.net", 80, false, false, "http://ocsp.example.net/",
            "http://ocsp.example.net:80"},
        {"http://ocsp.example.net/", "ocsp.example.net", 80, false, false, "http://ocsp.example.net/",
            "http://ocsp.example.net:80"},
        {"HTTP://OCSP.Example.NET:80/Path", "ocsp.example.net", 80, false, false, "http://OCSP.Example.NET:80/Path",
            "http://ocsp.example.net:80"},
        {"https://ocsp.example.net/a/b?c=d#e", "ocsp.example.net", 443, true, false, "https://ocsp.example.net/a/b?c=d",
            "https://ocsp.example.net:443"},
        {"http://ocsp.example.net.:8080/", "ocsp.example.net", 8080, false, false, "http://ocsp.example.net:8080/",
            "http://ocsp.example.net:8080"},
        {"http://a_b-c.test/x/../y", "a_b-c.test", 80, false, false, "http://a_b-c.test/x/../y", "http://a_b-c.test:80"},
        {"http://192.0.2.1/", "192.0.2.1", 80, false, true, "http://192.0.2.1/", "http://192.0.2.1:80"},
        {"http://[2001:DB8::1]:81/", "2001:db8::1", 81, false, true, NULL, "http://[2001:db8::1]:81"},
        {"http://0x7f.1/", "127.0.0.1", 80, false, true, "http://127.0.0.1/", "http://127.0.0.1:80"},
        {"http://0x7f000001./", "127.0.0.1", 80, false, true, "http://127.0.0.1/", "http://127.0.0.1:80"},
        {"http://2130706433/", "127.0.0.1", 80, false, true, "http://127.0.0.1/", "http://127.0.0.1:80"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct url url;
        char origin[URL_ORIGIN_LEN];
        const char *error = url_parse(rows[i].text, &url);

        if (error != NULL)
            fail_msg("%s %s", rows[i].text, error);
        assert_string_equal(url.host, rows[i].host);
        assert_int_equal(url.port, rows[i].port);
        assert_int_equal(url.is_https, rows[i].is_https);
        assert_int_equal(url.is_literal, rows[i].is_literal);
        if (rows[i].canonical != NULL)
            assert_string_equal(url.text, rows[i].canonical);
        url_origin(&url, origin);
        assert_string_equal(origin, rows[i].origin);
    }
}

static void a_literal_host_is_an_address(void **state)
{
    struct url url;
    char text[ADDRESS_TEXT_LEN];

    (void)state;
    assert_null(url_parse("http://[::ffff:127.0.0.1]/", &url));
    assert_true(url.is_literal);
    assert_int_equal(address_kind(&url.literal), ADDRESS_LOOPBACK);
    assert_null(url_parse("http://0177.0.0.1/", &url));
    address_format(&url.literal, false, text);
    assert_string_equal(text, "127.0.0.1");
}

static void refuses_the_rest(void **state)
{
    static const char *const rows[] = {
        "",
        "ocsp.example.net",
        "/path",
        "http:",
        "http://",
        "http://./",
        "ftp://ocsp.example.net/",
        "file:///etc/passwd",
        "ldap://ocsp.example.net/",
        "httpss://ocsp.example.net/",
        "javascript:alert(1)",
        "http://user@ocsp.example.net/",
        "http://user:secret@ocsp.example.net/",
        "http://:@ocsp.example.net/",
        "http://ocsp.example.net:0/",
        "http://ocsp.example.net:65536/",
        "http://ocsp.example.net:x/",
        "http://ocsp.exam ple.net/",
        "http://ocsp.example.net/a b",
        "http://ocsp.example.net/\n",
        "http://ocsp.example.net/\x7f",
        "http://\xc3\xb6.test/",
        "http://%c3%b6.test/",
        "http://a%00b.test/",
        "http://a%2fb.test/",
        "http://a,b.test/",
        "http://a+b.test/",
        "http://[fe80::1%25lo]/",
        "http://[fe80::1%lo]/",
        "http://[::1/",
        "http://[zz]/",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct url url;

        if (url_parse(rows[i], &url) == NULL)
            fail_msg("\"%s\" was taken as %s", rows[i], url.text);
    }
}

static void bounds_are_exact(void **state)
{
    char text[URL_MAX + 64];
    struct url url;
    int len;

    (void)state;
    len = sprintf(text, "http://x.test/");
    memset(text + len, 'a', URL_MAX - (size_t)len);
    text[URL_MAX] = '\0';
    assert_null(url_parse(text, &url));
    assert_int_equal(strlen(url.text), URL_MAX);
    text[URL_MAX] = 'a';
    text[URL_MAX + 1] = '\0';
    assert_string_equal(url_parse(text, &url), "is too long");

    /* One octet more in the canonical form than in the text. */
    len = sprintf(text, "http://x.test?");
    memset(text + len, 'a', URL_MAX - (size_t)len);
    text[URL_MAX] = '\0';
    assert_string_equal(url_parse(text, &url), "is too long");

    memcpy(text, "http://", 7);
    for (size_t i = 0; i < HOST_NAME_MAX_LEN; i++)
        text[7 + i] = i % 60 == 59 ? '.' : 'a';
    memcpy(text + 7 + HOST_NAME_MAX_LEN, "/", 2);
    assert_null(url_parse(text, &url));
    assert_int_equal(strlen(url.host), HOST_NAME_MAX_LEN);
    memcpy(text + 7 + HOST_NAME_MAX_LEN, "a/", 3);
    assert_non_null(url_parse(text, &url));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_matters),
        cmocka_unit_test(a_literal_host_is_an_address),
        cmocka_unit_test(refuses_the_rest),
        cmocka_unit_test(bounds_are_exact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
