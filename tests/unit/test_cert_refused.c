/* SPDX-License-Identifier: ISC */
/*
 * Owns: proof of which certificates are refused, and what is said of them.
 * Runs in: unit tests.
 * Never: asks the clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/pem.h>

#include "cert/cert.h"
#include "ocsp_world.h"
#include "parsed_cert.h"

static void test_no_certificate(void **state)
{
    unsigned char *der = NULL;
    int len = i2d_X509(the_world.leaf, &der);
    struct parsed parsed;

    (void)state;
    assert_parse_word("", 1, "no-certificate");
    assert_parse_word("hello\n", 1, "no-certificate");
    assert_parse_word("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 1, "no-certificate");
    assert_true(len > 0);
    parsed = parse_len((const char *)der, (size_t)len, 1);
    assert_int_equal(parsed.reason, REASON_DER_NOT_PEM);
    OPENSSL_free(der);
}

static const char *pem_of_der(const uint8_t *der, size_t len)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    char *text;
    long text_len;

    assert_non_null(bio);
    assert_true(PEM_write_bio(bio, PEM_STRING_X509, "", der, (long)len) > 0);
    text_len = BIO_get_mem_data(bio, &data);
    text = pki_room((size_t)text_len);
    memcpy(text, data, (size_t)text_len);
    BIO_free(bio);
    return text;
}

static void test_malformed(void **state)
{
    unsigned char *der = NULL;
    size_t len = (size_t)i2d_X509(the_world.leaf, &der);
    uint8_t *longer = pki_room(len + 1);
    struct parsed parsed;

    (void)state;
    memcpy(longer, der, len);
    OPENSSL_free(der);
    assert_parse_word(pem_of_der(longer, len), 1, "no-issuer");
    assert_parse_word(pem_of_der(longer, len - 1), 1, "cert-malformed");
    assert_parse_word(pem_of_der(longer, len + 1), 1, "cert-malformed");
    assert_parse_word("-----BEGIN CERTIFICATE-----\nMIIB!\n-----END CERTIFICATE-----\n", 1, "cert-malformed");
    parsed = parse("-----BEGIN CERTIFICATE-----\nMIIB\n", 1);
    assert_int_equal(parsed.reason, REASON_CERT_MALFORMED);
    assert_string_not_equal(parsed.detail, "");
}

/* No truncation and no flip of a bit may do more than change the answer. */
static void test_damaged_text(void **state)
{
    const char *pem = pki_pem((X509 *[]){the_world.leaf, the_world.issuer, NULL});
    size_t len = strlen(pem);
    char *text = malloc(len);
    unsigned usable = 0;

    (void)state;
    assert_non_null(text);
    memcpy(text, pem, len);
    for (size_t i = 0; i < len; i++) {
        struct parsed parsed = parse_len(text, i, 1);

        assert_int_not_equal(parsed.reason, REASON_INTERNAL);
        usable += parsed.reason == REASON_NONE && i < len - 1;
        cert_clear(&parsed.cert);
    }
    assert_int_equal(usable, 0);
    for (size_t i = 0; i < len; i++) {
        struct parsed parsed;

        text[i] ^= (char)(1 << i % 8);
        parsed = parse_len(text, len, 1);
        text[i] ^= (char)(1 << i % 8);
        assert_int_not_equal(parsed.reason, REASON_INTERNAL);
        /* Where it stays usable, the leaf is what its issuer signed. */
        if (parsed.reason == REASON_NONE)
            assert_memory_equal(parsed.cert.serial, the_world.cert.serial, the_world.cert.serial_len);
        cert_clear(&parsed.cert);
    }
    free(text);
}

static void test_too_many_blocks(void **state)
{
    X509 *x509s[CERT_BLOCKS_MAX + 2] = {the_world.leaf};
    struct parsed parsed;

    (void)state;
    for (size_t i = 1; i < CERT_BLOCKS_MAX; i++)
        x509s[i] = the_world.issuer;
    assert_parse_word(pki_pem(x509s), 1, "ok");
    x509s[CERT_BLOCKS_MAX] = the_world.root;
    parsed = parse(pki_pem(x509s), 1);
    assert_int_equal(parsed.reason, REASON_FILE_TOO_LARGE);
    assert_non_null(strstr(parsed.detail, "32"));
}

