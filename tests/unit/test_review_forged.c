/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of cli/audit/review_check.c against a forger who makes hashes and links fit.
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

#define RECORDS 12u

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static struct review_log log_;

/* A line whose hash is right, made up with a number and with what it claims to follow. */
static void forge(uint64_t seq, const char *prev, char *line)
{
    snprintf(line, sizeof log_.lines[0],
        "{\"seq\":%llu,\"time\":\"2026-11-23T17:34:13.000042Z\",\"process\":\"writer\",\"event\":\"%s\","
        "\"prev\":\"%.64s\",\"hash\":\"%064d\"}",
        (unsigned long long)seq, "service.stop", prev, 0);
    review_log_rehash(line);
}

static const char *hash_of(size_t at)
{
    return strstr(log_.lines[at], ",\"hash\":\"") + 9;
}

static void a_forged_line_that_links_to_nothing_is_found(void **state)
{
    static const char nowhere[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    char line[sizeof log_.lines[0]];

    (void)state;
    for (size_t at = 0; at < RECORDS; at++)
        for (uint64_t seq = 1; seq < RECORDS + 3; seq++) {
            review_log_make(&log_, RECORDS, NULL);
            forge(seq, nowhere, line);
            review_log_insert(&log_, at, line);
            review_log_expect(&log_, REVIEW_INSERTED, seq, at + 1);
        }
    /* It links to a record that was before the one that it stands behind. */
    for (size_t at = 3; at < RECORDS; at++) {
        review_log_make(&log_, RECORDS, NULL);
        forge(at - 1, hash_of(at - 3), line);
        review_log_insert(&log_, at, line);
        review_log_expect(&log_, REVIEW_INSERTED, at - 1, at + 1);
    }
}

/* It links to the record before it, and has the right number: what stood there before links there, too, and the rest to that. */
static void a_forged_line_that_links_is_found(void **state)
{
    char line[sizeof log_.lines[0]];
    struct review_verdict verdict;

    (void)state;
    for (size_t at = 0; at < RECORDS; at++) {
        review_log_make(&log_, RECORDS, NULL);
        forge(at + 1, at == 0 ? ZEROS : hash_of(at - 1), line);
        review_log_insert(&log_, at, line);
        review_log_check(&log_, NULL, 0, NULL, 0, &verdict);
        assert_int_equal(verdict.fault, REVIEW_INSERTED);
        assert_int_equal(verdict.seq, at + 1);
        /* Nothing links to the last one, so it may be either. */
        assert_true(verdict.place.line == at + 1 || (at == RECORDS - 1 && verdict.place.line == at + 2));
    }
    /* Behind the record whose place it wants. */
    for (size_t at = 2; at <= RECORDS; at++) {
        review_log_make(&log_, RECORDS, NULL);
        forge(at, hash_of(at - 2), line);
        review_log_insert(&log_, at, line);
        review_log_expect(&log_, REVIEW_INSERTED, at, at + 1);
    }
    /* A run of them: the first one is named. */
    review_log_make(&log_, RECORDS, NULL);
    forge(5, hash_of(3), line);
    review_log_insert(&log_, 4, line);
    forge(6, hash_of(4), line);
    review_log_insert(&log_, 5, line);
    forge(7, hash_of(5), line);
    review_log_insert(&log_, 6, line);
    review_log_expect(&log_, REVIEW_INSERTED, 5, 5);
}

static void a_line_with_its_hash_made_to_fit_is_found(void **state)
{
    struct review_verdict verdict;
    char *process;

    (void)state;
    for (size_t at = 0; at < RECORDS; at++) {
        review_log_make(&log_, RECORDS, NULL);
        process = strstr(log_.lines[at], "\"process\":\"") + 11;
        process[0] = 'X';
        review_log_rehash(log_.lines[at]);
        review_log_check(&log_, NULL, 0, NULL, 0, &verdict);
        if (at + 2 < RECORDS)
            review_verdict_expect(&verdict, REVIEW_ALTERED, at + 1, at + 1);
        else if (at + 2 == RECORDS) /* nothing links to the last, so it may be that one */
            review_verdict_expect(&verdict, REVIEW_ALTERED, at + 2, at + 2);
        else /* nothing but an anchor or a seal knows */
            review_verdict_expect(&verdict, REVIEW_SOUND, 0, 0);
    }
    /* The number alone. */
    review_log_make(&log_, RECORDS, NULL);
    memcpy(log_.lines[4], "{\"seq\":9", 8);
    review_log_rehash(log_.lines[4]);
    review_log_expect(&log_, REVIEW_ALTERED, 5, 5);
}

static void a_tail_written_anew_is_found_by_an_anchor_alone(void **state)
{
    struct review_anchor anchors[3];
    struct review_verdict verdict;

    (void)state;
    for (size_t at = 3; at < RECORDS; at++) {
        review_log_make(&log_, RECORDS, NULL);
        anchors[0] = review_log_anchor(&log_, 1);
        anchors[1] = review_log_anchor(&log_, 2);
        anchors[2] = review_log_anchor(&log_, RECORDS - 1);
        strstr(log_.lines[at], "\"process\":\"")[11] = 'X';
        review_log_relink(&log_, at);
        review_log_expect(&log_, REVIEW_SOUND, 0, 0);
        review_log_check(&log_, anchors, 3, NULL, 0, &verdict);
        review_verdict_expect(&verdict, REVIEW_REWRITTEN, RECORDS, RECORDS);
        assert_int_equal(verdict.anchors_met, 2);
        assert_non_null(strstr(verdict.sentence, "between record 3 and"));
    }
}

static void anchors_before_the_log_prove_its_beginning(void **state)
{
    struct review_anchor anchors[4];
    struct review_verdict verdict;

    (void)state;
    review_log_make(&log_, RECORDS, NULL);
    for (size_t i = 0; i < 4; i++)
        anchors[i] = review_log_anchor(&log_, i);
    for (size_t i = 0; i < 3; i++)
        review_log_drop(&log_, 0);
    /* Of records 1 to 4: the first two cannot be met, the third is what record 4 links to. */
    review_log_check(&log_, anchors, 4, NULL, 0, &verdict);
    review_verdict_expect(&verdict, REVIEW_SOUND, 0, 0);
    assert_int_equal(verdict.anchors_too_old, 2);
    assert_int_equal(verdict.anchors_met, 2);
    anchors[2].hash[5] ^= 1;
    review_log_check(&log_, anchors, 4, NULL, 0, &verdict);
    review_verdict_expect(&verdict, REVIEW_REWRITTEN, 3, 1);
    /* An empty log, of which somebody knows records. */
    review_log_make(&log_, 0, NULL);
    review_log_check(&log_, anchors, 4, NULL, 0, &verdict);
    review_verdict_expect(&verdict, REVIEW_TRUNCATED, 1, 0);
}

static void a_second_chain_is_found(void **state)
{
    static struct review_log second;

    (void)state;
    review_log_make(&second, 3, NULL);
    review_log_make(&log_, RECORDS, NULL);
    /* The same first lines are a copy; others are a new beginning. */
    second.lines[0][20] = '3';
    review_log_relink(&second, 0);
    for (size_t i = 0; i < second.count; i++)
        review_log_insert(&log_, RECORDS + i, second.lines[i]);
    review_log_expect(&log_, REVIEW_NEW_CHAIN, 1, RECORDS + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forged_line_that_links_to_nothing_is_found),
        cmocka_unit_test(a_forged_line_that_links_is_found),
        cmocka_unit_test(a_line_with_its_hash_made_to_fit_is_found),
        cmocka_unit_test(a_tail_written_anew_is_found_by_an_anchor_alone),
        cmocka_unit_test(anchors_before_the_log_prove_its_beginning),
        cmocka_unit_test(a_second_chain_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
