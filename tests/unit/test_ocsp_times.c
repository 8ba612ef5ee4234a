/* SPDX-License-Identifier: ISC */
/*
 * Owns: proof of the times of a response, to the second: freshness, the three ends, the TTL rule (PARITY P11, P12).
 * Runs in: unit tests.
 * Never: asks the clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "ocsp_world.h"

/* PARITY P11: five minutes are forgiven, as mod_ssl does; not one second more. */
static void test_not_yet_valid(void **state)
{
    struct pki_response response = world_response(&the_world);

    (void)state;
    response.singles[0].this_update = WORLD_NOW + CLOCK_SKEW_SEC;
    assert_word(&the_world, &response, "good");
    response.singles[0].this_update = WORLD_NOW + CLOCK_SKEW_SEC + 1;
    assert_word(&the_world, &response, "not-yet-valid");
    response = world_response(&the_world);
    response.produced_at = WORLD_NOW + CLOCK_SKEW_SEC;
    assert_word(&the_world, &response, "good");
    response.produced_at = WORLD_NOW + CLOCK_SKEW_SEC + 1;
    assert_word(&the_world, &response, "not-yet-valid");
}

static void test_no_next_update(void **state)
{
    static const int statuses[] = {V_OCSP_CERTSTATUS_GOOD, V_OCSP_CERTSTATUS_REVOKED, V_OCSP_CERTSTATUS_UNKNOWN};
    struct pki_response response = world_response(&the_world);

    (void)state;
    response.singles[0].next_update = 0;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        response.singles[0].status = statuses[i];
        assert_word(&the_world, &response, "no-next-update");
    }
}

static void test_expired(void **state)
{
    struct pki_response response = world_response(&the_world);
    struct ocsp_verdict verdict;

    (void)state;
    response.singles[0].status = V_OCSP_CERTSTATUS_REVOKED;
    response.singles[0].next_update = WORLD_NOW + 1;
    assert_word(&the_world, &response, "revoked");
    response.singles[0].next_update = WORLD_NOW;
    assert_word(&the_world, &response, "expired");
    response.singles[0].status = V_OCSP_CERTSTATUS_GOOD;
    verdict = world_judge(&the_world, &response);
    assert_string_equal(verdict_word(&verdict), "expired");
    assert_string_equal(verdict.detail, "nextUpdate 2026-01-02T03:04:05Z is past; it is 2026-01-02T03:04:05Z now");
}

static void test_bad_times(void **state)
{
    struct pki_response response = world_response(&the_world);

    (void)state;
    response.singles[0].status = V_OCSP_CERTSTATUS_REVOKED;
    response.singles[0].this_update = WORLD_NOW + MINUTE;
    response.singles[0].next_update = WORLD_NOW + MINUTE + 1;
    assert_word(&the_world, &response, "revoked");
    response.singles[0].next_update = WORLD_NOW + MINUTE;
    assert_word(&the_world, &response, "bad-times");
    response.singles[0].next_update = WORLD_NOW + MINUTE - 1;
    assert_word(&the_world, &response, "bad-times");
}

/* PARITY P12: 29 h left are refused, 31 h too (1 h is not more than 1 h), 32 h give 2 h, 6 d give 4 d 18 h. */
static void test_ttl_rule(void **state)
{
    static const struct {
        int64_t left;
        const char *word;
        int64_t ttl;
    } rows[] = {
        {29 * HOUR, "short-ttl", -HOUR},
        {31 * HOUR, "short-ttl", HOUR},
        {31 * HOUR + 1, "good", HOUR + 1},
        {32 * HOUR, "good", 2 * HOUR},
        {6 * DAY, "good", 4 * DAY + 18 * HOUR},
    };
    struct pki_response response = world_response(&the_world);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ocsp_verdict verdict;

        response.singles[0].next_update = WORLD_NOW + rows[i].left;
        verdict = world_judge(&the_world, &response);
        assert_string_equal(verdict_word(&verdict), rows[i].word);
        assert_int_equal(verdict.effective_end, WORLD_NOW + rows[i].left);
        assert_int_equal(verdict.expiry, WORLD_NOW + rows[i].ttl);
    }
}

/* PARITY P12: the error names the time. */
static void test_ttl_sentence(void **state)
{
    struct pki_response response = world_response(&the_world);
    struct ocsp_verdict verdict;

    (void)state;
    response.singles[0].next_update = WORLD_NOW + 29 * HOUR;
    verdict = world_judge(&the_world, &response);
    assert_string_equal(verdict.detail,
        "nextUpdate 2026-01-03T08:04:05Z is 1d 5h ahead; less safety_margin 1d 6h this leaves -1h, which is not more than "
        "min_ttl 1h");
}