static void test_no_issuer(void **state)
{
    struct pki_cert namesake_spec = world_ca_spec("Test issuer", pki_key(PKI_P256));
    X509 *namesake = pki_cert(&namesake_spec);
    struct parsed parsed = parse(pki_pem((X509 *[]){the_world.leaf, the_world.root, NULL}), 2);

    (void)state;
    assert_int_equal(parsed.reason, REASON_NO_ISSUER);
    assert_null(parsed.cert.issuer);
    assert_string_equal(
        parsed.detail, "CN=shop.test was issued by CN=Test issuer, which is not among the certificates given (2)");
    assert_true(is_cert_of(&parsed.cert, the_world.leaf));
    assert_int_equal(parsed.cert.url_count, 1);
    cert_clear(&parsed.cert);
    parsed = parse(pki_pem((X509 *[]){the_world.leaf, namesake, NULL}), 2);
    assert_int_equal(parsed.reason, REASON_NO_ISSUER);
    assert_string_equal(parsed.detail, "a certificate of CN=Test issuer is there, but its key did not sign CN=shop.test");
    cert_clear(&parsed.cert);
    /* The real one behind its namesake is found. */
    parsed = parse(pki_pem((X509 *[]){the_world.leaf, namesake, the_world.issuer, NULL}), 1);
    assert_int_equal(parsed.reason, REASON_NONE);
    assert_ptr_equal(parsed.cert.issuer, the_world.cert.issuer);
    cert_clear(&parsed.cert);
}

static void test_self_signed(void **state)
{
    struct pki_cert spec = world_leaf_spec("authorityInfoAccess", "OCSP;URI:http://ocsp.test/");
    struct parsed parsed;

    (void)state;
    spec.issuer = NULL;
    spec.issuer_key = NULL;
    parsed = parse(pki_pem((X509 *[]){pki_cert(&spec), NULL}), 1);
    assert_int_equal(parsed.reason, REASON_NO_ISSUER);
    assert_string_equal(parsed.detail, "CN=leaf.test signed itself, so no issuer can vouch for it");
    cert_clear(&parsed.cert);
    /* PARITY P9 */
    spec.extensions[0].name = NULL;
    assert_parse_word(pki_pem((X509 *[]){pki_cert(&spec), NULL}), 1, "no-ocsp");
}

static void test_malformed_extensions(void **state)
{
    (void)state;
    assert_parse_word(world_pem_with("authorityInfoAccess", "DER:0401"), 1, "cert-malformed");
    assert_parse_word(world_pem_with("tlsfeature", "DER:0401"), 1, "cert-malformed");
}

/* CERT_SERIAL_MAX octets, and one more. */
static void test_serial_length(void **state)
{
    struct pki_cert spec = world_leaf_spec("authorityInfoAccess", "OCSP;URI:http://ocsp.test/");
    struct parsed parsed;

    (void)state;
    spec.serial = "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
    parsed = parse(world_leaf_pem(&spec), 1);
    assert_int_equal(parsed.reason, REASON_NONE);
    assert_int_equal(parsed.cert.serial_len, CERT_SERIAL_MAX);
    cert_clear(&parsed.cert);
    spec.serial = "8000000000000000000000000000000000000000000000000000000000000000";
    assert_parse_word(world_leaf_pem(&spec), 1, "cert-malformed");
}

/* Where several things are wrong, the first of: damaged, no responder, none usable, no issuer. */
static void test_precedence(void **state)
{
    struct pki_cert spec = world_leaf_spec("authorityInfoAccess", "OCSP;URI:ldap://ocsp.test/");
    X509 *leaf = pki_cert(&spec);

    (void)state;
    assert_parse_word(pki_pem((X509 *[]){leaf, NULL}), 1, "no-usable-url");
    spec.extensions[0].value = "caIssuers;URI:http://ca.test/";
    leaf = pki_cert(&spec);
    assert_parse_word(pki_pem((X509 *[]){leaf, NULL}), 1, "no-ocsp");
    spec.extensions[0].value = "DER:0401";
    leaf = pki_cert(&spec);
    assert_parse_word(pki_pem((X509 *[]){leaf, NULL}), 1, "cert-malformed");
}

static void test_hostile_subject(void **state)
{
    struct pki_cert spec = world_leaf_spec("basicConstraints", "CA:FALSE");
    struct parsed parsed;

    (void)state;
    spec.subject
        = "\x1b]0;owned\x07\n\xe2\x80\xae"
          "evil";
    parsed = parse(world_leaf_pem(&spec), 1);
    assert_int_equal(parsed.reason, REASON_NO_OCSP);
    assert_non_null(strstr(parsed.detail, "owned"));
    cert_clear(&parsed.cert);
    spec.subject = "";
    parsed = parse(world_leaf_pem(&spec), 1);
    assert_string_equal(parsed.detail, "(no name) names no OCSP responder");
    cert_clear(&parsed.cert);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_certificate),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_damaged_text),
        cmocka_unit_test(test_too_many_blocks),
        cmocka_unit_test(test_no_issuer),
        cmocka_unit_test(test_self_signed),
        cmocka_unit_test(test_malformed_extensions),
        cmocka_unit_test(test_serial_length),
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_hostile_subject),
    };

    return cmocka_run_group_tests(tests, the_world_begin, the_world_end);
}
