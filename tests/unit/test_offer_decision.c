/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of writer/offers/offer_decision.c (PARITY P6, P7).
 * Runs in: the build.
 * Never: asks a clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "offers/offer_decision.h"

#define NOW INT64_C(1767323045)
#define HOUR INT64_C(3600)
#define DAY INT64_C(86400)

static const uint8_t digest_a[32] = {0xa};
static const uint8_t digest_b[32] = {0xb};
static const struct accept_cert old_cert = {.not_before = NOW - 30 * DAY, .unknown_grace_sec = DAY};

static struct ocsp_verdict verdict(enum ocsp_status status)
{
    return (struct ocsp_verdict){
        .status = status,
        .this_update = NOW - HOUR,
        .produced_at = NOW - HOUR,
        .next_update = NOW + 7 * DAY,
        .effective_end = NOW + 7 * DAY,
        .expiry = NOW + 6 * DAY,
    };
}

/* What is held after verdict(status) was stored with digest_a. */
static struct held held(enum cert_state state)
{
    struct held made = {
        .state = state,
        .this_update = NOW - HOUR,
        .produced_at = NOW - HOUR,
        .next_update = NOW + 7 * DAY,
        .effective_end = NOW + 7 * DAY,
        .expiry = NOW + 6 * DAY,
        .fetched_at = NOW - HOUR,
    };

    memcpy(made.der_sha256, digest_a, sizeof made.der_sha256);
    return made;
}

static struct accept_decision decide(const struct ocsp_verdict *offered, const uint8_t *digest, const struct held *have)
{
    struct accept_decision decision;

    memset(&decision, 0xff, sizeof decision);
    accept_decide(offered, digest, have, &old_cert, NOW, &decision);
    return decision;
}

static void assert_refused(const struct accept_decision *decision, enum reason reason, enum cert_state state)
{
    assert_int_equal(decision->action, ACCEPT_REFUSE);
    assert_int_equal(decision->reason, reason);
    assert_int_equal(decision->state, state);
    assert_false(decision->is_withdrawn_now);
}

static void assert_stored(const struct accept_decision *decision, enum cert_state state, bool is_withdrawn_now)
{
    assert_int_equal(decision->action, ACCEPT_STORE);
    assert_int_equal(decision->reason, REASON_NONE);
    assert_int_equal(decision->state, state);
    assert_int_equal(decision->is_withdrawn_now, is_withdrawn_now);
}

static void what_does_not_verify_changes_nothing(void **state)
{
    (void)state;
    for (int reason = REASON_MALFORMED; reason <= REASON_CLOCK_WRONG; reason++) {
        struct ocsp_verdict bad = {.status = OCSP_STATUS_NONE, .reason = (enum reason)reason};

        for (int have = CERT_STATE_MISSING; have <= CERT_STATE_UNKNOWN; have++) {
            struct held before = held((enum cert_state)have);
            /* Not even when the octets are those that are held: they have expired, say. */
            struct accept_decision decision = decide(&bad, digest_a, &before);

            assert_refused(&decision, (enum reason)reason, (enum cert_state)have);
        }
    }
}

static void the_first_good_response_is_stored(void **state)
{
    struct ocsp_verdict good = verdict(OCSP_STATUS_GOOD);
    struct held nothing = {.state = CERT_STATE_MISSING};
    struct accept_decision decision = decide(&good, digest_a, &nothing);

    (void)state;
    assert_stored(&decision, CERT_STATE_GOOD, false);
}

static void the_same_octets_are_no_news(void **state)
{
    struct ocsp_verdict good = verdict(OCSP_STATUS_GOOD);
    struct held have = held(CERT_STATE_GOOD);
    struct accept_decision decision = decide(&good, digest_a, &have);

    (void)state;
    assert_int_equal(decision.action, ACCEPT_SAME);
    assert_int_equal(decision.state, CERT_STATE_GOOD);
    assert_false(decision.is_withdrawn_now);
    decision = decide(&good, digest_b, &have); /* signed anew, the same times */
    assert_stored(&decision, CERT_STATE_GOOD, false);
}

