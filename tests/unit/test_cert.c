/* SPDX-License-Identifier: ISC */
/*
 * Owns: proof of what is read out of a certificate: leaf, issuer, identity; and of what is refused.
 *       Its responders are in test_cert_urls.c.
 * Runs in: unit tests.
 * Never: asks the clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "cert/cert.h"
#include "ocsp_world.h"
#include "parsed_cert.h"

static bool is_cert_of(const struct cert *cert, const X509 *x509)
{
    uint8_t digest[32];

    assert_int_equal(X509_digest(x509, EVP_sha256(), digest, NULL), 1);
    return memcmp(digest, cert->sha256, sizeof digest) == 0;
}

/* A leaf of the world's issuer with this extension (and no other). */
static struct pki_cert leaf_spec(const char *name, const char *value)
{
    return (struct pki_cert){
        .subject = "leaf.test",
        .key = the_world.delegate_key,
        .issuer = the_world.issuer,
        .issuer_key = the_world.issuer_key,
        .not_before = WORLD_NOW - DAY,
        .not_after = WORLD_NOW + DAY,
        .extensions = {{name, value}},
    };
}

static const char *pem_of_leaf(const struct pki_cert *spec)
{
    return pki_pem((X509 *[]){pki_cert(spec), the_world.issuer, NULL});
}

static const char *pem_with(const char *name, const char *value)
{
    struct pki_cert spec = leaf_spec(name, value);

    return pem_of_leaf(&spec);
}

static void test_identity(void **state)
{
    struct pki_cert spec = leaf_spec("authorityInfoAccess", "OCSP;URI:http://ocsp.test/a,caIssuers;URI:http://ca.test/");
    X509 *leaf;
    struct parsed parsed;
    OCSP_CERTID *id;
    ASN1_OCTET_STRING *name;
    ASN1_OCTET_STRING *key;
    uint8_t sha1[20];

    (void)state;
    spec.serial = "80ff01";
    leaf = pki_cert(&spec);
    parsed = parse(pki_pem((X509 *[]){leaf, the_world.issuer, NULL}), 2);
    assert_int_equal(parsed.reason, REASON_NONE);
    assert_string_equal(parsed.detail, "");
    assert_true(is_cert_of(&parsed.cert, leaf));
    assert_int_equal(X509_digest(leaf, EVP_sha1(), sha1, NULL), 1);
    assert_memory_equal(parsed.cert.sha1, sha1, sizeof sha1);
    /* content octets: a leading zero keeps the number positive */
    assert_int_equal(parsed.cert.serial_len, 4);
    assert_memory_equal(parsed.cert.serial, "\x00\x80\xff\x01", 4);
    assert_int_equal(parsed.cert.not_before, WORLD_NOW - DAY);
    assert_int_equal(parsed.cert.not_after, WORLD_NOW + DAY);
    assert_false(parsed.cert.is_must_staple);
    assert_int_equal(parsed.cert.url_count, 1);
    assert_string_equal(parsed.cert.urls[0], "http://ocsp.test/a");
    /* httpd's CertID is OCSP_cert_to_id(NULL, leaf, issuer): ssl_util_stapling.c */
    id = OCSP_cert_to_id(NULL, leaf, the_world.issuer);
    assert_int_equal(OCSP_id_get0_info(&name, NULL, &key, NULL, id), 1);
    assert_memory_equal(parsed.cert.issuer->name_sha1, ASN1_STRING_get0_data(name), 20);
    assert_memory_equal(parsed.cert.issuer->key_sha1, ASN1_STRING_get0_data(key), 20);
    OCSP_CERTID_free(id);
    cert_clear(&parsed.cert);
    assert_int_equal(parsed.cert.url_count, 0);
}

