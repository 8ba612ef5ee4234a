/* SPDX-License-Identifier: ISC */
/*
 * Owns: proof that each word of the verification list is given for exactly its own fault (PARITY P11): form, identity,
 *       signature, extensions.  Signers are in test_ocsp_signer.c, kinds of keys in test_ocsp_keys.c, times in
 *       test_ocsp_times.c, damaged bytes in test_ocsp_bytes.c.
 * Runs in: unit tests.
 * Never: asks the clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "ocsp_world.h"

static void assert_der_word(struct pki_der der, const char *word)
{
    struct ocsp_verdict verdict = world_judge_der(&the_world, der, WORLD_NOW);

    assert_string_equal(verdict_word(&verdict), word);
}

static void test_good(void **state)
{
    struct pki_response response = world_response(&the_world);
    struct ocsp_verdict verdict = world_judge(&the_world, &response);

    (void)state;
    assert_string_equal(verdict_word(&verdict), "good");
    assert_int_equal(verdict.this_update, WORLD_NOW - HOUR);
    assert_int_equal(verdict.produced_at, WORLD_NOW - HOUR);
    assert_int_equal(verdict.next_update, WORLD_NOW + 7 * DAY);
    assert_int_equal(verdict.effective_end, WORLD_NOW + 7 * DAY);
    assert_int_equal(verdict.expiry, WORLD_NOW + 7 * DAY - 30 * HOUR);
    assert_string_equal(verdict.detail, "signed by the delegate CN=Test OCSP signer; may be stapled until 2026-01-07T21:04:05Z");
}

/* RFC 6960 4.2.1: ResponderID by name and by key; the issuer itself, or its delegate. */
static void test_good_in_each_way_of_signing(void **state)
{
    struct pki_response response = world_response(&the_world);

    (void)state;
    response.is_by_key = true;
    assert_word(&the_world, &response, "good");
    response = world_direct_response(&the_world);
    assert_word(&the_world, &response, "good");
    response.is_by_key = true;
    assert_word(&the_world, &response, "good");
    response.certs[0] = the_world.root;
    response.certs[1] = the_world.issuer;
    assert_word(&the_world, &response, "good");
}

static void test_revoked_and_unknown(void **state)
{
    struct pki_response response = world_response(&the_world);
    struct ocsp_verdict verdict;

    (void)state;
    response.singles[0].status = V_OCSP_CERTSTATUS_REVOKED;
    verdict = world_judge(&the_world, &response);
    assert_string_equal(verdict_word(&verdict), "revoked");
    assert_int_equal(verdict.revoked_at, WORLD_NOW - 2 * DAY);
    assert_string_equal(verdict.detail, "revoked at 2025-12-31T03:04:05Z (keyCompromise), says the delegate CN=Test OCSP signer");
    response.singles[0].status = V_OCSP_CERTSTATUS_UNKNOWN;
    assert_word(&the_world, &response, "unknown");
}

static void test_no_issuer(void **state)
{
    struct pki_response response = world_response(&the_world);
    struct world orphan = the_world;

    (void)state;
    orphan.cert.issuer = NULL;
    assert_word(&orphan, &response, "no-issuer");
}

/* httpd can serve 10,239 bytes and not one more. */
static void test_too_large(void **state)
{
    struct pki_response response = world_response(&the_world);
    struct pki_der der;

    (void)state;
    response.padding = 9000;
    response.padding += STAPLE_DER_MAX - pki_response(&response).len;
    der = pki_response(&response);
    /* ECDSA signatures differ in length. */
    while (der.len != STAPLE_DER_MAX) {
        response.padding += STAPLE_DER_MAX - der.len;
        der = pki_response(&response);
    }
    assert_der_word(der, "good");
    assert_der_word(pki_join(der, pki_join(der, der)), "too-large");
    assert_der_word(pki_join(der, (struct pki_der){pki_room(1), 1}), "too-large");
}

static void test_trailing_bytes(void **state)
{
    static const uint8_t successful = 0;
    struct pki_response response = world_response(&the_world);
    struct pki_der junk = {pki_room(3), 3};
    struct pki_der inner = pki_join(pki_basic(&response), junk);

    (void)state;
    assert_der_word(pki_join(pki_response(&response), junk), "trailing-bytes");
    /* Inside the OCTET STRING, where OpenSSL's own parser does not look. */
    assert_der_word(pki_outer(&successful, 1, &inner), "trailing-bytes");
}

