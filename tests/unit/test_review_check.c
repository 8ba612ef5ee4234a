/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of cli/audit/review_check.c and review_diagnose.c: whatever is done to a log is found, and named right.
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

static struct review_log log_;

static void a_whole_log_is_sound(void **state)
{
    struct review_verdict verdict;

    (void)state;
    for (size_t count = 1; count <= REVIEW_LOG_MAX; count += count < 70 ? 1 : 13) {
        review_log_make(&log_, count, NULL);
        review_log_check(&log_, NULL, 0, NULL, 0, &verdict);
        review_verdict_expect(&verdict, REVIEW_SOUND, 0, 0);
        assert_int_equal(verdict.records, count);
        assert_int_equal(verdict.before.seq, 0);
        assert_int_equal(verdict.end.seq, count);
    }
    review_log_make(&log_, 0, NULL);
    review_log_check(&log_, NULL, 0, NULL, 0, &verdict);
    review_verdict_expect(&verdict, REVIEW_SOUND, 0, 0);
    assert_int_equal(verdict.records, 0);
}

static size_t join(char *text)
{
    size_t len = 0;

    for (size_t i = 0; i < log_.count; i++)
        len += (size_t)sprintf(text + len, "%s\n", log_.lines[i]);
    return len;
}

/* The newline is the record's that it ends. */
static void one_byte_altered_anywhere_is_found(void **state)
{
    static const char others[] = {'\n', 'x', '0', '"', '}', ' ', '\\', '\0', '\x80'};
    static char text[RECORDS * AUDIT_LINE_MAX];
    struct review_verdict verdict;
    uint64_t record = 1;
    size_t len;

    (void)state;
    review_log_make(&log_, RECORDS, NULL);
    len = join(text);
    for (size_t at = 0; at < len; at++) {
        const char own = text[at];

        for (size_t i = 0; i < sizeof others + 2; i++) {
            text[at] = i < sizeof others ? others[i] : i == sizeof others ? (char)(own ^ 1) : (char)(own ^ 0x80);
            if (text[at] == own)
                continue;
            review_text_check(text, len, &verdict);
            review_verdict_expect(&verdict, REVIEW_ALTERED, record, record);
        }
        text[at] = own;
        record += own == '\n' ? 1 : 0;
    }
}

static void each_line_removed_is_found(void **state)
{
    struct review_verdict verdict;
    struct review_anchor last;

    (void)state;
    for (size_t i = 1; i + 1 < RECORDS; i++) {
        review_log_make(&log_, RECORDS, NULL);
        review_log_drop(&log_, i);
        review_log_expect(&log_, REVIEW_REMOVED, i + 1, i + 1);
    }
    /* Without the first it is what rotation leaves: it begins later. */
    review_log_make(&log_, RECORDS, NULL);
    review_log_drop(&log_, 0);
    review_log_check(&log_, NULL, 0, NULL, 0, &verdict);
    review_verdict_expect(&verdict, REVIEW_SOUND, 0, 0);
    assert_int_equal(verdict.before.seq, 1);
    /* Without the last, only somebody who knows of it can tell. */
    review_log_make(&log_, RECORDS, NULL);
    last = review_log_anchor(&log_, RECORDS - 1);
    review_log_drop(&log_, RECORDS - 1);
    review_log_expect(&log_, REVIEW_SOUND, 0, 0);
    review_log_check(&log_, &last, 1, NULL, 0, &verdict);
    review_verdict_expect(&verdict, REVIEW_TRUNCATED, RECORDS, 0);
}

static void several_lines_removed_are_counted(void **state)
{
    struct review_verdict verdict;

    (void)state;
    review_log_make(&log_, 100, NULL);
    for (size_t i = 0; i < 80; i++)
        review_log_drop(&log_, 10);
    review_log_check(&log_, NULL, 0, NULL, 0, &verdict);
    review_verdict_expect(&verdict, REVIEW_REMOVED, 11, 11);
    assert_non_null(strstr(verdict.sentence, "records 11 to 90 are missing"));
}