/* Only what Apache would be given needs time left. */
static void test_ttl_rule_is_for_good_alone(void **state)
{
    struct pki_response response = world_response(&the_world);

    (void)state;
    response.singles[0].next_update = WORLD_NOW + 29 * HOUR;
    assert_word(&the_world, &response, "short-ttl");
    response.singles[0].status = V_OCSP_CERTSTATUS_REVOKED;
    assert_word(&the_world, &response, "revoked");
    response.singles[0].status = V_OCSP_CERTSTATUS_UNKNOWN;
    assert_word(&the_world, &response, "unknown");
}

/* PARITY P12: both can be set, for private CAs with short-lived responses. */
static void test_ttl_policy(void **state)
{
    struct pki_response response = world_response(&the_world);
    struct world lenient = the_world;

    (void)state;
    response.singles[0].next_update = WORLD_NOW + 10 * MINUTE;
    lenient.policy = (struct ocsp_policy){.safety_margin_sec = 2 * MINUTE, .min_ttl_sec = 8 * MINUTE};
    assert_word(&lenient, &response, "short-ttl");
    lenient.policy.min_ttl_sec--;
    assert_word(&lenient, &response, "good");
    lenient.policy = (struct ocsp_policy){0};
    response.singles[0].next_update = WORLD_NOW + 1;
    assert_word(&lenient, &response, "good");
}

/* PARITY P12: the earliest of nextUpdate, the delegate's notAfter and the leaf's notAfter counts. */
static void test_delegate_end_counts(void **state)
{
    struct pki_cert spec = world_delegate_spec(&the_world);
    struct pki_response response = world_response(&the_world);
    struct ocsp_verdict verdict;

    (void)state;
    spec.not_after = WORLD_NOW + 31 * HOUR + 1;
    response.certs[0] = response.signer = pki_cert(&spec);
    verdict = world_judge(&the_world, &response);
    assert_string_equal(verdict_word(&verdict), "good");
    assert_int_equal(verdict.effective_end, spec.not_after);
    assert_int_equal(verdict.expiry, WORLD_NOW + HOUR + 1);
    spec.not_after--;
    response.certs[0] = response.signer = pki_cert(&spec);
    verdict = world_judge(&the_world, &response);
    assert_string_equal(verdict_word(&verdict), "short-ttl");
    assert_non_null(strstr(verdict.detail, "delegated signer"));
    spec.not_after = WORLD_NOW;
    response.certs[0] = response.signer = pki_cert(&spec);
    verdict = world_judge(&the_world, &response);
    assert_string_equal(verdict_word(&verdict), "expired");
    assert_non_null(strstr(verdict.detail, "delegated signer"));
}

static void test_leaf_end_counts(void **state)
{
    struct pki_response response = world_direct_response(&the_world);
    struct world short_lived = the_world;
    struct ocsp_verdict verdict;

    (void)state;
    short_lived.cert.not_after = WORLD_NOW + 31 * HOUR + 1;
    verdict = world_judge(&short_lived, &response);
    assert_string_equal(verdict_word(&verdict), "good");
    assert_int_equal(verdict.effective_end, short_lived.cert.not_after);
    short_lived.cert.not_after--;
    verdict = world_judge(&short_lived, &response);
    assert_string_equal(verdict_word(&verdict), "short-ttl");
    assert_non_null(strstr(verdict.detail, "the certificate's own end"));
    short_lived.cert.not_after = WORLD_NOW;
    verdict = world_judge(&short_lived, &response);
    assert_string_equal(verdict_word(&verdict), "expired");
    assert_non_null(strstr(verdict.detail, "the certificate's own end"));
    /* nextUpdate is the earlier one again */
    short_lived.cert.not_after = WORLD_NOW + 30 * DAY;
    verdict = world_judge(&short_lived, &response);
    assert_int_equal(verdict.effective_end, WORLD_NOW + 7 * DAY);
}

/* A forged response is a forged response, whatever its times say. */
static void test_signature_stands_before_times(void **state)
{
    struct pki_response response = world_direct_response(&the_world);
    struct pki_der der;
    struct ocsp_verdict verdict;

    (void)state;
    response.singles[0].next_update = WORLD_NOW - 1;
    der = pki_response(&response);
    verdict = world_judge_der(&the_world, der, WORLD_NOW);
    assert_string_equal(verdict_word(&verdict), "expired");
    assert_int_equal(verdict.next_update, WORLD_NOW - 1);
    der.data[der.len - 1] ^= 1;
    verdict = world_judge_der(&the_world, der, WORLD_NOW);
    assert_string_equal(verdict_word(&verdict), "bad-signature");
    /* what nobody signed is not repeated */
    assert_int_equal(verdict.next_update, 0);
}

/* The text that the next edit writes into a time before it is signed. */
static const char *time_text;

static void edit_this_update(OCSP_BASICRESP *basic)
{
    ASN1_GENERALIZEDTIME *time = NULL;

    OCSP_single_get0_status(OCSP_resp_get0(basic, 0), NULL, NULL, &time, NULL);
    assert_int_equal(ASN1_STRING_set(time, time_text, -1), 1);
}

