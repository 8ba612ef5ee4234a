/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of supervisor/audit when the file is torn or full or away: nothing is lost without a gap.
 * Runs in: the build.
 * Never: asserts a time.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "audit/audit.h"
#include "audit/audit_tail.h"
#include "audit_scene.h"
#include "system/log.h"

/* What a crash in mid-write leaves: every cut of the last line. */
static void a_torn_line_is_closed_and_told(void **state)
{
    struct audit *audit = audit_scene_open_log();
    size_t first_len;
    size_t len;
    char *whole;

    (void)state;
    audit_scene_add_and_flush(audit, "one");
    first_len = audit_scene_file_size();
    audit_scene_add_and_flush(audit, "two");
    audit_close(audit);
    whole = audit_scene_read_file(audit_scene_path, &len);
    for (size_t cut = first_len + 1; cut < len; cut++) {
        bool is_record = cut == len - 1;
        struct audit_chain chain = {0};
        char *data;
        size_t data_len;

        assert_int_equal(unlink(audit_scene_path), 0);
        audit_scene_append_to_file(audit_scene_path, whole, cut);
        audit = audit_scene_open_log();
        audit_scene_add(audit, "three");
        audit_close(audit);
        data = audit_scene_read_file(audit_scene_path, &data_len);
        assert_memory_equal(data, whole, cut);
        assert_int_equal(data[cut], '\n');
        assert_int_equal(audit_record_verify(data, first_len - 1, &chain), AUDIT_OK);
        if (is_record)
            assert_int_equal(audit_record_verify(data + first_len, cut - first_len, &chain), AUDIT_OK);
        free(data);
        audit_scene_assert_line_has(
            3, is_record ? "\"detail\":\"three\"" : "\"event\":\"audit.gap\",\"detail\":\"the last line was torn");
        audit_scene_assert_line_has(3, is_record ? "{\"seq\":3," : "{\"seq\":2,");
        if (!is_record)
            audit_scene_assert_line_has(4, "\"detail\":\"three\"");
    }
    free(whole);
}

static void garbage_at_the_end_is_kept_and_told(void **state)
{
    static const char garbage[] = "not a record\n{\"seq\":7}\n\xff\xfe\n";
    struct audit *audit = audit_scene_open_log();
    struct audit_chain chain = {0};
    size_t len;
    size_t more_len;
    char *before;
    char *after;

    (void)state;
    audit_scene_add_and_flush(audit, "one");
    audit_close(audit);
    audit_scene_append_to_file(audit_scene_path, garbage, strlen(garbage));
    before = audit_scene_read_file(audit_scene_path, &len);
    audit = audit_scene_open_log();
    audit_scene_add(audit, "two");
    audit_close(audit);
    after = audit_scene_read_file(audit_scene_path, &more_len);
    assert_memory_equal(before, after, len);
    audit_scene_assert_line_has(5, "{\"seq\":2,");
    audit_scene_assert_line_has(
        5, "\"event\":\"audit.gap\",\"detail\":\"26 bytes that are no record stand behind the last one\"");
    audit_scene_assert_line_has(6, "\"detail\":\"two\"");
    assert_int_equal(audit_record_verify(after, (size_t)(strchr(after, '\n') - after), &chain), AUDIT_OK);
    assert_int_equal(audit_record_verify(after + len, (size_t)(strchr(after + len, '\n') - (after + len)), &chain), AUDIT_OK);
    free(before);
    free(after);
}

static void nothing_but_garbage_begins_a_new_chain(void **state)
{
    static char garbage[3 * AUDIT_TAIL_LEN];
    struct audit *audit = audit_scene_open_log();

    (void)state;
    /* a record further up than anybody looks */
    audit_scene_add_and_flush(audit, "one");
    audit_close(audit);
    memset(garbage, 'x', sizeof garbage);
    garbage[sizeof garbage - 1] = '\n';
    audit_scene_append_to_file(audit_scene_path, garbage, sizeof garbage);
    audit = audit_scene_open_log();
    audit_scene_add(audit, "two");
    audit_close(audit);
    audit_scene_assert_line_has(3, "{\"seq\":1,");
    audit_scene_assert_line_has(3,
        "\"event\":\"audit.gap\","
        "\"detail\":\"no record was found at the end of the log; a new chain begins\"");
    audit_scene_assert_line_has(4, "{\"seq\":2,");
}