/* The record that stands too early is the first that is wrong. */
static void two_lines_swapped_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < RECORDS; i++)
        for (size_t j = i + 1; j < RECORDS; j++) {
            review_log_make(&log_, RECORDS, NULL);
            review_log_swap(&log_, i, j);
            review_log_expect(&log_, REVIEW_REORDERED, j + 1, i + 1);
        }
}

static void a_line_moved_is_found(void **state)
{
    char line[sizeof log_.lines[0]];

    (void)state;
    for (size_t from = 0; from < RECORDS; from++)
        for (size_t to = 0; to < RECORDS; to++) {
            if (from == to)
                continue;
            review_log_make(&log_, RECORDS, NULL);
            memcpy(line, log_.lines[from], sizeof line);
            review_log_drop(&log_, from);
            review_log_insert(&log_, to, line);
            if (to < from) /* it stands too early */
                review_log_expect(&log_, REVIEW_REORDERED, from + 1, to + 1);
            else if (from == 0) /* the log seems to begin with record 2, until the first comes */
                review_log_expect(&log_, REVIEW_REORDERED, 2, 1);
            else /* the one behind it does */
                review_log_expect(&log_, REVIEW_REORDERED, from + 2, from + 1);
        }
}

static void a_copy_of_a_line_is_found(void **state)
{
    (void)state;
    for (size_t which = 0; which < RECORDS; which++)
        for (size_t at = 0; at <= RECORDS; at++) {
            review_log_make(&log_, RECORDS, NULL);
            review_log_insert(&log_, at, log_.lines[which]);
            /* Of two that are alike, one behind the other, the second is one too many; at the start of the log the first. */
            review_log_expect(&log_, REVIEW_INSERTED, which + 1,
                at == 1 && which == 0       ? 1
                    : at == which && at > 0 ? at + 2
                                            : at + 1);
        }
}

static void what_is_no_record_is_found(void **state)
{
    static const char *const junk[] = {"", "x", "{}", "{\"seq\":3}", "\x1b[2Jred"};

    (void)state;
    for (size_t i = 0; i < sizeof junk / sizeof junk[0]; i++)
        for (size_t at = 0; at <= RECORDS; at++) {
            if (i == 3 && at == 2)
                continue;
            review_log_make(&log_, RECORDS, NULL);
            review_log_insert(&log_, at, junk[i]);
            review_log_expect(&log_, REVIEW_INSERTED, at + 1, at + 1);
        }
}

static void add_gap(uint32_t count)
{
    review_log_add(
        &log_, &(struct audit_fields){.event = EVENT_AUDIT_GAP, .process = PARTY_SUPERVISOR, .count = count, .detail = "a gap"});
}

static void a_torn_line_that_is_recorded_is_no_fault(void **state)
{
    struct review_verdict verdict;

    (void)state;
    for (size_t cut = 1; cut < 200; cut += 7) {
        review_log_make(&log_, 5, NULL);
        add_gap(0);
        review_log_insert(&log_, 5, "");
        snprintf(log_.lines[5], sizeof log_.lines[5], "%.*s", (int)cut, log_.lines[6]);
        review_log_check(&log_, NULL, 0, NULL, 0, &verdict);
        review_verdict_expect(&verdict, REVIEW_SOUND, 0, 0);
        assert_int_equal(verdict.torn, 1);
        assert_int_equal(verdict.first_torn.line, 6);
        assert_int_equal(verdict.records, 6);
    }
    /* At the start of everything, and two of them. */
    review_log_make(&log_, 0, NULL);
    add_gap(0);
    review_log_insert(&log_, 0, "{\"seq\":1,\"ti");
    review_log_insert(&log_, 0, "x");
    review_log_check(&log_, NULL, 0, NULL, 0, &verdict);
    review_verdict_expect(&verdict, REVIEW_SOUND, 0, 0);
    assert_int_equal(verdict.torn, 2);
    /* A gap that counts what was lost speaks of something else. */
    review_log_make(&log_, 5, NULL);
    add_gap(3);
    review_log_insert(&log_, 5, "{\"seq\":6,\"ti");
    review_log_expect(&log_, REVIEW_INSERTED, 6, 6);
}

