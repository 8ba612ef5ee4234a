/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of cli/review/review_check.c and review_diagnose.c: whatever is done to a log is found, and named right.
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

static void make(size_t count)
{
    review_log_make(&log_, count, NULL);
}

static void check(struct review_verdict *verdict)
{
    review_log_check(&log_, NULL, 0, NULL, 0, verdict);
}

static void expect_at(const struct review_verdict *verdict, enum review_fault fault, uint64_t seq, uint64_t line)
{
    if (verdict->fault != fault || verdict->seq != seq || verdict->place.line != line)
        fail_msg("%s record %llu line %llu (%s), expected %s record %llu line %llu", review_fault_word(verdict->fault),
            (unsigned long long)verdict->seq, (unsigned long long)verdict->place.line, verdict->sentence,
            review_fault_word(fault), (unsigned long long)seq, (unsigned long long)line);
    assert_true(fault == REVIEW_SOUND || verdict->sentence[0] != '\0');
}

static void expect(enum review_fault fault, uint64_t seq, uint64_t line)
{
    struct review_verdict verdict;

    check(&verdict);
    expect_at(&verdict, fault, seq, line);
}

static void a_whole_log_is_sound(void **state)
{
    struct review_verdict verdict;

    (void)state;
    for (size_t count = 1; count <= REVIEW_LOG_MAX; count += count < 70 ? 1 : 13) {
        make(count);
        check(&verdict);
        expect_at(&verdict, REVIEW_SOUND, 0, 0);
        assert_int_equal(verdict.records, count);
        assert_int_equal(verdict.before.seq, 0);
        assert_int_equal(verdict.end.seq, count);
    }
    make(0);
    check(&verdict);
    expect_at(&verdict, REVIEW_SOUND, 0, 0);
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
    make(RECORDS);
    len = join(text);
    for (size_t at = 0; at < len; at++) {
        const char own = text[at];

        for (size_t i = 0; i < sizeof others + 2; i++) {
            text[at] = i < sizeof others ? others[i] : i == sizeof others ? (char)(own ^ 1) : (char)(own ^ 0x80);
            if (text[at] == own)
                continue;
            review_text_check(text, len, &verdict);
            expect_at(&verdict, REVIEW_ALTERED, record, record);
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
        make(RECORDS);
        review_log_drop(&log_, i);
        expect(REVIEW_REMOVED, i + 1, i + 1);
    }
    /* Without the first it is what rotation leaves: it begins later. */
    make(RECORDS);
    review_log_drop(&log_, 0);
    check(&verdict);
    expect_at(&verdict, REVIEW_SOUND, 0, 0);
    assert_int_equal(verdict.before.seq, 1);
    /* Without the last, only somebody who knows of it can tell. */
    make(RECORDS);
    last = review_log_anchor(&log_, RECORDS - 1);
    review_log_drop(&log_, RECORDS - 1);
    expect(REVIEW_SOUND, 0, 0);
    review_log_check(&log_, &last, 1, NULL, 0, &verdict);
    expect_at(&verdict, REVIEW_TRUNCATED, RECORDS, 0);
}

static void several_lines_removed_are_counted(void **state)
{
    struct review_verdict verdict;

    (void)state;
    make(100);
    for (size_t i = 0; i < 80; i++)
        review_log_drop(&log_, 10);
    check(&verdict);
    expect_at(&verdict, REVIEW_REMOVED, 11, 11);
    assert_non_null(strstr(verdict.sentence, "records 11 to 90 are missing"));
}

/* The record that stands too early is the first that is wrong. */
static void two_lines_swapped_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < RECORDS; i++)
        for (size_t j = i + 1; j < RECORDS; j++) {
            make(RECORDS);
            review_log_swap(&log_, i, j);
            expect(REVIEW_REORDERED, j + 1, i + 1);
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
            make(RECORDS);
            memcpy(line, log_.lines[from], sizeof line);
            review_log_drop(&log_, from);
            review_log_insert(&log_, to, line);
            if (to < from) /* it stands too early */
                expect(REVIEW_REORDERED, from + 1, to + 1);
            else if (from == 0) /* the log seems to begin with record 2, until the first comes */
                expect(REVIEW_REORDERED, 2, 1);
            else /* the one behind it does */
                expect(REVIEW_REORDERED, from + 2, from + 1);
        }
}

