/* SPDX-License-Identifier: ISC */
/* The chain of the audit log against its file: cut off, removed, replaced, rotated out of sight, moved; and its anchors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/audit_head.h"
#include "audit/audit_pending.h"
#include "log_scene.h"

static void write_three(void **state)
{
    struct audit *audit = log_scene_open(state, false);

    log_scene_add(audit, "one");
    log_scene_add(audit, "two");
    log_scene_add(audit, "three");
    audit_close(audit);
}

static void assert_gap(const char *name, unsigned number, const char *part)
{
    assert_has(line_of(name, number), "\"event\":\"audit.gap\"");
    assert_has(line_of(name, number), part);
}

static void cut_off(unsigned lines_left)
{
    size_t len = 0;

    for (unsigned i = 1; i <= lines_left; i++)
        len += strlen(line_of(LOG, i)) + 1;
    assert_int_equal(truncate(LOG, (off_t)len), 0);
}

static void a_head_comes_back_from_its_line(void **state)
{
    struct audit_chain chain = {.seq = UINT64_MAX, .hash = {1, 2, 3}};
    struct audit_chain read = {0};
    char line[AUDIT_HEAD_LEN + 1];

    (void)state;
    audit_head_format(&chain, line);
    assert_int_equal(strlen(line), AUDIT_HEAD_LEN);
    assert_true(audit_head_parse(line, AUDIT_HEAD_LEN, &read));
    assert_true(read.seq == chain.seq && memcmp(read.hash, chain.hash, sizeof read.hash) == 0);
    for (size_t cut = 0; cut < AUDIT_HEAD_LEN; cut++)
        assert_false(audit_head_parse(line, cut, &read));
    for (size_t bit = 0; bit < 8 * AUDIT_HEAD_LEN; bit++) {
        line[bit / 8] = (char)(line[bit / 8] ^ (1 << bit % 8));
        assert_false(audit_head_parse(line, AUDIT_HEAD_LEN, &read));
        line[bit / 8] = (char)(line[bit / 8] ^ (1 << bit % 8));
    }
}

static void nothing_is_said_where_nothing_happened(void **state)
{
    struct audit *audit;

    write_three(state);
    audit = log_scene_open(state, false);
    log_scene_add(audit, "four");
    audit_close(audit);
    chain_after(LOG, 4);
    assert_null(strstr(log_scene.said, "gap"));
}

static void records_that_were_cut_off_meanwhile_are_named(void **state)
{
    struct audit_chain chain;
    struct audit *audit;

    write_three(state);
    chain = chain_after(LOG, 3);
    cut_off(1);
    audit = log_scene_open(state, false);
    log_scene_add(audit, "four");
    audit_close(audit);
    assert_gap(LOG, 2, "records 2 to 3 are missing in ");
    assert_has(line_of(LOG, 2), ": it was cut off, replaced or removed while the service did not run\",\"count\":2,");
    assert_follows(line_of(LOG, 2), &chain);
    assert_follows(line_of(LOG, 3), &chain);
    assert_int_equal(chain.seq, 5);
    assert_has(log_scene.said, "gap in the audit log: records 2 to 3 are missing");
}

static void a_last_record_that_is_another_one_is_named(void **state)
{
    struct audit_chain chain;
    struct audit *audit;

    write_three(state);
    chain = chain_after(LOG, 3);
    /* the same numbers, written anew */
    assert_int_equal(rename(LOG, "kept"), 0);
    assert_int_equal(rename(AUDIT_HEAD_FILE, "head"), 0);
    log_scene.now_usec += 5000000;
    write_three(state);
    assert_int_equal(unlink("kept"), 0);
    assert_int_equal(rename("head", AUDIT_HEAD_FILE), 0);
    audit = log_scene_open(state, false);
    audit_close(audit);
    assert_gap(LOG, 4, "record 3 in ");
    assert_has(line_of(LOG, 4), "is not the one that was written: the log was replaced or altered");
    assert_follows(line_of(LOG, 4), &chain);
    /* with one more behind it */
    assert_int_equal(rename(AUDIT_HEAD_FILE, "head"), 0);
    write_three(state);
    audit_head_format(&(struct audit_chain){.seq = 2, .hash = {9}}, log_scene.said);
    temp_file_write(AUDIT_HEAD_FILE, log_scene.said, AUDIT_HEAD_LEN);
    audit = log_scene_open(state, false);
    audit_close(audit);
    assert_gap(LOG, 8, "record 2 in ");
}

