/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of cli/review/review_seals.c: what a key finds that the chain of hashes cannot.
 * Runs in: the build.
 * Never: touches a file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "review_log.h"

#define RECORDS 20u
/* Records are a second apart, so an interval has five. */
#define INTERVAL 5u
/* How old the key is: what was sealed in its first two minutes may be of a key that it replaced. */
#define AGE 1000u
#define FIRST_EPOCH (AGE / INTERVAL)

static struct review_log log_;
static struct audit_key first;

static struct audit_key key_of(int64_t start, uint8_t octet)
{
    struct audit_key key = {.start = start, .interval = INTERVAL};

    memset(key.secret, octet, sizeof key.secret);
    return key;
}

static void make(void)
{
    struct audit_key present;

    first = present = key_of(REVIEW_LOG_START - AGE, 7);
    review_log_make(&log_, RECORDS, &present);
    log_.key = NULL;
}

static void check(struct review_verdict *verdict)
{
    review_log_check(&log_, NULL, 0, &first, 1, verdict);
}

static void expect(enum review_fault fault, uint64_t seq)
{
    struct review_verdict verdict;

    check(&verdict);
    if (verdict.fault != fault || verdict.seq != seq)
        fail_msg("%s record %llu (%s), expected %s record %llu", review_fault_word(verdict.fault),
            (unsigned long long)verdict.seq, verdict.sentence, review_fault_word(fault), (unsigned long long)seq);
}

static char *seal_of(size_t at)
{
    return strstr(log_.lines[at], ",\"epoch\":");
}

static void a_sealed_log_is_sound(void **state)
{
    struct review_verdict verdict;

    (void)state;
    make();
    check(&verdict);
    assert_int_equal(verdict.fault, REVIEW_SOUND);
    assert_int_equal(verdict.sealed, RECORDS);
    assert_int_equal(verdict.first_sealed, 1);
    assert_int_equal(verdict.last_sealed, RECORDS);
    assert_int_equal(verdict.unsealed + verdict.older + verdict.misdated, 0);
    /* Without the key the seals are no matter. */
    review_log_check(&log_, NULL, 0, NULL, 0, &verdict);
    assert_int_equal(verdict.fault, REVIEW_SOUND);
    assert_int_equal(verdict.sealed, 0);
}

/* The chain does not cover what stands behind the hash; the seal itself does. */
static void one_byte_of_a_seal_altered_is_found(void **state)
{
    struct review_verdict verdict;

    (void)state;
    make();
    for (size_t at = 0; at < RECORDS; at++)
        for (char *byte = seal_of(at); *byte != '\0'; byte++)
            for (int i = 0; i < 3; i++) {
                const char own = *byte;

                *byte = i == 0 ? 'x' : i == 1 ? '0' : (char)(own ^ 1);
                if (*byte != own) {
                    check(&verdict);
                    assert_true(verdict.fault == REVIEW_ALTERED || verdict.fault == REVIEW_REWRITTEN
                        || verdict.fault == REVIEW_MISSEALED);
                    assert_int_equal(verdict.seq, at + 1);
                    assert_int_equal(verdict.place.line, at + 1);
                }
                *byte = own;
            }
}

/* By somebody who took the machine later: he has no key of that interval. */
static void a_tail_written_anew_is_found(void **state)
{
    struct audit_key stolen;

    (void)state;
    for (size_t at = 0; at < RECORDS; at++) {
        make();
        strstr(log_.lines[at], "\"process\":\"")[11] = 'X';
        review_log_relink(&log_, at);
        expect(REVIEW_REWRITTEN, at + 1); /* with the seals that were there */
        make();
        strstr(log_.lines[at], "\"process\":\"")[11] = 'X';
        for (size_t i = at; i < RECORDS; i++)
            strcpy(seal_of(i), "}");
        review_log_relink(&log_, at);
        expect(at == 0 ? REVIEW_SOUND : REVIEW_UNSEALED, at == 0 ? 0 : at + 1); /* without any */
    }
    /* With a key of an interval after that of the record. */
    make();
    stolen = first;
    audit_key_evolve(&stolen, FIRST_EPOCH + 2);
    strstr(log_.lines[2], "\"process\":\"")[11] = 'X';
    review_log_relink(&log_, 2);
    for (size_t i = 2; i < RECORDS; i++) {
        struct review_anchor anchor;
        struct audit_seal seal;

        strcpy(seal_of(i), "}");
        anchor = review_log_anchor(&log_, i);
        audit_seal_make(&stolen, anchor.hash, sizeof anchor.hash, &seal);
        audit_seal_append(&seal, log_.lines[i], strlen(log_.lines[i]));
    }
    {
        struct review_verdict verdict;

        /* It cannot be dated as it was. */
        check(&verdict);
        assert_int_equal(verdict.fault, REVIEW_SOUND);
        assert_int_equal(verdict.first_misdated, 3);
    }
}