static void garbage_alone_leads_to_the_rotated_file(void **state)
{
    struct audit_chain chain = {0};
    struct audit *audit = audit_scene_open_log();

    (void)state;
    audit_scene_add_and_flush(audit, "one");
    audit_close(audit);
    assert_int_equal(rename(audit_scene_path, audit_scene_rotated_path), 0);
    audit_scene_append_to_file(audit_scene_path, "\1\2\3", 3);
    audit = audit_scene_open_log();
    audit_close(audit);
    assert_int_equal(audit_scene_verify_file(audit_scene_rotated_path, &chain), 1);
    audit_scene_assert_line_has(2, "{\"seq\":2,");
    audit_scene_assert_line_has(2, "\"detail\":\"3 bytes that are no record stand behind the last one\"");
    /* the rotated file without a record either */
    assert_int_equal(unlink(audit_scene_path), 0);
    assert_int_equal(unlink(audit_scene_rotated_path), 0);
    audit_scene_append_to_file(audit_scene_rotated_path, "x", 1);
    audit = audit_scene_open_log();
    audit_close(audit);
    audit_scene_assert_line_has(1, "{\"seq\":1,");
    audit_scene_assert_line_has(1, "a new chain begins");
}

/* The disk takes less and less of a batch, then all: not a byte is lost or doubled. */
static void a_full_disk_loses_nothing_that_fits_in_memory(void **state)
{
    size_t batch_len = 1;

    (void)state;
    for (size_t taken = 0; taken < batch_len; taken += 7) {
        struct audit_chain chain = {0};
        struct audit *audit = audit_scene_open_log();

        audit_scene_log_lines = 0;
        audit_scene_add_and_flush(audit, "one");
        batch_len = 3 * audit_scene_file_size(); /* a little less than what comes now */
        audit_scene_room = taken;
        audit_scene_add(audit, "two");
        audit_scene_add(audit, "three");
        audit_scene_add(audit, "four");
        assert_int_equal(audit_flush(audit), AUDIT_FAILING);
        assert_int_equal(audit_scene_log_lines, 1);
        assert_non_null(strstr(audit_scene_log_text, "cannot be written: No space left on device"));
        audit_scene_add(audit, "five");
        audit_scene_room = 3;
        assert_int_equal(audit_flush(audit), AUDIT_FAILING);
        assert_int_equal(audit_scene_log_lines, 1);
        audit_scene_room = UNLIMITED;
        audit_scene_add(audit, "six");
        assert_int_equal(audit_flush(audit), AUDIT_WRITTEN);
        assert_int_equal(audit_scene_log_lines, 2);
        assert_non_null(strstr(audit_scene_log_text, "is written again; records lost: 0"));
        audit_close(audit);
        assert_int_equal(audit_scene_verify_file(audit_scene_path, &chain), 6);
        assert_int_equal(unlink(audit_scene_path), 0);
    }
}

static void what_does_not_fit_in_memory_is_counted(void **state)
{
    struct audit_chain chain = {0};
    struct audit *audit = audit_scene_open_log();
    unsigned tried = 10 + AUDIT_PENDING_MAX / 200;
    unsigned count;
    unsigned lost;
    char gap[64];

    (void)state;
    audit_scene_add_and_flush(audit, "one");
    audit_scene_room = 0;
    for (unsigned i = 1; i < tried; i++) {
        audit_scene_add(audit, "some detail of usual length");
        if (i % 1000 == 0)
            assert_int_equal(audit_flush(audit), AUDIT_FAILING);
    }
    audit_scene_room = UNLIMITED;
    assert_int_equal(audit_flush(audit), AUDIT_WRITTEN);
    audit_scene_add(audit, "last");
    audit_close(audit);
    assert_int_equal(audit_scene_log_lines, 2);
    count = audit_scene_verify_file(audit_scene_path, &chain) - 2; /* the gap and the last */
    lost = tried - count;
    assert_true(count > 100 && lost > 100);
    snprintf(gap, sizeof gap, ",\"count\":%u,", lost);
    audit_scene_assert_line_has(count + 1, "\"event\":\"audit.gap\",");
    audit_scene_assert_line_has(count + 1, "the log could not be written: No space left on device\"");
    audit_scene_assert_line_has(count + 1, gap);
    audit_scene_assert_line_has(count + 2, "\"detail\":\"last\"");
}