static void a_copy_of_a_line_is_found(void **state)
{
    (void)state;
    for (size_t which = 0; which < RECORDS; which++)
        for (size_t at = 0; at <= RECORDS; at++) {
            make(RECORDS);
            review_log_insert(&log_, at, log_.lines[which]);
            /* Of two that are alike, one behind the other, the second is one too many; at the start of the log the first. */
            expect(REVIEW_INSERTED, which + 1, at == 1 && which == 0 ? 1 : at == which && at > 0 ? at + 2 : at + 1);
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
            make(RECORDS);
            review_log_insert(&log_, at, junk[i]);
            expect(REVIEW_INSERTED, at + 1, at + 1);
        }
}

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
            make(RECORDS);
            forge(seq, nowhere, line);
            review_log_insert(&log_, at, line);
            expect(REVIEW_INSERTED, seq, at + 1);
        }
    /* It links to a record that was before the one that it stands behind. */
    for (size_t at = 3; at < RECORDS; at++) {
        make(RECORDS);
        forge(at - 1, hash_of(at - 3), line);
        review_log_insert(&log_, at, line);
        expect(REVIEW_INSERTED, at - 1, at + 1);
    }
}

/* It links to the record before it, and has the right number: what stood there before links there, too, and the rest to that. */
static void a_forged_line_that_links_is_found(void **state)
{
    char line[sizeof log_.lines[0]];
    struct review_verdict verdict;

    (void)state;
    for (size_t at = 0; at < RECORDS; at++) {
        make(RECORDS);
        forge(at + 1, at == 0 ? ZEROS : hash_of(at - 1), line);
        review_log_insert(&log_, at, line);
        check(&verdict);
        assert_int_equal(verdict.fault, REVIEW_INSERTED);
        assert_int_equal(verdict.seq, at + 1);
        /* Nothing links to the last one, so it may be either. */
        assert_true(verdict.place.line == at + 1 || (at == RECORDS - 1 && verdict.place.line == at + 2));
    }
    /* Behind the record whose place it wants. */
    for (size_t at = 2; at <= RECORDS; at++) {
        make(RECORDS);
        forge(at, hash_of(at - 2), line);
        review_log_insert(&log_, at, line);
        expect(REVIEW_INSERTED, at, at + 1);
    }
    /* A run of them: the first one is named. */
    make(RECORDS);
    forge(5, hash_of(3), line);
    review_log_insert(&log_, 4, line);
    forge(6, hash_of(4), line);
    review_log_insert(&log_, 5, line);
    forge(7, hash_of(5), line);
    review_log_insert(&log_, 6, line);
    expect(REVIEW_INSERTED, 5, 5);
}

static void a_line_with_its_hash_made_to_fit_is_found(void **state)
{
    struct review_verdict verdict;
    char *process;

    (void)state;
    for (size_t at = 0; at < RECORDS; at++) {
        make(RECORDS);
        process = strstr(log_.lines[at], "\"process\":\"") + 11;
        process[0] = 'X';
        review_log_rehash(log_.lines[at]);
        check(&verdict);
        if (at + 2 < RECORDS)
            expect_at(&verdict, REVIEW_ALTERED, at + 1, at + 1);
        else if (at + 2 == RECORDS) /* nothing links to the last, so it may be that one */
            expect_at(&verdict, REVIEW_ALTERED, at + 2, at + 2);
        else /* nothing but an anchor or a seal knows */
            expect_at(&verdict, REVIEW_SOUND, 0, 0);
    }
    /* The number alone. */
    make(RECORDS);
    memcpy(log_.lines[4], "{\"seq\":9", 8);
    review_log_rehash(log_.lines[4]);
    expect(REVIEW_ALTERED, 5, 5);
}

static void a_tail_written_anew_is_found_by_an_anchor_alone(void **state)
{
    struct review_anchor anchors[3];
    struct review_verdict verdict;

    (void)state;
    for (size_t at = 3; at < RECORDS; at++) {
        make(RECORDS);
        anchors[0] = review_log_anchor(&log_, 1);
        anchors[1] = review_log_anchor(&log_, 2);
        anchors[2] = review_log_anchor(&log_, RECORDS - 1);
        strstr(log_.lines[at], "\"process\":\"")[11] = 'X';
        review_log_relink(&log_, at);
        expect(REVIEW_SOUND, 0, 0);
        review_log_check(&log_, anchors, 3, NULL, 0, &verdict);
        expect_at(&verdict, REVIEW_REWRITTEN, RECORDS, RECORDS);
        assert_int_equal(verdict.anchors_met, 2);
        assert_non_null(strstr(verdict.sentence, "between record 3 and"));
    }
}