static void all_seals_taken_away_leave_nothing_proved(void **state)
{
    struct review_verdict verdict;

    (void)state;
    make();
    for (size_t i = 0; i < RECORDS; i++)
        strcpy(seal_of(i), "}");
    check(&verdict);
    assert_int_equal(verdict.fault, REVIEW_SOUND);
    assert_int_equal(verdict.sealed, 0);
    assert_int_equal(verdict.early, RECORDS);
    /* Within the first hour somebody may not have switched it on yet. */
    first.start -= 3600;
    check(&verdict);
    assert_int_equal(verdict.fault, REVIEW_SOUND);
    assert_int_equal(verdict.early, 0);
    assert_int_equal(verdict.unsealed, RECORDS);
}

static void sealing_that_ends_with_a_word_is_no_fault(void **state)
{
    struct audit_key present = key_of(REVIEW_LOG_START, 7);
    struct review_verdict verdict;

    (void)state;
    first = present;
    review_log_make(&log_, 5, &present);
    review_log_add(&log_, &(struct audit_fields){.event = EVENT_AUDIT_SEAL_OFF, .process = PARTY_SUPERVISOR});
    log_.key = NULL;
    review_log_add(&log_, &(struct audit_fields){.event = EVENT_SERVICE_STOP, .process = PARTY_SUPERVISOR});
    check(&verdict);
    assert_int_equal(verdict.fault, REVIEW_SOUND);
    assert_int_equal(verdict.unsealed, 1);
    log_.key = &present;
    review_log_add(&log_, &(struct audit_fields){.event = EVENT_AUDIT_SEAL_ON, .process = PARTY_SUPERVISOR});
    log_.key = NULL;
    review_log_add(&log_, &(struct audit_fields){.event = EVENT_AUDIT_SEAL_OFF, .process = PARTY_SUPERVISOR});
    expect(REVIEW_UNSEALED, 9); /* the word must be sealed itself */
}

static void an_epoch_that_goes_back_or_far_ahead_is_found(void **state)
{
    struct audit_key early;

    (void)state;
    make();
    early = first;
    audit_key_evolve(&early, FIRST_EPOCH);
    for (size_t i = 0; i < RECORDS; i++) {
        struct review_anchor anchor = review_log_anchor(&log_, i);
        struct audit_seal seal;

        strcpy(seal_of(i), "}");
        if (i == 9) {
            audit_key_evolve(&early, FIRST_EPOCH + 3);
        } else if (i == 10) {
            early = first;
            audit_key_evolve(&early, FIRST_EPOCH + 2);
        }
        audit_seal_make(&early, anchor.hash, sizeof anchor.hash, &seal);
        audit_seal_append(&seal, log_.lines[i], strlen(log_.lines[i]));
    }
    expect(REVIEW_MISSEALED, 11);
    make();
    /* It is not evolved to, which would take an hour. */
    strcpy(seal_of(3), ",\"epoch\":4294967295,\"seal\":\"0000000000000000000000000000000000000000000000000000000000000000\"}");
    expect(REVIEW_MISSEALED, 4);
}

