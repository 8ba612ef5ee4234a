/* SPDX-License-Identifier: ISC */
/*
 * Owns: proof of verification with every kind of key, and of what is too weak or oddly written (PARITY P11).
 * Runs in: unit tests.
 * Never: asks the clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "ocsp_world.h"

/* A response of each kind of key, both ways of signing, both kinds of ResponderID; and each with a broken signature. */
static void check_kind(enum pki_key_kind kind)
{
    struct world world;

    world_begin(&world, kind);
    for (unsigned i = 0; i < 4; i++) {
        struct pki_response response = (i & 1) == 0 ? world_response(&world) : world_direct_response(&world);
        struct ocsp_verdict verdict;
        struct pki_der der;
        uint8_t *next_update;

        response.is_by_key = (i & 2) != 0;
        der = pki_response(&response);
        verdict = world_judge_der(&world, der, WORLD_NOW);
        assert_string_equal(verdict_word(&verdict), "good");
        /* nextUpdate, a second later */
        next_update = memmem(der.data, der.len, "20260109030405Z", 15);
        assert_non_null(next_update);
        next_update[13] = '6';
        verdict = world_judge_der(&world, der, WORLD_NOW);
        assert_string_equal(verdict_word(&verdict), "bad-signature");
    }
    world_end(&world);
}

static void test_p256(void **state)
{
    (void)state;
    check_kind(PKI_P256);
}

static void test_ed25519(void **state)
{
    (void)state;
    check_kind(PKI_ED25519);
}

static void test_rsa_2048(void **state)
{
    (void)state;
    check_kind(PKI_RSA_2048);
}

/* Of fewer than 112 security bits: the issuer's key, or a delegate's with the issuer's strong enough. */
static void test_rsa_1024_is_weak_unless_allowed(void **state)
{
    struct world world;
    struct pki_response response;
    struct pki_cert spec;
    struct ocsp_verdict verdict;

    (void)state;
    world_begin(&world, PKI_RSA_1024);
    response = world_direct_response(&world);
    verdict = world_judge(&world, &response);
    assert_string_equal(verdict_word(&verdict), "weak-signature");
    assert_non_null(strstr(verdict.detail, "1024 bits; allow_sha1_signatures would accept it"));
    world.policy.is_sha1_allowed = true;
    assert_word(&world, &response, "good");
    world_end(&world);
    world_begin(&world, PKI_P256);
    spec = world_delegate_spec(&world);
    spec.key = pki_key(PKI_RSA_1024);
    response = world_response(&world);
    response.certs[0] = response.signer = pki_cert(&spec);
    response.signer_key = spec.key;
    assert_word(&world, &response, "weak-signature");
    world.policy.is_sha1_allowed = true;
    assert_word(&world, &response, "good");
    world_end(&world);
}

static void test_short_keys_are_weak(void **state)
{
    struct world world;
    struct pki_response response;
    struct pki_cert spec;
    struct ocsp_verdict verdict;

    (void)state;
    world_begin(&world, PKI_RSA_512);
    response = world_direct_response(&world);
    verdict = world_judge(&world, &response);
    assert_string_equal(verdict_word(&verdict), "weak-signature");
    assert_non_null(strstr(verdict.detail, "512 bits"));
    assert_null(strstr(verdict.detail, "allow_sha1_signatures"));
    world.policy.is_sha1_allowed = true;
    assert_word(&world, &response, "weak-signature");
    world.policy.is_sha1_allowed = false;
    /* A strong delegate does not make up for the weak key that signed its certificate, */
    spec = world_delegate_spec(&world);
    spec.key = pki_key(PKI_P256);
    response = world_response(&world);
    response.certs[0] = response.signer = pki_cert(&spec);
    response.signer_key = spec.key;
    assert_word(&world, &response, "weak-signature");
    world_end(&world);
    /* nor a strong issuer for a weak delegate. */
    world_begin(&world, PKI_P256);
    spec = world_delegate_spec(&world);
    spec.key = pki_key(PKI_RSA_512);
    response = world_response(&world);
    response.certs[0] = response.signer = pki_cert(&spec);
    response.signer_key = spec.key;
    assert_word(&world, &response, "weak-signature");
    world_end(&world);
}