static void edit_next_update(OCSP_BASICRESP *basic)
{
    ASN1_GENERALIZEDTIME *time = NULL;

    OCSP_single_get0_status(OCSP_resp_get0(basic, 0), NULL, NULL, NULL, &time);
    assert_int_equal(ASN1_STRING_set(time, time_text, -1), 1);
}

static void edit_revoked_at(OCSP_BASICRESP *basic)
{
    ASN1_GENERALIZEDTIME *time = NULL;

    OCSP_single_get0_status(OCSP_resp_get0(basic, 0), NULL, &time, NULL, NULL);
    assert_int_equal(ASN1_STRING_set(time, time_text, -1), 1);
}

static void edit_produced_at(OCSP_BASICRESP *basic)
{
    ASN1_GENERALIZEDTIME *time = (ASN1_GENERALIZEDTIME *)(uintptr_t)OCSP_resp_get0_produced_at(basic);

    assert_int_equal(ASN1_STRING_set(time, time_text, -1), 1);
}

/* OpenSSL 3.5, Debian 13's, does not even decode a time that is too short. */
static bool names_the_form(const struct ocsp_verdict *verdict, const char *text)
{
    return strstr(verdict->detail, "YYYYMMDDHHMMSSZ") != NULL
        || (OPENSSL_VERSION_NUMBER >= 0x30500000L && strlen(text) < strlen("YYYYMMDDHHMMSSZ")
            && strstr(verdict->detail, "are not the DER of") != NULL);
}

/* RFC 6960 4.2.2.1 and RFC 5280 4.1.2.5.2: YYYYMMDDHHMMSSZ, nothing else. */
static void test_malformed_times(void **state)
{
    static const char *const bad[] = {"", "Z", "20260102", "20260102020406", "202601020204Z", "20260102020406.5Z",
        "20260102020406+0000", "20261302020406Z", "20260230020406Z", "20260102240406Z", "20260102026006Z", "2026010202040aZ",
        "-0260102020406Z", "260102020406Z", "20260102020406z", "20260102020406ZZ"};
    void (*const edits[])(OCSP_BASICRESP *) = {edit_this_update, edit_next_update, edit_revoked_at, edit_produced_at};

    (void)state;
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        struct pki_response response = world_response(&the_world);
        struct ocsp_verdict verdict;

        response.singles[0].status = V_OCSP_CERTSTATUS_REVOKED;
        response.edit = edits[i];
        time_text = edits[i] == edit_next_update ? "20260108020406Z" : "20260102020406Z";
        assert_word(&the_world, &response, "revoked");
        for (size_t j = 0; j < sizeof bad / sizeof bad[0]; j++) {
            time_text = bad[j];
            verdict = world_judge(&the_world, &response);
            assert_string_equal(verdict_word(&verdict), "malformed");
            assert_true(names_the_form(&verdict, time_text));
        }
    }
}

static void test_far_times(void **state)
{
    struct pki_response response = world_direct_response(&the_world);
    struct world extreme = the_world;
    struct ocsp_verdict verdict;

    (void)state;
    response.edit = edit_next_update;
    time_text = "99991231235959Z";
    extreme.cert.not_after = INT64_MAX;
    verdict = world_judge(&extreme, &response);
    assert_string_equal(verdict_word(&verdict), "good");
    assert_int_equal(verdict.next_update, INT64_C(253402300799));
    time_text = "00010101000000Z";
    assert_word(&extreme, &response, "expired");
    response.edit = edit_this_update;
    assert_word(&extreme, &response, "good");
    response.edit = NULL;
    extreme.policy.safety_margin_sec = INT64_MAX;
    extreme.policy.min_ttl_sec = INT64_MAX;
    assert_word(&extreme, &response, "short-ttl");
    extreme.policy.safety_margin_sec = INT64_MIN;
    extreme.policy.min_ttl_sec = INT64_MIN;
    verdict = world_judge(&extreme, &response);
    assert_string_equal(verdict_word(&verdict), "good");
    assert_int_equal(verdict.expiry, INT64_MAX);
    verdict = world_judge_at(&the_world, &response, INT64_MAX);
    assert_string_equal(verdict_word(&verdict), "expired");
    verdict = world_judge_at(&the_world, &response, INT64_MIN);
    assert_string_equal(verdict_word(&verdict), "not-yet-valid");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_yet_valid),
        cmocka_unit_test(test_no_next_update),
        cmocka_unit_test(test_expired),
        cmocka_unit_test(test_bad_times),
        cmocka_unit_test(test_ttl_rule),
        cmocka_unit_test(test_ttl_sentence),
        cmocka_unit_test(test_ttl_rule_is_for_good_alone),
        cmocka_unit_test(test_ttl_policy),
        cmocka_unit_test(test_delegate_end_counts),
        cmocka_unit_test(test_leaf_end_counts),
        cmocka_unit_test(test_signature_stands_before_times),
        cmocka_unit_test(test_malformed_times),
        cmocka_unit_test(test_far_times),
    };

    return cmocka_run_group_tests(tests, the_world_begin, the_world_end);
}