/* The clock was set back: the key does not go back with it. */
static void a_time_outside_of_its_interval_is_counted(void **state)
{
    struct audit_key present = key_of(REVIEW_LOG_START, 7);
    struct review_verdict verdict;

    (void)state;
    first = present;
    review_log_make(&log_, 12, &present);
    log_.now_sec -= 9;
    review_log_add(&log_, &(struct audit_fields){.event = EVENT_SERVICE_STOP, .process = PARTY_SUPERVISOR});
    check(&verdict);
    assert_int_equal(verdict.fault, REVIEW_SOUND);
    assert_int_equal(verdict.sealed, 13);
    assert_int_equal(verdict.misdated, 1);
    assert_int_equal(verdict.first_misdated, 13);
}

static void the_key_of_another_log_is_found(void **state)
{
    (void)state;
    make();
    first = key_of(REVIEW_LOG_START - AGE, 8);
    expect(REVIEW_REWRITTEN, 1);
}

static void records_before_the_key_are_not_judged(void **state)
{
    struct audit_key present = key_of(REVIEW_LOG_START + 10, 7);
    struct review_verdict verdict;

    (void)state;
    first = present;
    review_log_make(&log_, 9, NULL);
    log_.key = &present;
    review_log_add(&log_, &(struct audit_fields){.event = EVENT_SERVICE_START, .process = PARTY_SUPERVISOR});
    check(&verdict);
    assert_int_equal(verdict.fault, REVIEW_SOUND);
    assert_int_equal(verdict.older, 9);
    assert_int_equal(verdict.sealed, 1);
    assert_int_equal(verdict.first_sealed, 10);
}

/* --setup-seal --replace: the service takes the new key up within a minute. */
static void a_key_that_was_replaced_is_followed(void **state)
{
    struct audit_key keys[2] = {key_of(REVIEW_LOG_START + 7, 9), key_of(REVIEW_LOG_START, 7)};
    struct audit_key old = keys[1];
    struct audit_key fresh = keys[0];
    struct review_verdict verdict;

    (void)state;
    review_log_make(&log_, 10, &old);
    log_.key = &fresh;
    while (log_.count < 20)
        review_log_add(&log_, &(struct audit_fields){.event = EVENT_AUDIT_SEAL_ON, .process = PARTY_SUPERVISOR});
    review_log_check(&log_, NULL, 0, keys, 2, &verdict);
    assert_int_equal(verdict.fault, REVIEW_SOUND);
    assert_int_equal(verdict.sealed, 20);
    /* The old one does not come back. */
    log_.key = &old;
    review_log_add(&log_, &(struct audit_fields){.event = EVENT_AUDIT_SEAL_ON, .process = PARTY_SUPERVISOR});
    review_log_check(&log_, NULL, 0, keys, 2, &verdict);
    assert_int_equal(verdict.fault, REVIEW_REWRITTEN);
    assert_int_equal(verdict.seq, 21);
    review_log_drop(&log_, 20);
    /* Each alone: the new one says nothing of what was before; the old one says that its own end. */
    review_log_check(&log_, NULL, 0, &keys[0], 1, &verdict);
    assert_int_equal(verdict.fault, REVIEW_SOUND);
    assert_int_equal(verdict.older, 10);
    assert_int_equal(verdict.sealed, 10);
    review_log_check(&log_, NULL, 0, &keys[1], 1, &verdict);
    assert_int_equal(verdict.seq, 11);
    assert_non_null(strstr(verdict.sentence, "replaced"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sealed_log_is_sound),
        cmocka_unit_test(one_byte_of_a_seal_altered_is_found),
        cmocka_unit_test(a_tail_written_anew_is_found),
        cmocka_unit_test(all_seals_taken_away_leave_nothing_proved),
        cmocka_unit_test(sealing_that_ends_with_a_word_is_no_fault),
        cmocka_unit_test(an_epoch_that_goes_back_or_far_ahead_is_found),
        cmocka_unit_test(a_time_outside_of_its_interval_is_counted),
        cmocka_unit_test(the_key_of_another_log_is_found),
        cmocka_unit_test(records_before_the_key_are_not_judged),
        cmocka_unit_test(a_key_that_was_replaced_is_followed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
