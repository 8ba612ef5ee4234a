/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of supervisor/audit: what is written, and the chain across restarts and rotation.
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

static void writes_batches(void **state)
{
    struct audit_chain chain = {0};
    mode_t mask = umask(022);
    struct audit *audit = audit_scene_open_log();
    struct stat status;

    (void)state;
    umask(mask);
    audit_scene_add(audit, "one");
    audit_scene_add(audit, "two");
    assert_int_equal(audit_scene_file_size(), 0);
    assert_int_equal(audit_flush(audit), AUDIT_WRITTEN);
    assert_int_equal(audit_scene_write_calls, 1);
    assert_int_equal(audit_scene_sync_calls, 1);
    assert_int_equal(audit_scene_verify_file(audit_scene_path, &chain), 2);
    assert_int_equal(audit_flush(audit), AUDIT_WRITTEN);
    assert_int_equal(audit_scene_write_calls, 1);
    assert_int_equal(audit_scene_sync_calls, 1);
    assert_int_equal(audit_scene_directory_syncs, 1); /* the file is new */
    audit_scene_add(audit, "three");
    audit_close(audit);
    assert_int_equal(audit_scene_directory_syncs, 1);
    assert_int_equal(audit_scene_write_calls, 2);
    assert_int_equal(audit_scene_sync_calls, 2);
    chain = (struct audit_chain){0};
    assert_int_equal(audit_scene_verify_file(audit_scene_path, &chain), 3);
    audit_scene_assert_line_has(1,
        "{\"seq\":1,\"time\":\"2026-11-23T17:34:13.000000Z\",\"process\":\"fetcher\","
        "\"event\":\"fetch.failed\",\"detail\":\"one\",");
    audit_scene_assert_line_has(3, "{\"seq\":3,\"time\":\"2026-11-23T17:34:13.000002Z\",");
    assert_int_equal(stat(audit_scene_path, &status), 0);
    assert_int_equal(status.st_mode, S_IFREG | 0640);
    assert_int_equal(audit_scene_log_lines, 0);
}

static void a_large_batch_is_written_and_not_lost(void **state)
{
    struct audit_chain chain = {0};
    struct audit *audit = audit_scene_open_log();
    unsigned count = 0;

    (void)state;
    for (; count < 3 * AUDIT_PENDING_MAX / 200; count++)
        audit_scene_add(audit, "some detail of usual length");
    audit_close(audit);
    assert_true(audit_scene_write_calls > 1);
    assert_int_equal(audit_scene_verify_file(audit_scene_path, &chain), count);
    assert_int_equal(audit_scene_log_lines, 0);
}

static void the_chain_goes_on_after_a_restart(void **state)
{
    struct audit_chain chain = {0};
    struct audit *audit = audit_scene_open_log();

    (void)state;
    audit_scene_add_and_flush(audit, "one");
    audit_close(audit);
    audit = audit_scene_open_log();
    audit_scene_add(audit, "two");
    audit_close(audit);
    assert_int_equal(audit_scene_verify_file(audit_scene_path, &chain), 2);
    audit_scene_assert_line_has(2, "{\"seq\":2,");
}

static void the_chain_goes_on_through_rotation(void **state)
{
    struct audit_chain chain = {0};
    struct audit *audit = audit_scene_open_log();

    (void)state;
    audit_scene_add_and_flush(audit, "one");
    assert_int_equal(rename(audit_scene_path, audit_scene_rotated_path), 0);
    audit_scene_add_and_flush(audit, "two");
    assert_int_equal(audit_scene_verify_file(audit_scene_rotated_path, &chain), 1);
    assert_int_equal(audit_scene_verify_file(audit_scene_path, &chain), 1);
    /* once more, over the one that was rotated before */
    assert_int_equal(rename(audit_scene_path, audit_scene_rotated_path), 0);
    audit_scene_add_and_flush(audit, "three");
    assert_int_equal(audit_scene_verify_file(audit_scene_path, &chain), 1);
    assert_int_equal(audit_scene_log_lines, 0);
    /* somebody made the new file already, and wrote into it */
    assert_int_equal(rename(audit_scene_path, audit_scene_rotated_path), 0);
    audit_scene_append_to_file(audit_scene_path, "x", 1);
    audit_scene_add_and_flush(audit, "four");
    audit_scene_assert_line_has(1, "x");
    audit_scene_assert_line_has(2, "{\"seq\":4,");
    audit_scene_assert_line_has(2, "\"detail\":\"four\"");
    audit_scene_assert_line_has(3, "{\"seq\":5,");
    audit_scene_assert_line_has(3, "was not empty: 1 bytes stand in it before what follows record 3\"");
    audit_scene_add_and_flush(audit, "five");
    audit_scene_assert_line_has(4, "{\"seq\":6,");
    audit_close(audit);
    assert_int_equal(audit_scene_log_lines, 1);
}