static void nothing_older_takes_the_place_of_what_is_held(void **state)
{
    static const enum ocsp_status statuses[] = {OCSP_STATUS_GOOD, OCSP_STATUS_REVOKED, OCSP_STATUS_UNKNOWN};
    struct held have = held(CERT_STATE_GOOD);

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct ocsp_verdict older = verdict(statuses[i]);
        struct accept_decision decision;

        older.this_update--;
        decision = decide(&older, digest_b, &have);
        assert_refused(&decision, REASON_ROLLBACK, CERT_STATE_GOOD);
        /* Neither a later producedAt nor a later nextUpdate makes up for it. */
        older.produced_at = NOW;
        older.next_update = NOW + 30 * DAY;
        decision = decide(&older, digest_b, &have);
        assert_refused(&decision, REASON_ROLLBACK, CERT_STATE_GOOD);
    }
}

static void of_the_same_this_update_the_one_made_later_counts(void **state)
{
    struct ocsp_verdict good = verdict(OCSP_STATUS_GOOD);
    struct held have = held(CERT_STATE_GOOD);
    struct accept_decision decision;

    (void)state;
    good.produced_at--;
    decision = decide(&good, digest_b, &have);
    assert_refused(&decision, REASON_ROLLBACK, CERT_STATE_GOOD);
    good = verdict(OCSP_STATUS_GOOD);
    good.next_update--;
    decision = decide(&good, digest_b, &have);
    assert_refused(&decision, REASON_ROLLBACK, CERT_STATE_GOOD);
    good = verdict(OCSP_STATUS_GOOD);
    good.produced_at++;
    good.next_update++;
    decision = decide(&good, digest_b, &have);
    assert_stored(&decision, CERT_STATE_GOOD, false);
}

static void p6_revoked_withdraws(void **state)
{
    struct ocsp_verdict revoked = verdict(OCSP_STATUS_REVOKED);
    struct held have = held(CERT_STATE_GOOD);
    struct held nothing = {.state = CERT_STATE_MISSING};
    struct accept_decision decision = decide(&revoked, digest_b, &have);

    (void)state;
    assert_stored(&decision, CERT_STATE_REVOKED, true);
    decision = decide(&revoked, digest_b, &nothing);
    assert_stored(&decision, CERT_STATE_REVOKED, true);
    /* Of a good and a revoked one that begin at the same time, revoked wins, however they were made. */
    revoked.produced_at -= HOUR;
    revoked.next_update -= DAY;
    decision = decide(&revoked, digest_b, &have);
    assert_stored(&decision, CERT_STATE_REVOKED, true);
}

static void p6_good_never_follows_revoked(void **state)
{
    struct ocsp_verdict good = verdict(OCSP_STATUS_GOOD);
    struct held have = held(CERT_STATE_REVOKED);
    struct accept_decision decision;

    (void)state;
    for (int64_t age = -DAY; age <= DAY; age += HOUR) {
        good.this_update = good.produced_at = NOW - HOUR + age;
        good.next_update = NOW + 30 * DAY;
        decision = decide(&good, digest_b, &have);
        assert_refused(&decision, REASON_GOOD_AFTER_REVOKED, CERT_STATE_REVOKED);
    }
}

static void a_newer_revoked_is_kept_and_told_once(void **state)
{
    struct ocsp_verdict revoked = verdict(OCSP_STATUS_REVOKED);
    struct held have = held(CERT_STATE_REVOKED);
    struct accept_decision decision;

    (void)state;
    revoked.this_update++;
    decision = decide(&revoked, digest_b, &have);
    assert_stored(&decision, CERT_STATE_REVOKED, false);
    revoked.this_update -= 2;
    decision = decide(&revoked, digest_b, &have);
    assert_refused(&decision, REASON_ROLLBACK, CERT_STATE_REVOKED);
}