static void anchors_before_the_log_prove_its_beginning(void **state)
{
    struct review_anchor anchors[4];
    struct review_verdict verdict;

    (void)state;
    make(RECORDS);
    for (size_t i = 0; i < 4; i++)
        anchors[i] = review_log_anchor(&log_, i);
    for (size_t i = 0; i < 3; i++)
        review_log_drop(&log_, 0);
    /* Of records 1 to 4: the first two cannot be met, the third is what record 4 links to. */
    review_log_check(&log_, anchors, 4, NULL, 0, &verdict);
    expect_at(&verdict, REVIEW_SOUND, 0, 0);
    assert_int_equal(verdict.anchors_too_old, 2);
    assert_int_equal(verdict.anchors_met, 2);
    anchors[2].hash[5] ^= 1;
    review_log_check(&log_, anchors, 4, NULL, 0, &verdict);
    expect_at(&verdict, REVIEW_REWRITTEN, 3, 1);
    /* An empty log, of which somebody knows records. */
    make(0);
    review_log_check(&log_, anchors, 4, NULL, 0, &verdict);
    expect_at(&verdict, REVIEW_TRUNCATED, 1, 0);
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
        make(5);
        add_gap(0);
        review_log_insert(&log_, 5, "");
        snprintf(log_.lines[5], sizeof log_.lines[5], "%.*s", (int)cut, log_.lines[6]);
        check(&verdict);
        expect_at(&verdict, REVIEW_SOUND, 0, 0);
        assert_int_equal(verdict.torn, 1);
        assert_int_equal(verdict.first_torn.line, 6);
        assert_int_equal(verdict.records, 6);
    }
    /* At the start of everything, and two of them. */
    make(0);
    add_gap(0);
    review_log_insert(&log_, 0, "{\"seq\":1,\"ti");
    review_log_insert(&log_, 0, "x");
    check(&verdict);
    expect_at(&verdict, REVIEW_SOUND, 0, 0);
    assert_int_equal(verdict.torn, 2);
    /* A gap that counts what was lost speaks of something else. */
    make(5);
    add_gap(3);
    review_log_insert(&log_, 5, "{\"seq\":6,\"ti");
    expect(REVIEW_INSERTED, 6, 6);
}

/* The service was told by its kept head that records were cut off: they are missing all the same. */
static void a_recorded_loss_is_still_a_loss(void **state)
{
    struct review_verdict verdict;

    (void)state;
    make(8);
    add_gap(3);
    for (size_t i = 0; i < 3; i++)
        review_log_drop(&log_, 5);
    check(&verdict);
    expect_at(&verdict, REVIEW_REMOVED, 6, 6);
    assert_non_null(strstr(verdict.sentence, "noticed"));
}