static void test_rsa_digests(void **state)
{
    static const struct {
        const char *digest;
        const char *word;
        const char *word_with_sha1;
    } rows[] = {
        {"SHA256", "good", "good"},
        {"SHA384", "good", "good"},
        {"SHA3-256", "good", "good"},
        {"SHA1", "weak-signature", "good"},
        {"MD5", "weak-signature", "weak-signature"},
        {"RIPEMD160", "weak-signature", "weak-signature"},
    };
    struct world world;

    (void)state;
    world_begin(&world, PKI_RSA_2048);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pki_response response = world_direct_response(&world);
        struct pki_cert spec = world_delegate_spec(&world);

        response.digest = rows[i].digest;
        world.policy.is_sha1_allowed = false;
        assert_word(&world, &response, rows[i].word);
        world.policy.is_sha1_allowed = true;
        assert_word(&world, &response, rows[i].word_with_sha1);
        /* the same for the delegate's certificate */
        spec.digest = rows[i].digest;
        response = world_response(&world);
        response.certs[0] = response.signer = pki_cert(&spec);
        assert_word(&world, &response, rows[i].word_with_sha1);
        world.policy.is_sha1_allowed = false;
        assert_word(&world, &response, rows[i].word);
    }
    world_end(&world);
}

static void test_rsa_pss(void **state)
{
    static const char *const good[] = {"SHA256", "SHA384", "SHA512"};
    struct world world;
    struct pki_response response;

    (void)state;
    world_begin(&world, PKI_RSA_2048);
    response = world_response(&world);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        response.pss = good[i];
        assert_word(&world, &response, "good");
    }
    response.pss = "SHA1";
    assert_word(&world, &response, "weak-signature");
    world.policy.is_sha1_allowed = true;
    assert_word(&world, &response, "good");
    world_end(&world);
}

/* The response with its AlgorithmIdentifier, which no signature covers, replaced. */
static struct pki_der with_algorithm(const struct pki_response *response, const uint8_t *algorithm, size_t len)
{
    static const uint8_t successful = 0;
    struct pki_der basic = pki_basic(response);
    const unsigned char *at = basic.data;
    OCSP_BASICRESP *parsed = d2i_OCSP_BASICRESP(NULL, &at, (long)basic.len);
    struct pki_der tbs = {NULL, 0};
    struct pki_der signature = {NULL, 0};
    struct pki_der new_algorithm = {pki_room(len), len};
    struct pki_der rebuilt;
    unsigned char *encoded;

    assert_non_null(parsed);
    memcpy(new_algorithm.data, algorithm, len);
    tbs.len = (size_t)i2d_OCSP_RESPDATA(OCSP_resp_get0_respdata(parsed), NULL);
    tbs.data = encoded = pki_room(tbs.len);
    i2d_OCSP_RESPDATA(OCSP_resp_get0_respdata(parsed), &encoded);
    signature.len = (size_t)i2d_ASN1_BIT_STRING(OCSP_resp_get0_signature(parsed), NULL);
    signature.data = encoded = pki_room(signature.len);
    i2d_ASN1_BIT_STRING(OCSP_resp_get0_signature(parsed), &encoded);
    rebuilt = pki_join(pki_join(tbs, new_algorithm), signature);
    rebuilt = pki_wrap(0x30, rebuilt.data, rebuilt.len);
    OCSP_BASICRESP_free(parsed);
    return pki_outer(&successful, 1, &rebuilt);
}

struct algorithm_row {
    const char *word;
    size_t len;
    uint8_t der[70];
};

static void check_algorithms(enum pki_key_kind kind, const char *pss, const struct algorithm_row *rows, size_t count)
{
    struct world world;

    world_begin(&world, kind);
    for (size_t i = 0; i < count; i++) {
        struct pki_response response = world_direct_response(&world);
        struct ocsp_verdict verdict;

        response.pss = pss;
        verdict = world_judge_der(&world, with_algorithm(&response, rows[i].der, rows[i].len), WORLD_NOW);
        assert_string_equal(verdict_word(&verdict), rows[i].word);
    }
    world_end(&world);
}