static void p6_unknown_withdraws_a_certificate_that_is_not_young(void **state)
{
    struct ocsp_verdict unknown = verdict(OCSP_STATUS_UNKNOWN);
    struct held have = held(CERT_STATE_GOOD);
    struct accept_decision decision;

    (void)state;
    for (int64_t age = -HOUR; age < 3 * DAY; age += HOUR / 2) {
        const struct accept_cert cert = {.not_before = NOW - age, .unknown_grace_sec = DAY};

        accept_decide(&unknown, digest_b, &have, &cert, NOW, &decision);
        if (age < DAY)
            assert_refused(&decision, REASON_UNKNOWN, CERT_STATE_GOOD);
        else
            assert_stored(&decision, CERT_STATE_UNKNOWN, true);
    }
}

static void unknown_never_hides_revoked(void **state)
{
    struct ocsp_verdict unknown = verdict(OCSP_STATUS_UNKNOWN);
    struct held have = held(CERT_STATE_REVOKED);
    struct accept_decision decision;

    (void)state;
    unknown.this_update = NOW;
    decision = decide(&unknown, digest_b, &have);
    assert_refused(&decision, REASON_UNKNOWN, CERT_STATE_REVOKED);
}

static void a_newer_good_ends_unknown_and_an_older_does_not(void **state)
{
    struct ocsp_verdict good = verdict(OCSP_STATUS_GOOD);
    struct held have = held(CERT_STATE_UNKNOWN);
    struct accept_decision decision;

    (void)state;
    good.this_update++;
    decision = decide(&good, digest_b, &have);
    assert_stored(&decision, CERT_STATE_GOOD, false);
    good.this_update -= 2;
    decision = decide(&good, digest_b, &have);
    assert_refused(&decision, REASON_ROLLBACK, CERT_STATE_UNKNOWN);
}

static void revoked_after_unknown_is_news(void **state)
{
    struct ocsp_verdict revoked = verdict(OCSP_STATUS_REVOKED);
    struct held have = held(CERT_STATE_UNKNOWN);
    struct accept_decision decision = decide(&revoked, digest_b, &have);

    (void)state;
    assert_stored(&decision, CERT_STATE_REVOKED, true);
}

/* The latest date that a certificate can hold. */
#define YEAR_9999 INT64_C(253402300799)

static void a_certificate_that_begins_later_is_young(void **state)
{
    struct ocsp_verdict unknown = verdict(OCSP_STATUS_UNKNOWN);
    struct held nothing = {.state = CERT_STATE_MISSING};
    const struct accept_cert future = {.not_before = YEAR_9999, .unknown_grace_sec = 0};
    struct accept_decision decision;

    (void)state;
    accept_decide(&unknown, digest_b, &nothing, &future, NOW, &decision);
    assert_refused(&decision, REASON_UNKNOWN, CERT_STATE_MISSING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_verify_changes_nothing),
        cmocka_unit_test(the_first_good_response_is_stored),
        cmocka_unit_test(the_same_octets_are_no_news),
        cmocka_unit_test(nothing_older_takes_the_place_of_what_is_held),
        cmocka_unit_test(of_the_same_this_update_the_one_made_later_counts),
        cmocka_unit_test(p6_revoked_withdraws),
        cmocka_unit_test(p6_good_never_follows_revoked),
        cmocka_unit_test(a_newer_revoked_is_kept_and_told_once),
        cmocka_unit_test(p6_unknown_withdraws_a_certificate_that_is_not_young),
        cmocka_unit_test(unknown_never_hides_revoked),
        cmocka_unit_test(a_newer_good_ends_unknown_and_an_older_does_not),
        cmocka_unit_test(revoked_after_unknown_is_news),
        cmocka_unit_test(a_certificate_that_begins_later_is_young),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
