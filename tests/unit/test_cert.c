/* SPDX-License-Identifier: ISC */
/*
 * Owns: proof of what is read out of a certificate: leaf, issuer, identity.
 *       Its responders are in test_cert_urls.c, what is refused in test_cert_refused.c.
 * Runs in: unit tests.
 * Never: asks the clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

#include "cert/cert.h"
#include "ocsp_world.h"
#include "parsed_cert.h"

static void test_identity(void **state)
{
    struct pki_cert spec = world_leaf_spec("authorityInfoAccess", "OCSP;URI:http://ocsp.test/a,caIssuers;URI:http://ca.test/");
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
        struct parsed parsed = parse(world_pem_with("tlsfeature", rows[i].value), 2);

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
    struct pki_cert spec = world_leaf_spec("authorityInfoAccess", "OCSP;URI:http://ocsp.test/");
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
    struct pki_cert spec = world_leaf_spec("authorityInfoAccess", "OCSP;URI:http://ocsp.test/");

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
    struct pki_cert spec = world_leaf_spec("authorityInfoAccess", "OCSP;URI:http://ocsp.test/");
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

/* RFC 6960 4.1.1 hashes the issuer field of the leaf; the CA's subject may be encoded in another way. */
static void test_issuer_name_in_another_encoding(void **state)
{
    struct pki_cert spec = world_leaf_spec("authorityInfoAccess", "OCSP;URI:http://ocsp.test/");
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
        cmocka_unit_test(test_issuer_name_in_another_encoding),
        cmocka_unit_test(test_issuer_table),
        cmocka_unit_test(test_subject),
    };

    return cmocka_run_group_tests(tests, the_world_begin, the_world_end);
}
