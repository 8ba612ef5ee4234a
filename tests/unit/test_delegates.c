/* SPDX-License-Identifier: ISC */
/*
 * Owns: proof that what is remembered of a delegate weakens no check: each is made again, for each issuer by itself.
 * Runs in: unit tests.
 * Never: asks the clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "ocsp_world.h"

static struct world world;

static int begin(void **state)
{
    (void)state;
    world_begin(&world, PKI_P256);
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_end(&world);
    return 0;
}

static bool is_kept(const struct cert *cert, X509 *x509)
{
    unsigned char *der = NULL;
    int len = i2d_X509(x509, &der);
    X509 *found = delegates_find(cert->issuer->delegates, der, (size_t)len);
    bool is_found = found != NULL;

    assert_int_equal(is_found, delegates_has(cert->issuer->delegates, found));
    X509_free(found);
    OPENSSL_free(der);
    return is_found;
}

static struct pki_response signed_by(X509 *delegate, EVP_PKEY *key)
{
    struct pki_response response = world_response(&world);

    response.signer = response.certs[0] = delegate;
    response.signer_key = key;
    return response;
}

static void assert_word_at(const struct pki_response *response, int64_t now, const char *word)
{
    struct ocsp_verdict verdict = world_judge_at(&world, response, now);

    assert_string_equal(verdict_word(&verdict), word);
}

static void is_remembered_once_its_issuer_is_known_to_have_signed_it(void **state)
{
    struct pki_response response = world_response(&world);

    (void)state;
    assert_false(is_kept(&world.cert, world.delegate));
    assert_word(&world, &response, "good");
    assert_true(is_kept(&world.cert, world.delegate));
    assert_word(&world, &response, "good");
}

static void one_that_another_key_signed_is_not_remembered(void **state)
{
    struct pki_cert spec = world_delegate_spec(&world);
    struct pki_response response;

    (void)state;
    spec.issuer_key = pki_key(PKI_P256);
    response = signed_by(pki_cert(&spec), world.delegate_key);
    for (int i = 0; i < 2; i++) {
        assert_word(&world, &response, "signer-not-authorised");
        assert_false(is_kept(&world.cert, response.signer));
    }
}

static void one_that_ends_in_between_is_refused(void **state)
{
    struct pki_cert spec = world_delegate_spec(&world);
    struct pki_response response;

    (void)state;
    spec.not_after = WORLD_NOW + 3 * DAY;
    response = signed_by(pki_cert(&spec), world.delegate_key);
    assert_word_at(&response, WORLD_NOW, "good");
    assert_true(is_kept(&world.cert, response.signer));
    assert_word_at(&response, spec.not_after + 1, "signer-expired");
    assert_word_at(&response, WORLD_NOW - 11 * DAY, "signer-expired");
    assert_word_at(&response, WORLD_NOW, "good");
}

static void one_whose_algorithm_is_not_accepted_any_more_is_refused(void **state)
{
    struct pki_cert spec = world_delegate_spec(&world);
    struct pki_response response;

    (void)state;
    spec.digest = "SHA1";
    response = signed_by(pki_cert(&spec), world.delegate_key);
    world.policy.is_sha1_allowed = true;
    assert_word(&world, &response, "good");
    world.policy.is_sha1_allowed = false;
    assert_true(is_kept(&world.cert, response.signer));
    assert_word(&world, &response, "weak-signature");
}

static void its_signature_of_each_response_is_computed(void **state)
{
    struct pki_cert spec = world_delegate_spec(&world);
    struct pki_response response = world_response(&world);

    (void)state;
    assert_word(&world, &response, "good");
    /* Somebody of the delegate's name signs, and sends the delegate's certificate along. */
    spec.key = response.signer_key = pki_key(PKI_P256);
    response.signer = pki_cert(&spec);
    assert_word(&world, &response, "bad-signature");
}

/* Two CAs of one name: what is remembered for one says nothing to the other, though they stand in one table. */
static void an_issuer_does_not_share_it_with_a_namesake(void **state)
{
    struct pki_cert spec = world_ca_spec("Test issuer", pki_key(PKI_P256));
    struct world other = world;
    struct pki_response response = world_response(&world);
    char detail[DETAIL_MAX + 1];
    const char *pem;

    (void)state;
    assert_word(&world, &response, "good");
    spec.issuer = world.root;
    spec.issuer_key = world.root_key;
    spec.extensions[2] = (struct pki_extension){0}; /* no key identifier: the name alone is all there is */
    other.issuer_key = spec.key;
    other.issuer = pki_cert(&spec);
    spec = (struct pki_cert){.subject = "shop.test",
        .key = pki_key(PKI_P256),
        .issuer = other.issuer,
        .issuer_key = other.issuer_key,
        .not_before = WORLD_NOW - DAY,
        .not_after = WORLD_NOW + 80 * DAY,
        .extensions = {{"authorityInfoAccess", "OCSP;URI:http://ocsp.test/"}}};
    other.leaf = pki_cert(&spec);
    pem = pki_pem((X509 *[]){other.leaf, other.issuer, NULL});
    assert_int_equal(cert_parse(pem, strlen(pem), 1, world.table, &other.cert, detail), REASON_NONE);
    response = world_response(&other);
    assert_word(&other, &response, "signer-not-authorised");
    assert_false(is_kept(&other.cert, world.delegate));
    cert_clear(&other.cert);
}

static void more_than_are_kept_take_turns(void **state)
{
    struct pki_cert spec = world_delegate_spec(&world);
    struct pki_response responses[2 * DELEGATES_KEPT];
    size_t count = sizeof responses / sizeof responses[0];
    size_t kept = 0;

    (void)state;
    for (size_t i = 0; i < count; i++)
        responses[i] = signed_by(pki_cert(&spec), world.delegate_key);
    for (size_t i = 0; i < 3 * count; i++)
        assert_word(&world, &responses[i % count], "good");
    for (size_t i = 0; i < count; i++)
        kept += is_kept(&world.cert, responses[i].signer);
    assert_int_equal(kept, DELEGATES_KEPT);
}

/* Beside one that is known, each other certificate of the response must still be one, to the last bit. */
static void what_stands_beside_it_is_still_looked_at(void **state)
{
    struct pki_response response = world_response(&world);
    struct ocsp_verdict verdict;
    struct pki_der der;

    (void)state;
    assert_word(&world, &response, "good");
    response.certs[1] = world.root;
    der = pki_response(&response);
    verdict = world_judge_der(&world, der, WORLD_NOW);
    assert_string_equal(verdict_word(&verdict), "good");
    der.data[der.len - (size_t)i2d_X509(world.root, NULL)] ^= 1; /* no SEQUENCE any more */
    verdict = world_judge_der(&world, der, WORLD_NOW);
    assert_string_equal(verdict_word(&verdict), "malformed");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(is_remembered_once_its_issuer_is_known_to_have_signed_it),
        TEST(one_that_another_key_signed_is_not_remembered),
        TEST(one_that_ends_in_between_is_refused),
        TEST(one_whose_algorithm_is_not_accepted_any_more_is_refused),
        TEST(its_signature_of_each_response_is_computed),
        TEST(an_issuer_does_not_share_it_with_a_namesake),
        TEST(more_than_are_kept_take_turns),
        TEST(what_stands_beside_it_is_still_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