/* The service was told by its kept head that records were cut off: they are missing all the same. */
static void a_recorded_loss_is_still_a_loss(void **state)
{
    struct review_verdict verdict;

    (void)state;
    review_log_make(&log_, 8, NULL);
    add_gap(3);
    for (size_t i = 0; i < 3; i++)
        review_log_drop(&log_, 5);
    review_log_check(&log_, NULL, 0, NULL, 0, &verdict);
    review_verdict_expect(&verdict, REVIEW_REMOVED, 6, 6);
    assert_non_null(strstr(verdict.sentence, "noticed"));
}

static void every_cut_of_the_last_line_is_a_torn_one(void **state)
{
    static char text[RECORDS * AUDIT_LINE_MAX];
    struct review_verdict verdict;
    size_t before, len;

    (void)state;
    review_log_make(&log_, RECORDS, NULL);
    len = join(text);
    before = len - strlen(log_.lines[RECORDS - 1]) - 1;
    for (size_t cut = before; cut <= len; cut++) {
        review_text_check(text, cut, &verdict);
        review_verdict_expect(&verdict, REVIEW_SOUND, 0, 0);
        assert_int_equal(verdict.is_tail_torn, cut > before && cut + 1 < len);
        assert_int_equal(verdict.records, cut + 1 < len ? RECORDS - 1 : RECORDS);
        /* What was ended is not torn. */
        if (cut > before && cut + 1 < len) {
            text[cut] = '\n';
            review_text_check(text, cut + 1, &verdict);
            review_verdict_expect(&verdict, cut - before < 9 ? REVIEW_INSERTED : REVIEW_ALTERED, RECORDS, RECORDS);
            len = join(text);
        }
    }
}

static void what_no_record_begins_with_is_not_a_torn_one(void **state)
{
    static const char *const tails[]
        = {"x", "{\"seq\":13x", "{\"seq\":13,\"tim\"", "{\"seq\":13,\"xime\":", "{\"sex", "{\"seq\":14,\"time\":\"2026",
            "{\"seq\":13,\"time\":\"\x80", "{\"seq\":13,\"time\":\"\xc3\xc3", "{\"seq\":13,\"time\":\"\x1b[2J"};
    struct review_verdict verdict;

    (void)state;
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        review_log_make(&log_, RECORDS, NULL);
        review_log_insert(&log_, RECORDS, tails[i]);
        log_.is_end_open = true;
        review_log_check(&log_, NULL, 0, NULL, 0, &verdict);
        if (verdict.fault == REVIEW_SOUND)
            fail_msg("%s", tails[i]);
    }
    review_log_make(&log_, RECORDS, NULL);
    review_log_insert(&log_, RECORDS, "{\"seq\":13,\"time\":\"\xc3"); /* a character that is cut, too */
    log_.is_end_open = true;
    review_log_expect(&log_, REVIEW_SOUND, 0, 0);
}

static void the_first_record_far_behind_its_place_is_found(void **state)
{
    char line[sizeof log_.lines[0]];

    (void)state;
    review_log_make(&log_, 100, NULL);
    memcpy(line, log_.lines[0], sizeof line);
    review_log_drop(&log_, 0);
    review_log_insert(&log_, 80, line);
    review_log_expect(&log_, REVIEW_REORDERED, 1, 81);
}