/* A kept head that lies behind is what a power loss leaves: no contradiction. */
static void a_log_that_is_longer_than_what_was_kept_is_sound(void **state)
{
    char head[AUDIT_HEAD_LEN + 1];
    struct audit_chain chain;
    struct audit *audit;

    write_three(state);
    chain = chain_after(LOG, 1);
    audit_head_format(&chain, head);
    temp_file_write(AUDIT_HEAD_FILE, head, AUDIT_HEAD_LEN);
    audit = log_scene_open(state, false);
    log_scene_add(audit, "four");
    audit_close(audit);
    chain_after(LOG, 4);
    assert_has(line_of(LOG, 4), "\"detail\":\"four\"");
}

static void a_rotated_file_is_found_by_whatever_name(void **state)
{
    static const char *const names[] = {LOG ".1", LOG "-20261125", LOG ".2026-11-25.old"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct audit *audit;

        write_three(state);
        assert_int_equal(rename(LOG, names[i]), 0);
        temp_file_write(LOG ".0.gz", "\x1f\x8b", 2);
        temp_file_write(LOG ".9", "", 0);
        audit = log_scene_open(state, false);
        log_scene_add(audit, "four");
        audit_close(audit);
        assert_has(line_of(LOG, 1), "{\"seq\":4,");
        assert_has(line_of(LOG, 1), "\"detail\":\"four\"");
        assert_int_equal(unlink(LOG) | unlink(names[i]) | unlink(AUDIT_HEAD_FILE), 0);
    }
    assert_null(strstr(log_scene.said, "gap"));
}

static void a_compressed_one_does_not_begin_a_new_chain(void **state)
{
    struct audit_chain chain;
    struct audit *audit;

    write_three(state);
    chain = chain_after(LOG, 3);
    assert_int_equal(unlink(LOG), 0);
    temp_file_write(LOG ".1.gz", "\x1f\x8b", 2);
    audit = log_scene_open(state, false);
    log_scene_add(audit, "four");
    audit_close(audit);
    assert_gap(
        LOG, 1, " is new, and what was written up to record 3 is in no file beside it that can be read: rotated and compressed,");
    assert_follows(line_of(LOG, 1), &chain);
    assert_follows(line_of(LOG, 2), &chain);
    /* an older one beside it is not taken for the end */
    assert_int_equal(rename(LOG, LOG ".2"), 0);
    audit = log_scene_open(state, false);
    log_scene_add(audit, "six");
    audit_close(audit);
    assert_int_equal(unlink(LOG), 0);
    audit = log_scene_open(state, false);
    audit_close(audit);
    assert_gap(
        LOG, 1, " is new, and what was written up to record 6 is in no file beside it that can be read, or only the older");
    assert_has(line_of(LOG, 1), "\"count\":1,");
    assert_has(line_of(LOG, 1), "{\"seq\":7,");
}

static void garbage_leads_to_what_was_kept(void **state)
{
    struct audit_chain chain;
    struct audit *audit;

    write_three(state);
    chain = chain_after(LOG, 3);
    temp_file_write(LOG, "garbage\n", 8);
    audit = log_scene_open(state, false);
    audit_close(audit);
    assert_gap(LOG, 2, "no record was found at the end of ");
    assert_has(line_of(LOG, 2), "the chain goes on from record 3, which was kept");
    assert_follows(line_of(LOG, 2), &chain);
}

static void a_damaged_head_is_told_and_the_log_believed(void **state)
{
    struct audit *audit;

    write_three(state);
    temp_file_poke(AUDIT_HEAD_FILE, 30, '7');
    audit = log_scene_open(state, false);
    audit_close(audit);
    assert_gap(LOG, 4, "the kept end of the chain (audit.head in state_dir) cannot be read");
    chain_after(LOG, 4);
    audit = log_scene_open(state, false);
    log_scene_add(audit, "five");
    audit_close(audit);
    assert_has(line_of(LOG, 5), "\"detail\":\"five\"");
}

/* Under a running service. */