static void test_must_staple(void **state)
{
    static const struct {
        const char *value;
        bool is_must_staple;
    } rows[] = {
        {"status_request", true},
        {"status_request_v2", false},
        {"status_request_v2,status_request", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct parsed parsed = parse(pem_with("tlsfeature", rows[i].value), 2);

        assert_int_equal(parsed.cert.is_must_staple, rows[i].is_must_staple);
        cert_clear(&parsed.cert);
    }
}

/* The leaf may stand anywhere in its own file, with a key and words around it. */
static void test_leaf_and_issuer_are_found(void **state)
{
    static const char key[] = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    X509 *const orders[][6] = {
        {the_world.leaf, the_world.issuer, NULL},
        {the_world.issuer, the_world.leaf, NULL},
        {the_world.root, the_world.issuer, the_world.leaf, NULL},
        {the_world.leaf, the_world.issuer, the_world.root, NULL},
        {the_world.leaf, the_world.leaf, the_world.issuer, NULL},
        {the_world.leaf, the_world.delegate, the_world.issuer, NULL},
        {the_world.root, the_world.leaf, the_world.issuer, the_world.root, the_world.issuer, NULL},
    };
    char text[10000];

    (void)state;
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        struct parsed parsed;

        snprintf(text, sizeof text, "Bag Attributes\n%sfriendly name\n%s\n%s", key, pki_pem(orders[i]), key);
        parsed = parse(text, 99);
        assert_int_equal(parsed.reason, REASON_NONE);
        assert_true(is_cert_of(&parsed.cert, the_world.leaf));
        assert_ptr_equal(parsed.cert.issuer, the_world.cert.issuer);
        cert_clear(&parsed.cert);
    }
}

/* The leaf is in the certificate's own file, the issuer in either. */
static void test_leaf_blocks(void **state)
{
    const char *pem = pki_pem((X509 *[]){the_world.leaf, the_world.other_leaf, the_world.issuer, NULL});
    struct parsed parsed = parse(pem, 1);

    (void)state;
    assert_int_equal(parsed.reason, REASON_NONE);
    assert_true(is_cert_of(&parsed.cert, the_world.leaf));
    cert_clear(&parsed.cert);
    pem = pki_pem((X509 *[]){the_world.issuer, the_world.leaf, the_world.root, NULL});
    parsed = parse(pem, 1);
    assert_true(is_cert_of(&parsed.cert, the_world.issuer));
    assert_int_equal(parsed.reason, REASON_NO_OCSP);
    cert_clear(&parsed.cert);
    assert_parse_word(pem, 0, "no-certificate");
}

/* Several that issued nobody: not a CA, then the first. */
static void test_leaf_is_no_ca_where_there_is_a_choice(void **state)
{
    struct pki_cert spec = world_ca_spec("Unrelated CA", pki_key(PKI_P256));
    X509 *ca = pki_cert(&spec);
    struct parsed parsed = parse(pki_pem((X509 *[]){ca, the_world.other_leaf, the_world.leaf, NULL}), 3);

    (void)state;
    assert_true(is_cert_of(&parsed.cert, the_world.other_leaf));
    cert_clear(&parsed.cert);
    parsed = parse(pki_pem((X509 *[]){ca, the_world.root, NULL}), 2);
    assert_true(is_cert_of(&parsed.cert, ca));
    cert_clear(&parsed.cert);
}

/* RFC 5280 4.1.1.2: the algorithm outside of what is signed must be the one inside, to the parameters. */
static void test_two_signature_algorithms(void **state)
{
    struct pki_cert spec = leaf_spec("authorityInfoAccess", "OCSP;URI:http://ocsp.test/");
    X509 *leaf = pki_cert(&spec);
    const X509_ALGOR *algorithm;
    struct parsed parsed;

    (void)state;
    parsed = parse(pki_pem((X509 *[]){leaf, the_world.issuer, NULL}), 1);
    assert_int_equal(parsed.reason, REASON_NONE);
    cert_clear(&parsed.cert);
    X509_get0_signature(NULL, &algorithm, leaf);
    X509_ALGOR_set0((X509_ALGOR *)(uintptr_t)algorithm, OBJ_nid2obj(NID_ecdsa_with_SHA256), V_ASN1_NULL, NULL);
    assert_parse_word(pki_pem((X509 *[]){leaf, the_world.issuer, NULL}), 1, "no-issuer");
}