/* Writing stopped in the middle of a line, the file was rotated, and the line stands whole in the next one. */
static void a_line_begun_in_one_file_and_whole_in_the_next_is_no_fault(void **state)
{
    struct review_verdict verdict;

    (void)state;
    review_log_make(&log_, RECORDS, NULL);
    review_log_insert(&log_, 6, "");
    snprintf(log_.lines[6], sizeof log_.lines[6], "%.100s", log_.lines[7]);
    for (size_t i = 7; i < log_.count; i++)
        log_.files[i] = 1;
    log_.is_end_open = true;
    review_log_check(&log_, NULL, 0, NULL, 0, &verdict);
    review_verdict_expect(&verdict, REVIEW_SOUND, 0, 0);
    assert_int_equal(verdict.torn, 1);
    assert_int_equal(verdict.records, RECORDS);
    /* Not so when it is the beginning of something else. */
    log_.lines[6][60] ^= 1;
    review_log_expect(&log_, REVIEW_INSERTED, 7, 7);
}

static void a_missing_file_is_named_as_such(void **state)
{
    struct review_verdict verdict;

    (void)state;
    review_log_make(&log_, RECORDS, NULL);
    for (size_t i = 4; i < RECORDS; i++)
        log_.files[i] = i < 8 ? 1 : 2;
    review_log_expect(&log_, REVIEW_SOUND, 0, 0);
    for (size_t i = 0; i < 4; i++)
        review_log_drop(&log_, 4);
    review_log_check(&log_, NULL, 0, NULL, 0, &verdict);
    review_verdict_expect(&verdict, REVIEW_REMOVED, 5, 1);
    assert_int_equal(verdict.place.file, 2);
    assert_non_null(strstr(verdict.sentence, "records 5 to 8 are missing before it; is a rotated file not there?"));
}

static void much_that_is_no_record_is_found(void **state)
{
    (void)state;
    review_log_make(&log_, 20, NULL);
    for (size_t i = 0; i < REVIEW_WINDOW + 20; i++)
        review_log_insert(&log_, 10, "junk");
    review_log_expect(&log_, REVIEW_ALTERED, 11, 11);
    review_log_make(&log_, 0, NULL);
    review_log_insert(&log_, 0, "junk");
    review_log_expect(&log_, REVIEW_ALTERED, 1, 1);
    review_log_make(&log_, 20, NULL);
    for (size_t i = 0; i < REVIEW_WINDOW - 2; i++)
        review_log_insert(&log_, 10, "junk");
    review_log_expect(&log_, REVIEW_INSERTED, 11, 11);
}

static void has_a_word_for_each_fault(void **state)
{
    (void)state;
    for (int i = REVIEW_SOUND; i <= REVIEW_MISSEALED; i++)
        for (int j = REVIEW_SOUND; j < i; j++)
            assert_string_not_equal(review_fault_word((enum review_fault)i), review_fault_word((enum review_fault)j));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_log_is_sound),
        cmocka_unit_test(one_byte_altered_anywhere_is_found),
        cmocka_unit_test(each_line_removed_is_found),
        cmocka_unit_test(several_lines_removed_are_counted),
        cmocka_unit_test(two_lines_swapped_are_found),
        cmocka_unit_test(a_line_moved_is_found),
        cmocka_unit_test(a_copy_of_a_line_is_found),
        cmocka_unit_test(what_is_no_record_is_found),
        cmocka_unit_test(a_torn_line_that_is_recorded_is_no_fault),
        cmocka_unit_test(a_recorded_loss_is_still_a_loss),
        cmocka_unit_test(every_cut_of_the_last_line_is_a_torn_one),
        cmocka_unit_test(what_no_record_begins_with_is_not_a_torn_one),
        cmocka_unit_test(the_first_record_far_behind_its_place_is_found),
        cmocka_unit_test(a_line_begun_in_one_file_and_whole_in_the_next_is_no_fault),
        cmocka_unit_test(a_missing_file_is_named_as_such),
        cmocka_unit_test(much_that_is_no_record_is_found),
        cmocka_unit_test(has_a_word_for_each_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