static void a_log_that_is_removed_is_a_gap(void **state)
{
    struct audit_chain chain;
    struct audit *audit = log_scene_open(state, false);

    log_scene_add(audit, "one");
    log_scene_add(audit, "two");
    chain = chain_after(LOG, 2);
    assert_int_equal(unlink(LOG), 0);
    log_scene_add(audit, "three");
    assert_has(line_of(LOG, 1), "\"detail\":\"three\"");
    assert_gap(LOG, 2, "records 1 to 2 are missing in ");
    assert_has(line_of(LOG, 2),
        ": it was removed while the service ran (or compressed at once: logrotate wants delaycompress)\",\"count\":2,");
    assert_follows(line_of(LOG, 1), &chain);
    assert_follows(line_of(LOG, 2), &chain);
    audit_close(audit);
    assert_has(log_scene.said, "gap in the audit log: records 1 to 2 are missing");
}

static void a_log_that_is_replaced_is_a_gap(void **state)
{
    struct audit *audit = log_scene_open(state, false);
    size_t len;
    char *data;

    log_scene_add(audit, "one");
    log_scene_add(audit, "two");
    /* what sed -i does: a copy, here without the last line */
    data = (char *)temp_file_read(LOG, &len);
    temp_file_write("copy", data, strlen(line_of(LOG, 1)) + 1);
    assert_int_equal(rename("copy", LOG), 0);
    log_scene_add(audit, "three");
    assert_gap(LOG, 3, "record 2 is missing in ");
    assert_has(line_of(LOG, 3), ": it was replaced by another file while the service ran\",\"count\":1,");
    free(data);
    /* a whole copy */
    data = (char *)temp_file_read(LOG, &len);
    temp_file_write("copy", data, len);
    assert_int_equal(rename("copy", LOG), 0);
    free(data);
    log_scene_add(audit, "four");
    assert_gap(LOG, 5, "it was replaced by another file while the service ran; its last record is still there");
    /* something else */
    temp_file_write("copy", "not a log\n", 10);
    assert_int_equal(rename("copy", LOG), 0);
    log_scene_add(audit, "five");
    assert_has(line_of(LOG, 1), "not a log");
    assert_gap(LOG, 3, "records 1 to 6 are missing in ");
    audit_close(audit);
}

static void a_log_that_is_cut_off_is_a_gap(void **state)
{
    struct audit *audit = log_scene_open(state, false);

    log_scene_add(audit, "one");
    log_scene_add(audit, "two");
    log_scene_add(audit, "three");
    cut_off(1);
    log_scene_add(audit, "four");
    assert_has(line_of(LOG, 2), "{\"seq\":4,");
    assert_gap(LOG, 3, "records 2 to 3 are missing in ");
    assert_has(
        line_of(LOG, 3), ": somebody cut it off while the service ran (logrotate must not use copytruncate)\",\"count\":2,");
    /* to nothing, and in the middle of a line */
    assert_int_equal(truncate(LOG, 0), 0);
    log_scene_add(audit, "six");
    assert_has(line_of(LOG, 1), "{\"seq\":6,");
    assert_gap(LOG, 2, "records 1 to 5 are missing in ");
    assert_int_equal(truncate(LOG, 40), 0);
    log_scene_add(audit, "eight");
    assert_has(line_of(LOG, 2), "{\"seq\":8,");
    assert_gap(LOG, 3, "records 6 to 7 are missing in ");
    audit_close(audit);
}

static void a_full_memory_has_room_for_what_happened_to_the_log(void **state)
{
    struct audit *audit = log_scene_open(state, false);
    struct audit_chain chain;
    char *all;
    size_t len;

    log_scene_add(audit, "one");
    chain = chain_after(LOG, 1);
    assert_int_equal(rename(LOG, "rotated"), 0);
    assert_int_equal(mkdir(LOG, 0700), 0);
    for (unsigned i = 0; i < AUDIT_PENDING_MAX / 100; i++)
        audit_write(audit, &(struct audit_fields){.event = EVENT_FETCH_FAILED, .process = PARTY_FETCHER});
    assert_int_equal(audit_flush(audit), AUDIT_FAILING);
    assert_int_equal(rmdir(LOG), 0);
    assert_int_equal(unlink("rotated"), 0);
    audit_close(audit);
    all = (char *)temp_file_read(LOG, &len);
    assert_memory_equal(all, "{\"seq\":2,", 9);
    assert_non_null(memmem(all, len, "record 1 is missing in ", 23));
    assert_non_null(memmem(all, len, " records may be lost: ", 22));
    for (char *at = all; at < all + len; at = strchr(at, '\n') + 1)
        assert_int_equal(audit_record_verify(at, strcspn(at, "\n"), &chain), AUDIT_OK);
    free(all);
}