/* Keys of leaves are never looked at; whatever they are, the issuer's signature counts. */
static void test_leaf_keys(void **state)
{
    static const enum pki_key_kind kinds[] = {PKI_P256, PKI_ED25519, PKI_RSA_2048, PKI_RSA_512};
    struct pki_cert spec = leaf_spec("authorityInfoAccess", "OCSP;URI:http://ocsp.test/");

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct parsed parsed;
        X509 *leaf;

        spec.key = pki_key(kinds[i]);
        leaf = pki_cert(&spec);
        parsed = parse(pki_pem((X509 *[]){the_world.root, leaf, the_world.issuer, NULL}), 3);
        assert_int_equal(parsed.reason, REASON_NONE);
        assert_true(is_cert_of(&parsed.cert, leaf));
        cert_clear(&parsed.cert);
    }
}

/* Old private CAs have no basicConstraints: what issued another is not the leaf. */
static void test_issuer_without_basic_constraints(void **state)
{
    const struct pki_cert ca_spec
        = {.subject = "Old CA", .key = the_world.root_key, .not_before = WORLD_NOW - DAY, .not_after = WORLD_NOW + DAY};
    struct pki_cert spec = leaf_spec("authorityInfoAccess", "OCSP;URI:http://ocsp.test/");
    struct parsed parsed;
    X509 *leaf;

    (void)state;
    spec.issuer = pki_cert(&ca_spec);
    spec.issuer_key = ca_spec.key;
    leaf = pki_cert(&spec);
    parsed = parse(pki_pem((X509 *[]){spec.issuer, leaf, NULL}), 2);
    assert_int_equal(parsed.reason, REASON_NONE);
    assert_true(is_cert_of(&parsed.cert, leaf));
    cert_clear(&parsed.cert);
}

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
    struct pki_cert spec = leaf_spec("authorityInfoAccess", "OCSP;URI:http://ocsp.test/");
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
    assert_parse_word(pem_with("authorityInfoAccess", "DER:0401"), 1, "cert-malformed");
    assert_parse_word(pem_with("tlsfeature", "DER:0401"), 1, "cert-malformed");
}

/* CERT_SERIAL_MAX octets, and one more. */
static void test_serial_length(void **state)
{
    struct pki_cert spec = leaf_spec("authorityInfoAccess", "OCSP;URI:http://ocsp.test/");
    struct parsed parsed;

    (void)state;
    spec.serial = "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
    parsed = parse(pem_of_leaf(&spec), 1);
    assert_int_equal(parsed.reason, REASON_NONE);
    assert_int_equal(parsed.cert.serial_len, CERT_SERIAL_MAX);
    cert_clear(&parsed.cert);
    spec.serial = "8000000000000000000000000000000000000000000000000000000000000000";
    assert_parse_word(pem_of_leaf(&spec), 1, "cert-malformed");
}

