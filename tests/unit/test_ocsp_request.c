/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of fetcher/request.c.
 * Runs in: the build.
 * Never: asks anybody.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/pem.h>

#include "http/ocsp_request.h"

static const char issuer_pem[]
    = "-----BEGIN CERTIFICATE-----\n"
      "MIIBVDCB/KADAgECAgIQADAKBggqhkjOPQQDAjAaMRgwFgYDVQQDDA9SZXF1ZXN0\n"
      "IHRlc3QgQ0EwHhcNMjMxMDE1MjIxMzIwWhcNMzMxMTExMjIxMzIwWjAaMRgwFgYD\n"
      "VQQDDA9SZXF1ZXN0IHRlc3QgQ0EwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARM\n"
      "ca1rrBCNZM4d65ixNIqhfdjy3FJSxJF5Jt9opixz2MN3k4kC7W2/z//bzkiKL7aQ\n"
      "tG5xdQeUwKTrVnfYn6S4ozIwMDAPBgNVHRMBAf8EBTADAQH/MB0GA1UdDgQWBBQ7\n"
      "0xKbtGBf2j4enP4QL39sR8nv1DAKBggqhkjOPQQDAgNHADBEAiAr3ExZa5UzsNhx\n"
      "pEnPT4XdfTNBg1JCJQST+E+SfTgTiwIgEcNqXn0D6n/jkHbIPGS4QhmD3KYZ/+CF\n"
      "IbMgIZ3AsaQ=\n"
      "-----END CERTIFICATE-----\n";

/* clang-format off */
/* The same request as Python's cryptography 38 encodes it: one CertID of SHA-1, no version, no extension, no signature. */
static const uint8_t expected[] = {
    0x30, 0x53, 0x30, 0x51, 0x30, 0x4f, 0x30, 0x4d, 0x30, 0x4b, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05,
    0x00, 0x04, 0x14, 0x26, 0x26, 0xa8, 0x50, 0x0b, 0x3b, 0x28, 0x1d, 0xc5, 0x0c, 0xe2, 0x13, 0xd0, 0x86, 0x8c, 0x3e, 0xd5,
    0x1d, 0xe5, 0x29, 0x04, 0x14, 0x3b, 0xd3, 0x12, 0x9b, 0xb4, 0x60, 0x5f, 0xda, 0x3e, 0x1e, 0x9c, 0xfe, 0x10, 0x2f, 0x7f,
    0x6c, 0x47, 0xc9, 0xef, 0xd4, 0x02, 0x12, 0x00, 0x80, 0xff, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99,
    0xaa, 0xbb, 0xcc, 0xdd, 0xee,
};
/* clang-format on */

/* Offset of the serial's content octets in `expected`. */
#define SERIAL_AT 67

struct world {
    struct issuer issuer;
    struct cert cert;
};

static int make_world(void **state)
{
    static struct world world;
    BIO *bio = BIO_new_mem_buf(issuer_pem, -1);

    memset(&world, 0, sizeof world);
    world.issuer.x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    world.cert.issuer = &world.issuer;
    world.cert.serial_len = sizeof expected - SERIAL_AT;
    memcpy(world.cert.serial, expected + SERIAL_AT, world.cert.serial_len);
    *state = &world;
    return world.issuer.x509 == NULL ? -1 : 0;
}

static int end_world(void **state)
{
    struct world *world = *state;

    X509_free(world->issuer.x509);
    return 0;
}

static void p10_the_request_is_a_sha1_certid_and_nothing_else(void **state)
{
    const struct world *world = *state;
    uint8_t der[REQUEST_DER_MAX];
    size_t len = 0;

    assert_true(request_encode(&world->cert, der, &len));
    assert_int_equal(len, sizeof expected);
    assert_memory_equal(der, expected, sizeof expected);
}

static void serials_keep_their_octets(void **state)
{
    static const struct {
        uint8_t octets[4];
        uint8_t len;
    } rows[] = {{{0x01}, 1}, {{0x00}, 1}, {{0x7f, 0xff}, 2}, {{0x00, 0x80}, 2}, {{0xff, 0x7f}, 2}, {{0x80, 0x00, 0x01}, 3}};
    struct world *world = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t der[REQUEST_DER_MAX];
        size_t len = 0;

        world->cert.serial_len = rows[i].len;
        memcpy(world->cert.serial, rows[i].octets, rows[i].len);
        assert_true(request_encode(&world->cert, der, &len));
        assert_memory_equal(der + len - rows[i].len, rows[i].octets, rows[i].len);
        assert_int_equal(der[len - rows[i].len - 1], rows[i].len);
    }
}

static void the_longest_serial_fits_and_an_empty_one_is_refused(void **state)
{
    struct world *world = *state;
    uint8_t der[REQUEST_DER_MAX];
    size_t len = 0;

    memset(world->cert.serial, 0x55, CERT_SERIAL_MAX);
    world->cert.serial_len = CERT_SERIAL_MAX;
    assert_true(request_encode(&world->cert, der, &len));
    assert_int_equal(len, sizeof expected + CERT_SERIAL_MAX - 18);
    world->cert.serial_len = 0;
    assert_false(request_encode(&world->cert, der, &len));
}