static void what_others_append_is_told(void **state)
{
    struct audit *audit = log_scene_open(state, false);
    FILE *file;

    log_scene_add(audit, "one");
    file = fopen(LOG, "a");
    fputs("something", file);
    fclose(file);
    log_scene_add(audit, "two");
    assert_has(line_of(LOG, 2), "something");
    assert_has(line_of(LOG, 3), "{\"seq\":2,");
    assert_gap(LOG, 4, "9 bytes that are not ours stand in ");
    assert_has(line_of(LOG, 4), " behind record 1\"");
    log_scene_add(audit, "three");
    assert_has(line_of(LOG, 5), "\"detail\":\"three\"");
    audit_close(audit);
}

static void a_log_that_moves_says_so_in_both_files(void **state)
{
    struct audit *audit = log_scene_open(state, false);
    char other[sizeof log_scene.path + 8];
    struct audit_chain chain;

    snprintf(other, sizeof other, "%s/other", (const char *)*state);
    log_scene_add(audit, "one");
    assert_null(audit_refuses_path(other));
    audit_reconfigure(audit, &(struct audit_settings){.path = other});
    log_scene_add(audit, "two");
    audit_close(audit);
    assert_has(line_of(LOG, 2), "\"event\":\"audit.moved\",\"detail\":\"it goes on in ");
    assert_has(line_of(LOG, 2), "/other\"");
    assert_has(line_of("other", 1), "\"event\":\"audit.moved\",\"detail\":\"it comes from ");
    assert_has(line_of("other", 1), "/" LOG "\"");
    assert_has(line_of("other", 2), "\"detail\":\"two\"");
    chain = chain_after(LOG, 2);
    assert_follows(line_of("other", 1), &chain);
    assert_follows(line_of("other", 2), &chain);
    assert_string_equal(audit_refuses_path("/nonexistent/log"), "No such file or directory");
    assert_string_equal(audit_refuses_path("/dev/null"), "it is not a regular file");
}

/* Anchors, without a journal. */

static void anchors_are_lines_where_there_is_no_journal(void **state)
{
    struct audit *audit = log_scene_open(state, false);
    char *at = log_scene.said;
    unsigned anchors = 0;

    log_scene_add(audit, "one");
    assert_has(log_scene.said, "audit anchor 1:");
    assert_has(log_scene.said, " of /");
    for (unsigned i = 0; i < 2100; i++)
        audit_write(audit, &(struct audit_fields){.event = EVENT_FETCH_FAILED, .process = PARTY_FETCHER});
    /* one batch, one anchor */
    assert_int_equal(audit_flush(audit), AUDIT_WRITTEN);
    assert_has(log_scene.said, "audit anchor 2101:");
    log_scene_add(audit, "more");
    assert_null(strstr(log_scene.said, "audit anchor 2102:"));
    assert_int_equal(rename(LOG, LOG ".1"), 0);
    log_scene_add(audit, "after a rotation");
    assert_has(log_scene.said, "audit anchor 2103:");
    log_scene_add(audit, "last");
    audit_close(audit);
    assert_has(log_scene.said, "audit anchor 2104:");
    for (; (at = strstr(at, "audit anchor ")) != NULL; at++)
        anchors++;
    assert_int_equal(anchors, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, log_scene_setup, log_scene_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_comes_back_from_its_line),
        TEST(nothing_is_said_where_nothing_happened),
        TEST(records_that_were_cut_off_meanwhile_are_named),
        TEST(a_last_record_that_is_another_one_is_named),
        TEST(a_log_that_is_longer_than_what_was_kept_is_sound),
        TEST(a_rotated_file_is_found_by_whatever_name),
        TEST(a_compressed_one_does_not_begin_a_new_chain),
        TEST(garbage_leads_to_what_was_kept),
        TEST(a_damaged_head_is_told_and_the_log_believed),
        TEST(a_log_that_is_removed_is_a_gap),
        TEST(a_log_that_is_replaced_is_a_gap),
        TEST(a_log_that_is_cut_off_is_a_gap),
        TEST(a_full_memory_has_room_for_what_happened_to_the_log),
        TEST(what_others_append_is_told),
        TEST(a_log_that_moves_says_so_in_both_files),
        TEST(anchors_are_lines_where_there_is_no_journal),
    };

    return cmocka_run_group_tests_name("audit_file", tests, NULL, NULL);
}