static void test_malformed(void **state)
{
    static const uint8_t successful = 0;
    struct pki_response response = world_response(&the_world);
    struct pki_der basic = pki_basic(&response);
    struct pki_der empty = {pki_room(1), 0};
    struct pki_der der;

    (void)state;
    assert_der_word(empty, "malformed");
    assert_der_word((struct pki_der){(uint8_t *)pki_room(100), 100}, "malformed");
    assert_der_word(pki_outer(&successful, 1, NULL), "malformed");
    assert_der_word(pki_outer(&successful, 1, &empty), "malformed");
    der = pki_outer("", 0, &basic);
    assert_der_word(der, "malformed");
    basic.len--;
    assert_der_word(pki_outer(&successful, 1, &basic), "malformed");
}

/* X.690 section 10: the same value in another encoding than DER's one. */
static void test_malformed_is_ber(void **state)
{
    static const uint8_t successful = 0;
    static const uint8_t end_of_contents[] = {0, 0};
    struct pki_response response = world_response(&the_world);
    struct pki_der der = pki_response(&response);
    struct pki_der basic = pki_basic(&response);
    struct pki_der longer = {pki_room(basic.len + 1), basic.len + 1};
    struct pki_der indefinite = pki_join(der, (struct pki_der){(uint8_t *)pki_room(2), 2});

    (void)state;
    /* Indefinite length: 30 80 ... 00 00 in the room of 30 82 xx xx. */
    indefinite.data[1] = 0x80;
    memmove(indefinite.data + 2, indefinite.data + 4, der.len - 4);
    memcpy(indefinite.data + der.len - 2, end_of_contents, 2);
    indefinite.len = der.len;
    assert_der_word(indefinite, "malformed");
    /* A length with a leading zero, in the inner value: 30 82 xx xx becomes 30 83 00 xx xx. */
    assert_int_equal(basic.data[1], 0x82);
    memcpy(longer.data + 1, basic.data, basic.len);
    longer.data[0] = 0x30;
    longer.data[1] = 0x83;
    longer.data[2] = 0;
    assert_der_word(pki_outer(&successful, 1, &longer), "malformed");
}

static void test_statuses(void **state)
{
    static const struct {
        uint8_t status;
        const char *word;
    } rows[] = {
        {1, "status-malformedrequest"},
        {2, "status-internalerror"},
        {3, "status-trylater"},
        {4, "status-unrecognised"},
        {5, "status-sigrequired"},
        {6, "status-unauthorized"},
        {7, "status-unrecognised"},
        {127, "status-unrecognised"},
    };
    static const uint8_t two_to_the_32[] = {1, 0, 0, 0, 0};
    struct pki_response response = world_response(&the_world);
    struct pki_der basic = pki_basic(&response);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_der_word(pki_outer(&rows[i].status, 1, NULL), rows[i].word);
        assert_der_word(pki_outer(&rows[i].status, 1, &basic), rows[i].word);
    }
    /* OCSP_response_status() makes 0 of it. */
    assert_der_word(pki_outer(two_to_the_32, sizeof two_to_the_32, &basic), "status-unrecognised");
}

static void test_not_basic(void **state)
{
    static const uint8_t type[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01};
    struct pki_response response = world_response(&the_world);
    struct pki_der der = pki_response(&response);
    uint8_t *found = memmem(der.data, der.len, type, sizeof type);

    (void)state;
    assert_non_null(found);
    found[sizeof type - 1] = 2;
    assert_der_word(der, "not-basic");
}