/* The example of RFC 5019 section 5. */
static void a_get_url_is_that_of_rfc_5019(void **state)
{
    /* clang-format off */
    static const uint8_t der[] = {
        0x30, 0x4a, 0x30, 0x48, 0x30, 0x46, 0x30, 0x44, 0x30, 0x42, 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0x86, 0xf7,
        0x0d, 0x02, 0x05, 0x04, 0x10, 0xee, 0xca, 0x7a, 0x19, 0x32, 0xa9, 0x2f, 0x67, 0x40, 0x75, 0xe1, 0x9a, 0x5b, 0x6e,
        0xbb, 0xa3, 0x04, 0x10, 0xa8, 0x89, 0xc4, 0x49, 0x64, 0x03, 0xd2, 0x61, 0x9e, 0x04, 0x0a, 0xd2, 0x82, 0xff, 0xc1,
        0x59, 0x02, 0x10, 0x2c, 0x9c, 0x7f, 0x83, 0xdc, 0x45, 0xf2, 0x8c, 0x92, 0x63, 0x3a, 0x25, 0xf3, 0x43, 0x1b, 0xa6,
    };
    /* clang-format on */
    static const char url[]
        = "http://ocsp.example.com/MEowSDBGMEQwQjAKBggqhkiG9w0CBQQQ7sp6GTKpL2dAdeGaW267owQQqInESWQD0mGeBArSgv%2FBWQIQLJx%2F"
          "g9xF8oySYzol80Mbpg%3D%3D";
    char out[GET_URL_MAX + 1];

    (void)state;
    assert_true(request_get_url("http://ocsp.example.com/", der, sizeof der, out));
    assert_string_equal(out, url);
    assert_true(request_get_url("http://ocsp.example.com", der, sizeof der, out));
    assert_string_equal(out, url);
}

static void plus_is_encoded_too(void **state)
{
    static const uint8_t der[] = {0xfb, 0xef, 0xbe}; /* "++++" */
    char out[GET_URL_MAX + 1];

    (void)state;
    assert_true(request_get_url("http://a/b/", der, sizeof der, out));
    assert_string_equal(out, "http://a/b/%2B%2B%2B%2B");
}

/* RFC 5019 section 5: at most 255 bytes, everything counted. */
static void p10_get_up_to_255_bytes_then_post(void **state)
{
    static const uint8_t der[99]; /* 132 times 'A' */
    char url[GET_URL_MAX + 1];
    char out[GET_URL_MAX + 1];
    size_t url_len = GET_URL_MAX - 132 - 1;

    (void)state;
    memset(url, 'u', sizeof url);
    memcpy(url, "http://", 7);
    url[url_len] = '\0';
    assert_true(request_get_url(url, der, sizeof der, out));
    assert_int_equal(strlen(out), GET_URL_MAX);
    url[url_len] = 'u';
    url[url_len + 1] = '\0';
    assert_false(request_get_url(url, der, sizeof der, out));
    url[url_len] = '/'; /* the one that would be added */
    assert_true(request_get_url(url, der, sizeof der, out));
    assert_int_equal(strlen(out), GET_URL_MAX);
}

static void encoded_characters_count_as_three(void **state)
{
    static const uint8_t der[] = {0xff, 0xff, 0xff}; /* "////" */
    char url[GET_URL_MAX + 1];
    char out[GET_URL_MAX + 1];

    (void)state;
    memset(url, 'u', sizeof url);
    url[GET_URL_MAX - 12] = '\0';
    assert_false(request_get_url(url, der, sizeof der, out));
    url[GET_URL_MAX - 13] = '/';
    assert_true(request_get_url(url, der, sizeof der, out));
    assert_int_equal(strlen(out), GET_URL_MAX);
}

static void nothing_can_be_put_behind_a_query(void **state)
{
    static const uint8_t der[] = {1};
    char out[GET_URL_MAX + 1];

    (void)state;
    assert_false(request_get_url("http://a/?ca=1", der, sizeof der, out));
    assert_false(request_get_url("http://a/#x", der, sizeof der, out));
    assert_false(request_get_url("", der, sizeof der, out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(p10_the_request_is_a_sha1_certid_and_nothing_else, make_world, end_world),
        cmocka_unit_test_setup_teardown(serials_keep_their_octets, make_world, end_world),
        cmocka_unit_test_setup_teardown(the_longest_serial_fits_and_an_empty_one_is_refused, make_world, end_world),
        cmocka_unit_test(a_get_url_is_that_of_rfc_5019),
        cmocka_unit_test(plus_is_encoded_too),
        cmocka_unit_test(p10_get_up_to_255_bytes_then_post),
        cmocka_unit_test(encoded_characters_count_as_three),
        cmocka_unit_test(nothing_can_be_put_behind_a_query),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