/* Where several things are wrong, the first of: damaged, no responder, none usable, no issuer. */
static void test_precedence(void **state)
{
    struct pki_cert spec = leaf_spec("authorityInfoAccess", "OCSP;URI:ldap://ocsp.test/");
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

/* RFC 6960 4.1.1 hashes the issuer field of the leaf; the CA's subject may be encoded in another way. */
static void test_issuer_name_in_another_encoding(void **state)
{
    struct pki_cert spec = leaf_spec("authorityInfoAccess", "OCSP;URI:http://ocsp.test/");
    X509 *leaf = pki_cert(&spec);
    X509_NAME *name = X509_NAME_new();
    struct parsed parsed;
    uint8_t sha1[20];

    (void)state;
    assert_int_equal(X509_NAME_add_entry_by_txt(
                         name, "CN", V_ASN1_BMPSTRING, (const unsigned char *)"\0T\0e\0s\0t\0 \0i\0s\0s\0u\0e\0r", 22, -1, 0),
        1);
    assert_int_equal(X509_set_issuer_name(leaf, name), 1);
    assert_int_not_equal(X509_sign(leaf, the_world.issuer_key, EVP_sha256()), 0);
    parsed = parse(pki_pem((X509 *[]){leaf, the_world.issuer, NULL}), 1);
    assert_int_equal(parsed.reason, REASON_NONE);
    assert_int_equal(X509_NAME_digest(name, EVP_sha1(), sha1, NULL), 1);
    assert_memory_equal(parsed.cert.issuer->name_sha1, sha1, sizeof sha1);
    assert_memory_not_equal(parsed.cert.issuer->name_sha1, the_world.cert.issuer->name_sha1, sizeof sha1);
    assert_memory_equal(parsed.cert.issuer->sha256, the_world.cert.issuer->sha256, 32);
    cert_clear(&parsed.cert);
    X509_NAME_free(name);
}

/* Many issuers that share name and key: each is itself, and found again. */
static void test_issuer_table(void **state)
{
    struct pki_cert spec = world_ca_spec("Test issuer", the_world.issuer_key);
    struct issuer_table *table = issuer_table_new();
    char detail[DETAIL_MAX + 1];
    struct cert cert;

    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        X509 *ca = pki_cert(&spec);
        const char *pem = pki_pem((X509 *[]){the_world.leaf, ca, NULL});
        const struct issuer *first;
        uint8_t digest[32];

        assert_int_equal(X509_digest(ca, EVP_sha256(), digest, NULL), 1);
        assert_int_equal(cert_parse(pem, strlen(pem), 1, table, &cert, detail), REASON_NONE);
        assert_memory_equal(cert.issuer->sha256, digest, sizeof digest);
        first = cert.issuer;
        cert_clear(&cert);
        assert_int_equal(cert_parse(pem, strlen(pem), 1, table, &cert, detail), REASON_NONE);
        assert_ptr_equal(cert.issuer, first);
        cert_clear(&cert);
    }
    issuer_table_free(table);
}

static void test_hostile_subject(void **state)
{
    struct pki_cert spec = leaf_spec("basicConstraints", "CA:FALSE");
    struct parsed parsed;

    (void)state;
    spec.subject
        = "\x1b]0;owned\x07\n\xe2\x80\xae"
          "evil";
    parsed = parse(pem_of_leaf(&spec), 1);
    assert_int_equal(parsed.reason, REASON_NO_OCSP);
    assert_non_null(strstr(parsed.detail, "owned"));
    cert_clear(&parsed.cert);
    spec.subject = "";
    parsed = parse(pem_of_leaf(&spec), 1);
    assert_string_equal(parsed.detail, "(no name) names no OCSP responder");
    cert_clear(&parsed.cert);
}

static void test_subject(void **state)
{
    const char *pem = pki_pem((X509 *[]){the_world.issuer, the_world.leaf, NULL});
    struct cert other = {.sha256 = {1}};
    char subject[64];

    (void)state;
    assert_true(cert_subject(pem, strlen(pem), the_world.cert.sha256, subject, sizeof subject));
    assert_string_equal(subject, "CN=shop.test");
    assert_true(cert_subject(pem, strlen(pem), the_world.cert.issuer->sha256, subject, 8));
    assert_string_equal(subject, "CN=Test");
    assert_false(cert_subject(pem, strlen(pem), other.sha256, subject, sizeof subject));
    assert_string_equal(subject, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_must_staple),
        cmocka_unit_test(test_leaf_and_issuer_are_found),
        cmocka_unit_test(test_leaf_blocks),
        cmocka_unit_test(test_leaf_is_no_ca_where_there_is_a_choice),
        cmocka_unit_test(test_two_signature_algorithms),
        cmocka_unit_test(test_leaf_keys),
        cmocka_unit_test(test_issuer_without_basic_constraints),
        cmocka_unit_test(test_no_certificate),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_damaged_text),
        cmocka_unit_test(test_too_many_blocks),
        cmocka_unit_test(test_no_issuer),
        cmocka_unit_test(test_self_signed),
        cmocka_unit_test(test_malformed_extensions),
        cmocka_unit_test(test_serial_length),
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_issuer_name_in_another_encoding),
        cmocka_unit_test(test_issuer_table),
        cmocka_unit_test(test_hostile_subject),
        cmocka_unit_test(test_subject),
    };

    return cmocka_run_group_tests(tests, the_world_begin, the_world_end);
}
