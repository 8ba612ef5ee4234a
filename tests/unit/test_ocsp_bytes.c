/* SPDX-License-Identifier: ISC */
/*
 * Owns: proof that no damaged response passes: every truncation, every one-bit flip (PARITY P11).
 * Runs in: unit tests.
 * Never: asks the clock.
 *
 * Outside the signature lie the outer SEQUENCEs, responseStatus, responseType, the AlgorithmIdentifier and the embedded
 * certificates.  The form of the first four is fixed to the bit, and a delegate's certificate is under the issuer's
 * signature.  So no bit can be another, with one exception: a certificate that somebody sent along and that nobody
 * asked about.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "ocsp_world.h"

static void check_truncations(const struct world *world, struct pki_der der)
{
    for (size_t len = 0; len < der.len; len++) {
        /* In a block of its own length, so that a read past the end is seen by a sanitizer. */
        struct pki_der cut = {malloc(len == 0 ? 1 : len), len};
        struct ocsp_verdict verdict;

        assert_non_null(cut.data);
        memcpy(cut.data, der.data, len);
        verdict = world_judge_der(world, cut, WORLD_NOW);
        free(cut.data);
        assert_string_equal(verdict_word(&verdict), "malformed");
    }
}

/* Flip each bit once.  From octet loose_from on, before loose_to, the verdict may also stay what it was. */
static void check_flips(const struct world *world, struct pki_der der, size_t loose_from, size_t loose_to)
{
    struct ocsp_verdict original = world_judge_der(world, der, WORLD_NOW);
    size_t loose_seen = 0;

    assert_string_equal(verdict_word(&original), "good");
    for (size_t i = 0; i < der.len * 8; i++) {
        struct ocsp_verdict verdict;
        size_t offset = i / 8;

        der.data[offset] ^= (uint8_t)(1u << i % 8);
        verdict = world_judge_der(world, der, WORLD_NOW);
        der.data[offset] ^= (uint8_t)(1u << i % 8);
        if (verdict.status == OCSP_STATUS_NONE)
            continue;
        if (offset < loose_from || offset >= loose_to)
            fail_msg("bit %zu of octet %zu: %s", i % 8, offset, verdict_word(&verdict));
        assert_memory_equal(&verdict, &original, sizeof verdict);
        loose_seen++;
    }
    /* The exception is there, or this test proves less than it says. */
    assert_int_equal(loose_seen > 0, loose_to > loose_from);
}

static void check_kind(enum pki_key_kind kind, const char *pss)
{
    struct world world;
    struct pki_response response;

    world_begin(&world, kind);
    response = world_direct_response(&world);
    response.pss = pss;
    check_truncations(&world, pki_response(&response));
    check_flips(&world, pki_response(&response), 0, 0);
    response = world_response(&world);
    response.pss = pss;
    response.is_by_key = true;
    check_truncations(&world, pki_response(&response));
    check_flips(&world, pki_response(&response), 0, 0);
    world_end(&world);
}

static void test_ecdsa(void **state)
{
    (void)state;
    check_kind(PKI_P256, NULL);
}

static void test_ed25519(void **state)
{
    (void)state;
    check_kind(PKI_ED25519, NULL);
}

static void test_rsa(void **state)
{
    (void)state;
    check_kind(PKI_RSA_2048, NULL);
}

static void test_rsa_pss(void **state)
{
    (void)state;
    check_kind(PKI_RSA_2048, "SHA256");
}

/* The exception: the issuer signed, and a certificate lies beside it.  It changes nothing of what was said. */
static void test_superfluous_certificate(void **state)
{
    struct world world;
    struct pki_response response;
    struct pki_der der;
    struct pki_der cert = {NULL, 0};
    unsigned char *encoded;
    const uint8_t *found;
    size_t at;

    (void)state;
    world_begin(&world, PKI_P256);
    response = world_direct_response(&world);
    response.certs[0] = world.root;
    der = pki_response(&response);
    cert.len = (size_t)i2d_X509(world.root, NULL);
    cert.data = encoded = pki_room(cert.len);
    i2d_X509(world.root, &encoded);
    found = memmem(der.data, der.len, cert.data, cert.len);
    assert_non_null(found);
    at = (size_t)(found - der.data);
    assert_int_equal(at + cert.len, der.len);
    check_flips(&world, der, at, der.len);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ecdsa),
        cmocka_unit_test(test_ed25519),
        cmocka_unit_test(test_rsa),
        cmocka_unit_test(test_rsa_pss),
        cmocka_unit_test(test_superfluous_certificate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