static void test_wrong_certid(void **state)
{
    struct pki_response response = world_response(&the_world);
    struct pki_cert namesake_spec = world_ca_spec("Test issuer", pki_key(PKI_P256));
    struct pki_cert renamed_spec = world_ca_spec("Another name", the_world.issuer_key);
    struct pki_cert leaf_spec = {.subject = "x", .key = the_world.delegate_key, .serial = "1234567890"};

    (void)state;
    /* another serial number */
    response.singles[0].leaf = the_world.other_leaf;
    assert_word(&the_world, &response, "wrong-certid");
    /* another issuerKeyHash */
    response.singles[0].leaf = the_world.leaf;
    response.singles[0].issuer = pki_cert(&namesake_spec);
    assert_word(&the_world, &response, "wrong-certid");
    /* another issuerNameHash: of a leaf with our serial number that another CA issued */
    leaf_spec.issuer = pki_cert(&renamed_spec);
    leaf_spec.issuer_key = the_world.issuer_key;
    response.singles[0].leaf = pki_cert(&leaf_spec);
    assert_int_equal(X509_set_serialNumber(response.singles[0].leaf, X509_get_serialNumber(the_world.leaf)), 1);
    response.singles[0].issuer = leaf_spec.issuer;
    assert_word(&the_world, &response, "wrong-certid");
}

static void name_sha1_hashes(OCSP_BASICRESP *basic)
{
    const OCSP_CERTID *id = OCSP_SINGLERESP_get0_id(OCSP_resp_get0(basic, 0));
    ASN1_OCTET_STRING *name = NULL;
    ASN1_OCTET_STRING *key = NULL;

    assert_int_equal(OCSP_id_get0_info(&name, NULL, &key, NULL, (OCSP_CERTID *)(uintptr_t)id), 1);
    assert_int_equal(ASN1_STRING_set(name, the_world.cert.issuer->name_sha1, 20), 1);
    assert_int_equal(ASN1_STRING_set(key, the_world.cert.issuer->key_sha1, 20), 1);
}

/* Our SHA-1 hashes under the name of SHA-256: httpd compares the algorithm too. */
static void test_wrong_certid_algorithm(void **state)
{
    struct pki_response response = world_response(&the_world);

    (void)state;
    response.singles[0].digest = EVP_sha256();
    response.edit = name_sha1_hashes;
    assert_word(&the_world, &response, "wrong-certid");
}

/* The CertIDs need not stand first, and what is said of others does not matter. */
static void test_ours_among_others(void **state)
{
    struct pki_response response = world_response(&the_world);

    (void)state;
    response.singles[1] = response.singles[0];
    response.singles[0].leaf = the_world.other_leaf;
    response.singles[0].status = V_OCSP_CERTSTATUS_REVOKED;
    assert_word(&the_world, &response, "good");
    response.singles[0].leaf = NULL;
    assert_word(&the_world, &response, "wrong-certid");
}

/* PARITY P11: Apache asks its cache by SHA-1. */
static void test_certid_hash(void **state)
{
    struct pki_response response = world_response(&the_world);

    (void)state;
    response.singles[0].digest = EVP_sha256();
    assert_word(&the_world, &response, "certid-hash");
    response.singles[1] = response.singles[0];
    response.singles[1].digest = EVP_sha1();
    assert_word(&the_world, &response, "good");
    response.singles[1].leaf = NULL;
    response.singles[0].leaf = the_world.other_leaf;
    assert_word(&the_world, &response, "wrong-certid");
}

static void test_several_singles(void **state)
{
    struct pki_response response = world_response(&the_world);

    (void)state;
    response.singles[1] = response.singles[0];
    assert_word(&the_world, &response, "good");
    response.singles[1].next_update += 1;
    assert_word(&the_world, &response, "conflicting");
    response.singles[1] = response.singles[0];
    response.singles[1].this_update -= 1;
    assert_word(&the_world, &response, "conflicting");
    response.singles[1] = response.singles[0];
    response.singles[1].next_update = 0;
    assert_word(&the_world, &response, "conflicting");
    response.singles[1] = response.singles[0];
    response.singles[1].status = V_OCSP_CERTSTATUS_UNKNOWN;
    assert_word(&the_world, &response, "conflicting");
    /* revoked wins, wherever it stands */
    response.singles[2] = response.singles[0];
    response.singles[2].status = V_OCSP_CERTSTATUS_REVOKED;
    assert_word(&the_world, &response, "revoked");
    response.singles[1] = response.singles[2];
    response.singles[2] = response.singles[0];
    assert_word(&the_world, &response, "revoked");
    response.singles[0] = response.singles[1];
    assert_word(&the_world, &response, "revoked");
}