static void every_cut_of_the_last_line_is_a_torn_one(void **state)
{
    static char text[RECORDS * AUDIT_LINE_MAX];
    struct review_verdict verdict;
    size_t before, len;

    (void)state;
    make(RECORDS);
    len = join(text);
    before = len - strlen(log_.lines[RECORDS - 1]) - 1;
    for (size_t cut = before; cut <= len; cut++) {
        review_text_check(text, cut, &verdict);
        expect_at(&verdict, REVIEW_SOUND, 0, 0);
        assert_int_equal(verdict.is_tail_torn, cut > before && cut + 1 < len);
        assert_int_equal(verdict.records, cut + 1 < len ? RECORDS - 1 : RECORDS);
        /* What was ended is not torn. */
        if (cut > before && cut + 1 < len) {
            text[cut] = '\n';
            review_text_check(text, cut + 1, &verdict);
            expect_at(&verdict, cut - before < 9 ? REVIEW_INSERTED : REVIEW_ALTERED, RECORDS, RECORDS);
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
        make(RECORDS);
        review_log_insert(&log_, RECORDS, tails[i]);
        log_.is_end_open = true;
        check(&verdict);
        if (verdict.fault == REVIEW_SOUND)
            fail_msg("%s", tails[i]);
    }
    make(RECORDS);
    review_log_insert(&log_, RECORDS, "{\"seq\":13,\"time\":\"\xc3"); /* a character that is cut, too */
    log_.is_end_open = true;
    expect(REVIEW_SOUND, 0, 0);
}

static void the_first_record_far_behind_its_place_is_found(void **state)
{
    char line[sizeof log_.lines[0]];

    (void)state;
    make(100);
    memcpy(line, log_.lines[0], sizeof line);
    review_log_drop(&log_, 0);
    review_log_insert(&log_, 80, line);
    expect(REVIEW_REORDERED, 1, 81);
}

/* Writing stopped in the middle of a line, the file was rotated, and the line stands whole in the next one. */
static void a_line_begun_in_one_file_and_whole_in_the_next_is_no_fault(void **state)
{
    struct review_verdict verdict;

    (void)state;
    make(RECORDS);
    review_log_insert(&log_, 6, "");
    snprintf(log_.lines[6], sizeof log_.lines[6], "%.100s", log_.lines[7]);
    for (size_t i = 7; i < log_.count; i++)
        log_.files[i] = 1;
    log_.is_end_open = true;
    check(&verdict);
    expect_at(&verdict, REVIEW_SOUND, 0, 0);
    assert_int_equal(verdict.torn, 1);
    assert_int_equal(verdict.records, RECORDS);
    /* Not so when it is the beginning of something else. */
    log_.lines[6][60] ^= 1;
    expect(REVIEW_INSERTED, 7, 7);
}

static void a_missing_file_is_named_as_such(void **state)
{
    struct review_verdict verdict;

    (void)state;
    make(RECORDS);
    for (size_t i = 4; i < RECORDS; i++)
        log_.files[i] = i < 8 ? 1 : 2;
    expect(REVIEW_SOUND, 0, 0);
    for (size_t i = 0; i < 4; i++)
        review_log_drop(&log_, 4);
    check(&verdict);
    expect_at(&verdict, REVIEW_REMOVED, 5, 1);
    assert_int_equal(verdict.place.file, 2);
    assert_non_null(strstr(verdict.sentence, "records 5 to 8 are missing before it; is a rotated file not there?"));
}

static void a_second_chain_is_found(void **state)
{
    static struct review_log second;

    (void)state;
    review_log_make(&second, 3, NULL);
    make(RECORDS);
    /* The same first lines are a copy; others are a new beginning. */
    second.lines[0][20] = '3';
    review_log_relink(&second, 0);
    for (size_t i = 0; i < second.count; i++)
        review_log_insert(&log_, RECORDS + i, second.lines[i]);
    expect(REVIEW_NEW_CHAIN, 1, RECORDS + 1);
}

static void much_that_is_no_record_is_found(void **state)
{
    (void)state;
    make(20);
    for (size_t i = 0; i < REVIEW_WINDOW + 20; i++)
        review_log_insert(&log_, 10, "junk");
    expect(REVIEW_ALTERED, 11, 11);
    make(0);
    review_log_insert(&log_, 0, "junk");
    expect(REVIEW_ALTERED, 1, 1);
    make(20);
    for (size_t i = 0; i < REVIEW_WINDOW - 2; i++)
        review_log_insert(&log_, 10, "junk");
    expect(REVIEW_INSERTED, 11, 11);
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
        cmocka_unit_test(a_forged_line_that_links_to_nothing_is_found),
        cmocka_unit_test(a_forged_line_that_links_is_found),
        cmocka_unit_test(a_line_with_its_hash_made_to_fit_is_found),
        cmocka_unit_test(a_tail_written_anew_is_found_by_an_anchor_alone),
        cmocka_unit_test(anchors_before_the_log_prove_its_beginning),
        cmocka_unit_test(a_torn_line_that_is_recorded_is_no_fault),
        cmocka_unit_test(a_recorded_loss_is_still_a_loss),
        cmocka_unit_test(every_cut_of_the_last_line_is_a_torn_one),
        cmocka_unit_test(what_no_record_begins_with_is_not_a_torn_one),
        cmocka_unit_test(the_first_record_far_behind_its_place_is_found),
        cmocka_unit_test(a_line_begun_in_one_file_and_whole_in_the_next_is_no_fault),
        cmocka_unit_test(a_missing_file_is_named_as_such),
        cmocka_unit_test(a_second_chain_is_found),
        cmocka_unit_test(much_that_is_no_record_is_found),
        cmocka_unit_test(has_a_word_for_each_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