/* Nothing in between: room for a few more must not let newer records overtake the gap. */
static void the_gap_comes_before_anything_newer(void **state)
{
    struct audit_chain chain = {0};
    struct audit *audit = audit_scene_open_log();
    unsigned count;
    unsigned gaps = 0;
    char *data;
    size_t len;

    (void)state;
    audit_scene_room = 0;
    for (unsigned i = 0; i < 10 + AUDIT_PENDING_MAX / 200; i++)
        audit_scene_add(audit, "some detail of usual length");
    audit_scene_room = 100000;
    assert_int_equal(audit_flush(audit), AUDIT_FAILING);
    audit_scene_add(audit, "newer");
    audit_scene_room = UNLIMITED;
    audit_close(audit);
    count = audit_scene_verify_file(audit_scene_path, &chain);
    data = audit_scene_read_file(audit_scene_path, &len);
    for (char *at = data; (at = strstr(at, "audit.gap")) != NULL; at++)
        gaps++;
    free(data);
    assert_int_equal(gaps, 1);
    audit_scene_assert_line_has(count - 1, "audit.gap");
    audit_scene_assert_line_has(count, "\"detail\":\"newer\"");
}

static void a_failed_sync_is_a_gap(void **state)
{
    struct audit_chain chain = {0};
    struct audit *audit = audit_scene_open_log();

    (void)state;
    audit_scene_sync_error = EIO;
    audit_scene_add(audit, "one");
    audit_scene_add(audit, "two");
    assert_int_equal(audit_flush(audit), AUDIT_FAILING);
    assert_int_equal(audit_scene_log_lines, 1);
    assert_non_null(strstr(audit_scene_log_text, "Input/output error"));
    audit_scene_sync_error = 0;
    audit_scene_add(audit, "three");
    assert_int_equal(audit_flush(audit), AUDIT_WRITTEN);
    assert_non_null(strstr(audit_scene_log_text, "is written again; records lost: 2"));
    audit_scene_sync_error = EIO;
    audit_scene_add(audit, "four");
    assert_int_equal(audit_flush(audit), AUDIT_FAILING);
    audit_scene_sync_error = 0;
    assert_int_equal(audit_flush(audit), AUDIT_WRITTEN);
    assert_int_equal(audit_scene_log_lines, 4);
    assert_non_null(strstr(audit_scene_log_text, "is written again; records lost: 1"));
    audit_close(audit);
    assert_int_equal(audit_scene_verify_file(audit_scene_path, &chain), 6);
    audit_scene_assert_line_has(3,
        "\"event\":\"audit.gap\",\"detail\":\"2 records may be lost: the log could not be written: "
        "Input/output error\",\"count\":2,");
    audit_scene_assert_line_has(4, "\"detail\":\"three\"");
    audit_scene_assert_line_has(6, "\"count\":1,");
}

static void a_line_begun_in_a_rotated_file_is_whole_in_the_next(void **state)
{
    struct audit_chain chain = {0};
    struct audit *audit = audit_scene_open_log();
    char *data;
    size_t first_len;
    size_t len;

    (void)state;
    audit_scene_add_and_flush(audit, "one");
    first_len = audit_scene_file_size();
    audit_scene_room = 50;
    audit_scene_add(audit, "two");
    assert_int_equal(audit_flush(audit), AUDIT_FAILING);
    assert_int_equal(audit_scene_file_size(), first_len + 50);
    audit_scene_room = UNLIMITED;
    assert_int_equal(rename(audit_scene_path, audit_scene_rotated_path), 0);
    assert_int_equal(audit_flush(audit), AUDIT_WRITTEN);
    audit_close(audit);
    data = audit_scene_read_file(audit_scene_rotated_path, &len);
    assert_int_equal(len, first_len + 50);
    assert_int_equal(audit_record_verify(data, first_len - 1, &chain), AUDIT_OK);
    free(data);
    assert_int_equal(audit_scene_verify_file(audit_scene_path, &chain), 1);
}