/* RFC 4055 section 5, RFC 5758 3.2, RFC 8410 3: an algorithm without parameters has none, or NULL by old habit. */
static void test_parameters_that_should_not_be(void **state)
{
    static const struct algorithm_row rsa[] = {
        {"good", 15, {0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11, 5, 0}},
        {"good", 13, {0x30, 11, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11}},
        {"malformed", 15, {0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11, 4, 0}},
        {"malformed", 15, {0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11, 0x30, 0}},
        {"bad-signature", 15, {0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12, 5, 0}},
        {"weak-signature", 15, {0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 99, 5, 0}},
        /* RSASSA-PSS without its parameters is SHA-1 (RFC 4055 3.1) */
        {"weak-signature", 13, {0x30, 11, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10}},
        {"malformed", 15, {0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10, 5, 0}},
    };
    static const struct algorithm_row ecdsa[] = {
        {"good", 12, {0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2}},
        {"good", 14, {0x30, 12, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2, 5, 0}},
        {"malformed", 14, {0x30, 12, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2, 4, 0}},
    };
    static const struct algorithm_row ed25519[] = {
        {"good", 7, {0x30, 5, 6, 3, 0x2b, 0x65, 0x70}},
        {"malformed", 9, {0x30, 7, 6, 3, 0x2b, 0x65, 0x70, 5, 0}},
        {"bad-signature", 7, {0x30, 5, 6, 3, 0x2b, 0x65, 0x71}},
    };

    (void)state;
    check_algorithms(PKI_RSA_2048, NULL, rsa, sizeof rsa / sizeof rsa[0]);
    check_algorithms(PKI_P256, NULL, ecdsa, sizeof ecdsa / sizeof ecdsa[0]);
    check_algorithms(PKI_ED25519, NULL, ed25519, sizeof ed25519 / sizeof ed25519[0]);
}

#define PSS_OID 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10
#define SHA256_OID 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1
#define MGF1_OID 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8

/* RFC 4055 3.1: parameters inside the parameters. */
static void test_pss_parameters(void **state)
{
    static const struct algorithm_row rows[] = {
        {"good", 67,
            {0x30, 65, PSS_OID, 0x30, 52, 0xa0, 15, 0x30, 13, SHA256_OID, 5, 0, 0xa1, 28, 0x30, 26, MGF1_OID, 0x30, 13,
                SHA256_OID, 5, 0, 0xa2, 3, 2, 1, 32}},
        {"good", 63,
            {0x30, 61, PSS_OID, 0x30, 48, 0xa0, 13, 0x30, 11, SHA256_OID, 0xa1, 26, 0x30, 24, MGF1_OID, 0x30, 11, SHA256_OID,
                0xa2, 3, 2, 1, 32}},
        /* NULL as OCTET STRING, in the digest and in the mask's digest */
        {"malformed", 67,
            {0x30, 65, PSS_OID, 0x30, 52, 0xa0, 15, 0x30, 13, SHA256_OID, 4, 0, 0xa1, 28, 0x30, 26, MGF1_OID, 0x30, 13,
                SHA256_OID, 5, 0, 0xa2, 3, 2, 1, 32}},
        {"malformed", 67,
            {0x30, 65, PSS_OID, 0x30, 52, 0xa0, 15, 0x30, 13, SHA256_OID, 5, 0, 0xa1, 28, 0x30, 26, MGF1_OID, 0x30, 13,
                SHA256_OID, 4, 0, 0xa2, 3, 2, 1, 32}},
        /* another mask function */
        {"malformed", 67,
            {0x30, 65, PSS_OID, 0x30, 52, 0xa0, 15, 0x30, 13, SHA256_OID, 5, 0, 0xa1, 28, 0x30, 26, PSS_OID, 0x30, 13, SHA256_OID,
                5, 0, 0xa2, 3, 2, 1, 32}},
        /* another salt length than the signature has */
        {"bad-signature", 67,
            {0x30, 65, PSS_OID, 0x30, 52, 0xa0, 15, 0x30, 13, SHA256_OID, 5, 0, 0xa1, 28, 0x30, 26, MGF1_OID, 0x30, 13,
                SHA256_OID, 5, 0, 0xa2, 3, 2, 1, 33}},
        /* nothing in it: SHA-1 */
        {"weak-signature", 15, {0x30, 13, PSS_OID, 0x30, 0}},
    };

    (void)state;
    check_algorithms(PKI_RSA_2048, "SHA256", rows, sizeof rows / sizeof rows[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_p256),
        cmocka_unit_test(test_ed25519),
        cmocka_unit_test(test_rsa_2048),
        cmocka_unit_test(test_rsa_1024_is_weak_unless_allowed),
        cmocka_unit_test(test_short_keys_are_weak),
        cmocka_unit_test(test_rsa_digests),
        cmocka_unit_test(test_rsa_pss),
        cmocka_unit_test(test_parameters_that_should_not_be),
        cmocka_unit_test(test_pss_parameters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