static void test_bad_signature(void **state)
{
    struct pki_response response = world_direct_response(&the_world);
    struct pki_der der = pki_response(&response);
    uint8_t *time = memmem(der.data, der.len, "20260109030405Z", 15);

    (void)state;
    /* The last octet of the signature, which ends a response without certificates. */
    der.data[der.len - 1] ^= 1;
    assert_der_word(der, "bad-signature");
    der.data[der.len - 1] ^= 1;
    assert_der_word(der, "good");
    /* nextUpdate moved from 2026-01-09 to 2027-01-09 */
    assert_non_null(time);
    time[3] = '7';
    assert_der_word(der, "bad-signature");
}

static void test_critical_extension(void **state)
{
    static const struct {
        struct pki_extension extension;
        const char *word;
    } rows[] = {
        {{"1.2.3.4.5", "critical,DER:0500"}, "critical-extension"}, {{"1.2.3.4.5", "DER:0500"}, "good"},
        {{"1.3.6.1.5.5.7.48.1.2", "critical,DER:04020102"}, "good"},                           /* nonce */
        {{"1.3.6.1.5.5.7.48.1.3", "critical,DER:3000"}, "good"},                               /* CRL reference */
        {{"1.3.6.1.5.5.7.48.1.6", "critical,DER:180F32303236303130323033303430355A"}, "good"}, /* archive cutoff */
        {{"1.3.6.1.5.5.7.48.1.9", "critical,DER:0500"}, "good"},                               /* extended revoke */
        {{"2.5.29.21", "critical,DER:0A0101"}, "good"},                                        /* reasonCode */
        {{"1.3.6.1.5.5.7.48.1.4", "critical,DER:3000"}, "critical-extension"}, /* acceptable responses: of requests */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pki_response response = world_response(&the_world);

        response.extension = rows[i].extension;
        assert_word(&the_world, &response, rows[i].word);
        response.extension.name = NULL;
        response.singles[0].extension = rows[i].extension;
        assert_word(&the_world, &response, rows[i].word);
        /* The second SingleResponse about us counts too; one about another certificate does not. */
        response.singles[1] = response.singles[0];
        response.singles[0].extension.name = NULL;
        assert_word(&the_world, &response, rows[i].word);
        response.singles[1].leaf = the_world.other_leaf;
        assert_word(&the_world, &response, "good");
    }
}

/* A response about one certificate is nothing to another of the same issuer (seen from both sides). */
static void test_swapped_between_certificates(void **state)
{
    struct pki_response ours = world_response(&the_world);
    struct pki_response theirs = world_response(&the_world);
    struct world other = the_world;
    char detail[DETAIL_MAX + 1];
    const char *pem = pki_pem((X509 *[]){the_world.other_leaf, the_world.issuer, NULL});

    (void)state;
    theirs.singles[0].leaf = the_world.other_leaf;
    other.leaf = the_world.other_leaf;
    assert_int_equal(cert_parse(pem, strlen(pem), 1, the_world.table, &other.cert, detail), REASON_NONE);
    assert_ptr_equal(other.cert.issuer, the_world.cert.issuer);
    assert_word(&the_world, &ours, "good");
    assert_word(&other, &theirs, "good");
    assert_word(&the_world, &theirs, "wrong-certid");
    assert_word(&other, &ours, "wrong-certid");
    cert_clear(&other.cert);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_good_in_each_way_of_signing),
        cmocka_unit_test(test_revoked_and_unknown),
        cmocka_unit_test(test_no_issuer),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_trailing_bytes),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_malformed_is_ber),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_not_basic),
        cmocka_unit_test(test_wrong_certid),
        cmocka_unit_test(test_wrong_certid_algorithm),
        cmocka_unit_test(test_ours_among_others),
        cmocka_unit_test(test_certid_hash),
        cmocka_unit_test(test_several_singles),
        cmocka_unit_test(test_bad_signature),
        cmocka_unit_test(test_critical_extension),
        cmocka_unit_test(test_swapped_between_certificates),
    };

    return cmocka_run_group_tests(tests, the_world_begin, the_world_end);
}