static void the_chain_goes_on_from_the_rotated_file(void **state)
{
    struct audit_chain chain = {0};
    struct audit *audit = audit_scene_open_log();

    (void)state;
    audit_scene_add_and_flush(audit, "one");
    audit_close(audit);
    assert_int_equal(rename(audit_scene_path, audit_scene_rotated_path), 0);
    audit = audit_scene_open_log();
    audit_scene_add(audit, "two");
    audit_close(audit);
    assert_int_equal(audit_scene_verify_file(audit_scene_rotated_path, &chain), 1);
    assert_int_equal(audit_scene_verify_file(audit_scene_path, &chain), 1);
    /* a log of its own is followed rather than the one before */
    audit = audit_scene_open_log();
    audit_scene_add(audit, "three");
    audit_close(audit);
    audit_scene_assert_line_has(2, "{\"seq\":3,");
    audit_scene_assert_line_has(2, "\"event\":\"fetch.failed\"");
}

static void refuses_what_is_no_file_of_its_own(void **state)
{
    struct audit *audit;

    (void)state;
    assert_int_equal(symlink("/dev/null", audit_scene_path), 0);
    audit = audit_scene_open_log();
    assert_non_null(strstr(audit_scene_log_text, "cannot be written: it is a symbolic link"));
    audit_close(audit);
    assert_int_equal(unlink(audit_scene_path), 0);
    assert_int_equal(mkfifo(audit_scene_path, 0600), 0);
    audit_scene_log_lines = 0;
    audit = audit_scene_open_log();
    assert_int_equal(audit_scene_log_lines, 1);
    assert_non_null(strstr(audit_scene_log_text, "cannot be written: it is not a regular file"));
    audit_scene_add(audit, "one");
    audit_close(audit);
    assert_non_null(strstr(audit_scene_log_text, "could not be written to the end; records lost: 1"));
    audit_close(NULL);
}

static void one_process_at_a_time(void **state)
{
    struct audit_chain chain = {0};
    struct audit *first = audit_scene_open_log();
    struct audit *second;

    (void)state;
    second = audit_scene_open_log();
    assert_non_null(strstr(audit_scene_log_text, "another process has it locked"));
    audit_scene_add_and_flush(first, "one");
    audit_scene_add(second, "two");
    assert_int_equal(audit_flush(second), AUDIT_FAILING);
    audit_close(first);
    audit_scene_add_and_flush(second, "three");
    audit_close(second);
    assert_int_equal(audit_scene_verify_file(audit_scene_path, &chain), 2);
    audit_scene_assert_line_has(2, "\"event\":\"audit.gap\"");
    audit_scene_assert_line_has(2, "\"count\":2,");
}

static void works_with_the_real_clock(void **state)
{
    struct audit_chain chain = {0};
    struct audit *audit = audit_open(&(struct audit_settings){.path = audit_scene_path});

    (void)state;
    audit_scene_add_and_flush(audit, "one");
    audit_close(audit);
    assert_int_equal(audit_scene_verify_file(audit_scene_path, &chain), 1);
}

/* The scan alone, from every place in a file as its start. */
static void finds_the_last_record_wherever_the_look_begins(void **state)
{
    struct audit *audit = audit_scene_open_log();
    struct audit_chain chain = {0};
    struct audit_tail tail;
    size_t len;
    size_t last_start;
    char *data;

    (void)state;
    audit_scene_add_and_flush(audit, "one");
    last_start = audit_scene_file_size();
    audit_scene_add_and_flush(audit, "two");
    audit_close(audit);
    audit_scene_verify_file(audit_scene_path, &chain);
    data = audit_scene_read_file(audit_scene_path, &len);
    for (size_t start = 0; start <= len; start++) {
        audit_tail_scan(data + start, len - start, NULL, &tail);
        assert_int_equal(tail.has_record, start <= last_start);
        assert_int_equal(tail.is_empty, start == len);
        assert_false(tail.is_line_open);
        if (tail.has_record)
            assert_memory_equal(tail.chain.hash, chain.hash, AUDIT_HASH_LEN);
        assert_int_equal(tail.unsound_len, start <= last_start ? 0 : len - start);
    }
    free(data);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, audit_scene_make_dir, audit_scene_remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(writes_batches),
        TEST(a_large_batch_is_written_and_not_lost),
        TEST(the_chain_goes_on_after_a_restart),
        TEST(the_chain_goes_on_through_rotation),
        TEST(the_chain_goes_on_from_the_rotated_file),
        TEST(refuses_what_is_no_file_of_its_own),
        TEST(one_process_at_a_time),
        TEST(works_with_the_real_clock),
        TEST(finds_the_last_record_wherever_the_look_begins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
