/* SPDX-License-Identifier: ISC */
/*
 * Owns: proof of who may sign for an issuer, and by which algorithms (PARITY P11).
 * Runs in: unit tests.
 * Never: asks the clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "ocsp_world.h"

/* The world's response, signed by another delegate that is embedded. */
static struct pki_response signed_by(X509 *signer, EVP_PKEY *key)
{
    struct pki_response response = world_response(&the_world);

    response.signer = signer;
    response.signer_key = key;
    response.certs[0] = signer;
    return response;
}

static void test_signer_is_nobody(void **state)
{
    struct pki_response response = world_response(&the_world);
    struct ocsp_verdict verdict;

    (void)state;
    response.certs[0] = NULL;
    verdict = world_judge(&the_world, &response);
    assert_string_equal(verdict_word(&verdict), "signer-not-authorised");
    assert_non_null(strstr(verdict.detail, "CN=Test OCSP signer"));
    response.certs[0] = the_world.root;
    response.is_by_key = true;
    assert_word(&the_world, &response, "signer-not-authorised");
}

/* The delegate did sign, but the response says that somebody else did (RFC 6960 4.2.2.3: ResponderID). */
static void test_signer_is_not_the_one_named(void **state)
{
    struct pki_cert spec = world_ca_spec("Somebody", the_world.delegate_key);
    struct pki_response response = world_response(&the_world);

    (void)state;
    response.signer = pki_cert(&spec);
    assert_word(&the_world, &response, "signer-not-authorised");
    spec = world_ca_spec("Somebody", the_world.issuer_key);
    response = world_direct_response(&the_world);
    response.signer = pki_cert(&spec);
    assert_word(&the_world, &response, "signer-not-authorised");
}