static void opens_later_what_cannot_be_opened_now(void **state)
{
    struct audit_chain chain = {0};
    struct audit *audit;
    char missing[sizeof audit_scene_path + 8];
    char moved[sizeof audit_scene_path + 8];

    (void)state;
    snprintf(missing, sizeof missing, "%s/sub/log", audit_scene_dir);
    audit = audit_open(&(struct audit_settings){.path = missing, .clock = audit_scene_test_clock});
    assert_non_null(audit);
    assert_int_equal(audit_scene_log_lines, 1);
    assert_non_null(strstr(audit_scene_log_text, "No such file or directory"));
    audit_scene_add(audit, "one");
    assert_int_equal(audit_flush(audit), AUDIT_FAILING);
    audit_scene_add(audit, "two");
    snprintf(moved, sizeof moved, "%s/sub", audit_scene_dir);
    assert_int_equal(mkdir(moved, 0700), 0);
    audit_scene_add(audit, "three");
    assert_int_equal(audit_flush(audit), AUDIT_WRITTEN);
    assert_int_equal(audit_scene_log_lines, 2);
    audit_scene_add(audit, "four");
    audit_close(audit);
    assert_int_equal(audit_scene_verify_file(missing, &chain), 2);
    assert_int_equal(rename(missing, audit_scene_path), 0);
    assert_int_equal(audit_scene_remove_log_dir(moved, "log"), 0);
    audit_scene_assert_line_has(1, "\"event\":\"audit.gap\"");
    audit_scene_assert_line_has(1, "\"count\":3,");
    audit_scene_assert_line_has(2, "\"detail\":\"four\"");
}

static void keeps_records_while_the_directory_is_away(void **state)
{
    struct audit_chain chain = {0};
    char sub[sizeof audit_scene_path];
    char away[sizeof audit_scene_path];
    char name[sizeof audit_scene_path + 8];
    struct audit *audit;

    (void)state;
    snprintf(sub, sizeof sub, "%s/sub", audit_scene_dir);
    snprintf(away, sizeof away, "%s/away", audit_scene_dir);
    snprintf(name, sizeof name, "%s/log", sub);
    assert_int_equal(mkdir(sub, 0700), 0);
    audit = audit_open(&(struct audit_settings){.path = name, .clock = audit_scene_test_clock});
    assert_non_null(audit);
    audit_scene_add_and_flush(audit, "one");
    assert_int_equal(rename(sub, away), 0);
    audit_scene_add(audit, "two");
    assert_int_equal(audit_flush(audit), AUDIT_FAILING);
    assert_int_equal(rename(away, sub), 0);
    audit_scene_add_and_flush(audit, "three");
    audit_close(audit);
    assert_int_equal(audit_scene_verify_file(name, &chain), 3);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(audit_scene_remove_log_dir(sub, "log"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, audit_scene_make_dir, audit_scene_remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_torn_line_is_closed_and_told),
        TEST(garbage_at_the_end_is_kept_and_told),
        TEST(nothing_but_garbage_begins_a_new_chain),
        TEST(garbage_alone_leads_to_the_rotated_file),
        TEST(a_full_disk_loses_nothing_that_fits_in_memory),
        TEST(what_does_not_fit_in_memory_is_counted),
        TEST(the_gap_comes_before_anything_newer),
        TEST(a_failed_sync_is_a_gap),
        TEST(a_line_begun_in_a_rotated_file_is_whole_in_the_next),
        TEST(opens_later_what_cannot_be_opened_now),
        TEST(keeps_records_while_the_directory_is_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