/* Each of these certificates lacks one thing that a delegate must have; the last row lacks nothing. */
static void test_delegate_is_not_authorised(void **state)
{
    static const struct {
        const char *name;
        const char *value; /* NULL: without */
        const char *word;
        const char *why;
    } rows[] = {
        {"extendedKeyUsage", NULL, "signer-not-authorised", "id-kp-OCSPSigning"},
        {"extendedKeyUsage", "serverAuth", "signer-not-authorised", "id-kp-OCSPSigning"},
        {"extendedKeyUsage", "anyExtendedKeyUsage", "signer-not-authorised", "id-kp-OCSPSigning"},
        {"basicConstraints", "critical,CA:TRUE", "signer-not-authorised", "is a CA"},
        {"keyUsage", "critical,keyEncipherment", "signer-not-authorised", "digitalSignature"},
        {"noCheck", "critical,ignored", "good", ""},
        {"keyUsage", NULL, "good", ""},
        {"extendedKeyUsage", "critical,serverAuth,OCSPSigning", "good", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pki_cert spec = world_delegate_spec(&the_world);
        struct pki_response response;
        struct ocsp_verdict verdict;

        for (size_t j = 0; j < PKI_EXTENSIONS_MAX; j++)
            if (spec.extensions[j].name != NULL && strcmp(spec.extensions[j].name, rows[i].name) == 0)
                spec.extensions[j].value = rows[i].value;
        for (size_t j = 0; j < PKI_EXTENSIONS_MAX; j++)
            if (spec.extensions[j].name != NULL && spec.extensions[j].value == NULL)
                spec.extensions[j] = (struct pki_extension){"subjectKeyIdentifier", "hash"};
        response = signed_by(pki_cert(&spec), the_world.delegate_key);
        verdict = world_judge(&the_world, &response);
        assert_string_equal(verdict_word(&verdict), rows[i].word);
        assert_non_null(strstr(verdict.detail, rows[i].why));
    }
}

static void test_delegate_with_unknown_critical_extension(void **state)
{
    struct pki_cert spec = world_delegate_spec(&the_world);
    struct pki_response response;

    (void)state;
    spec.extensions[4] = (struct pki_extension){"1.2.3.4", "DER:0500"};
    response = signed_by(pki_cert(&spec), the_world.delegate_key);
    assert_word(&the_world, &response, "good");
    spec.extensions[4].value = "critical,DER:0500";
    response = signed_by(pki_cert(&spec), the_world.delegate_key);
    assert_word(&the_world, &response, "signer-not-authorised");
}

/* RFC 6960 4.2.2.2: the delegate's certificate is signed with the key that signed the leaf's. */
static void test_delegate_of_somebody_else(void **state)
{
    struct pki_cert spec = world_delegate_spec(&the_world);
    struct pki_cert ca_spec = world_ca_spec("Test issuer", pki_key(PKI_P256));
    struct pki_response response;

    (void)state;
    /* a CA of the same name */
    spec.issuer = pki_cert(&ca_spec);
    spec.issuer_key = ca_spec.key;
    response = signed_by(pki_cert(&spec), the_world.delegate_key);
    assert_word(&the_world, &response, "signer-not-authorised");
    /* a CA below our issuer */
    ca_spec.subject = "Test sub-CA";
    ca_spec.issuer = the_world.issuer;
    ca_spec.issuer_key = the_world.issuer_key;
    spec.issuer = pki_cert(&ca_spec);
    response = signed_by(pki_cert(&spec), the_world.delegate_key);
    response.certs[1] = spec.issuer;
    assert_word(&the_world, &response, "signer-not-authorised");
    /* the CA above it */
    spec.issuer = the_world.root;
    spec.issuer_key = the_world.root_key;
    response = signed_by(pki_cert(&spec), the_world.delegate_key);
    assert_word(&the_world, &response, "signer-not-authorised");
    /* itself */
    spec.issuer = NULL;
    spec.issuer_key = NULL;
    response = signed_by(pki_cert(&spec), the_world.delegate_key);
    assert_word(&the_world, &response, "signer-not-authorised");
    /* our issuer's key, but another CA's name on it */
    ca_spec = world_ca_spec("Another name", the_world.issuer_key);
    spec.issuer = pki_cert(&ca_spec);
    spec.issuer_key = the_world.issuer_key;
    response = signed_by(pki_cert(&spec), the_world.delegate_key);
    assert_word(&the_world, &response, "signer-not-authorised");
}

/* A CA with our issuer's name signs itself: by name it is a forged signature of our issuer, by key a stranger. */
static void test_namesake_of_the_issuer(void **state)
{
    struct pki_cert spec = world_ca_spec("Test issuer", pki_key(PKI_P256));
    struct pki_response response = signed_by(pki_cert(&spec), spec.key);

    (void)state;
    assert_word(&the_world, &response, "bad-signature");
    response.is_by_key = true;
    assert_word(&the_world, &response, "signer-not-authorised");
    response = signed_by(the_world.root, the_world.root_key);
    assert_word(&the_world, &response, "signer-not-authorised");
}

/* A delegate that has our issuer's own name is found behind the issuer. */
static void test_delegate_with_the_issuers_name(void **state)
{
    struct pki_cert spec = world_delegate_spec(&the_world);
    struct pki_response response;

    (void)state;
    spec.subject = "Test issuer";
    response = signed_by(pki_cert(&spec), the_world.delegate_key);
    assert_word(&the_world, &response, "good");
}

/* Only so many certificates of the right name are looked at. */
static void test_too_many_candidates(void **state)
{
    struct pki_cert spec = world_delegate_spec(&the_world);
    struct pki_response response = world_response(&the_world);
    X509 *stranger;

    (void)state;
    spec.key = pki_key(PKI_P256);
    stranger = pki_cert(&spec);
    for (size_t i = 0; i < OCSP_SIGNERS_MAX - 1; i++)
        response.certs[i] = stranger;
    response.certs[OCSP_SIGNERS_MAX - 1] = the_world.delegate;
    assert_word(&the_world, &response, "good");
    response.certs[OCSP_SIGNERS_MAX - 1] = stranger;
    response.certs[OCSP_SIGNERS_MAX] = the_world.delegate;
    assert_word(&the_world, &response, "bad-signature");
}

static void test_signer_expired(void **state)
{
    static const struct {
        int64_t not_before;
        int64_t not_after;
        const char *word;
    } rows[] = {
        {WORLD_NOW - DAY, WORLD_NOW - 1, "signer-expired"},
        /* valid in its last second, but then nothing is left to staple */
        {WORLD_NOW - DAY, WORLD_NOW, "expired"},
        {WORLD_NOW + CLOCK_SKEW_SEC + 1, WORLD_NOW + 80 * DAY, "signer-expired"},
        {WORLD_NOW + CLOCK_SKEW_SEC, WORLD_NOW + 80 * DAY, "good"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pki_cert spec = world_delegate_spec(&the_world);
        struct pki_response response;

        spec.not_before = rows[i].not_before;
        spec.not_after = rows[i].not_after;
        response = signed_by(pki_cert(&spec), the_world.delegate_key);
        assert_word(&the_world, &response, rows[i].word);
    }
}

/* Two delegates of one name and key, one past its end: the one that is valid counts. */
static void test_any_candidate_that_passes_wins(void **state)
{
    struct pki_cert spec = world_delegate_spec(&the_world);
    struct pki_response response = world_response(&the_world);

    (void)state;
    spec.not_after = WORLD_NOW - 1;
    response.certs[0] = pki_cert(&spec);
    response.certs[1] = the_world.delegate;
    assert_word(&the_world, &response, "good");
    response.certs[1] = NULL;
    assert_word(&the_world, &response, "signer-expired");
}

/* PARITY P11: which algorithms of the response's own signature.  More of them in test_ocsp_keys.c. */
static void test_response_algorithms(void **state)
{
    static const char *const good[] = {"SHA224", "SHA384", "SHA512"};
    struct pki_response response = world_direct_response(&the_world);

    (void)state;
    response.digest = "SHA1";
    assert_word(&the_world, &response, "weak-signature");
    the_world.policy.is_sha1_allowed = true;
    assert_word(&the_world, &response, "good");
    the_world.policy.is_sha1_allowed = false;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        response.digest = good[i];
        assert_word(&the_world, &response, "good");
    }
}

static void test_delegate_certificate_algorithms(void **state)
{
    struct pki_cert spec = world_delegate_spec(&the_world);
    struct pki_response response;
    struct ocsp_verdict verdict;

    (void)state;
    spec.digest = "SHA1";
    response = signed_by(pki_cert(&spec), the_world.delegate_key);
    verdict = world_judge(&the_world, &response);
    assert_string_equal(verdict_word(&verdict), "weak-signature");
    assert_non_null(strstr(verdict.detail, "delegate"));
    the_world.policy.is_sha1_allowed = true;
    assert_word(&the_world, &response, "good");
    the_world.policy.is_sha1_allowed = false;
}

/* Names from outside reach a detail cleaned (world_judge_der looks) and cut. */
static void test_hostile_names_in_details(void **state)
{
    char name[1000];
    struct pki_cert spec = world_delegate_spec(&the_world);
    struct pki_response response;

    (void)state;
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    memcpy(name, "\x1b[2J\n\xe2\x80\xae", 8);
    name[63] = '\0'; /* ub-common-name is 64 */
    spec.subject = name;
    response = signed_by(pki_cert(&spec), the_world.delegate_key);
    assert_word(&the_world, &response, "good");
    spec.not_after = WORLD_NOW - 1;
    response = signed_by(pki_cert(&spec), the_world.delegate_key);
    assert_word(&the_world, &response, "signer-expired");
    response.certs[0] = NULL;
    assert_word(&the_world, &response, "signer-not-authorised");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signer_is_nobody),
        cmocka_unit_test(test_signer_is_not_the_one_named),
        cmocka_unit_test(test_delegate_is_not_authorised),
        cmocka_unit_test(test_delegate_with_unknown_critical_extension),
        cmocka_unit_test(test_delegate_of_somebody_else),
        cmocka_unit_test(test_namesake_of_the_issuer),
        cmocka_unit_test(test_delegate_with_the_issuers_name),
        cmocka_unit_test(test_too_many_candidates),
        cmocka_unit_test(test_signer_expired),
        cmocka_unit_test(test_any_candidate_that_passes_wins),
        cmocka_unit_test(test_response_algorithms),
        cmocka_unit_test(test_delegate_certificate_algorithms),
        cmocka_unit_test(test_hostile_names_in_details),
    };

    return cmocka_run_group_tests(tests, the_world_begin, the_world_end);
}
