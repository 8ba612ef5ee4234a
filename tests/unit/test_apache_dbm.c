/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of writer/dbm/apache_dbm.c with real Berkeley DB files (PARITY P14).
 * Runs in: the build.
 * Never: asks a clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "dbm_scene.h"
#include "dbm_values.h"
#include "temp_dir.h"

#define USEC INT64_C(1000000)

static void p14_makes_a_file_that_apache_can_use(void **state)
{
    struct dbm_scene scene = dbm_scene_of(20);
    struct apache_dbm_outcome outcome = dbm_scene_commit_well(&scene);
    struct stat st;

    (void)state;
    assert_false(outcome.is_unchanged);
    assert_int_equal(outcome.own, 20);
    assert_int_equal(outcome.foreign, 0);
    assert_string_equal(outcome.detail, "20 ours, 0 foreign, scan guard on, 2^10 buckets");
    assert_int_equal(stat(DBM_SCENE_FILE, &st), 0);
    assert_int_equal(st.st_mode, S_IFREG | 0660);
    assert_int_equal(st.st_uid, geteuid());
    assert_int_equal(st.st_gid, getegid());
    assert_int_equal(outcome.disk_bytes, st.st_blocks * 512);
    dbm_scene_expect_served(&scene);
}

static void p14_the_mode_is_the_same_under_any_umask(void **state)
{
    struct dbm_scene scene = dbm_scene_of(1);
    mode_t before = umask(077);
    struct stat st;

    (void)state;
    dbm_scene_commit_well(&scene);
    umask(before);
    assert_int_equal(stat(DBM_SCENE_FILE, &st), 0);
    assert_int_equal(st.st_mode, S_IFREG | 0660);
}

static void p14_foreign_records_are_carried_over_and_ours_replaced(void **state)
{
    struct dbm_scene scene = dbm_scene_of(20);
    struct apache_dbm_outcome outcome;
    struct dbm_record record;

    (void)state;
    dbm_scene_put(60, DBM_SCENE_NOW + HOUR, DBM_FLAG_GOOD, 0x60);
    dbm_scene_put(61, DBM_SCENE_NOW + HOUR, DBM_FLAG_ERROR, 0x61);
    dbm_scene_put(3, DBM_SCENE_NOW + HOUR, DBM_FLAG_ERROR, 0x33); /* ours, and Apache made it worse */
    dbm_scene_put(40, DBM_SCENE_NOW + HOUR, DBM_FLAG_GOOD, 0x40); /* ours, and withdrawn */
    outcome = dbm_scene_commit_well(&scene);
    assert_int_equal(outcome.foreign, 2);
    dbm_scene_expect_served(&scene);
    assert_true(dbm_scene_find(60, &record));
    assert_int_equal(record.flag, DBM_FLAG_GOOD);
    assert_int_equal(record.der[0], 0x60);
    assert_int_equal(record.expiry_usec, (DBM_SCENE_NOW + HOUR) * USEC);
    assert_true(dbm_scene_find(61, &record));
    assert_int_equal(record.flag, DBM_FLAG_ERROR);
    assert_false(dbm_scene_find(40, &record));
    /* And again, and again. */
    scene.version++;
    outcome = dbm_scene_commit_well(&scene);
    assert_int_equal(outcome.foreign, 2);
    assert_true(dbm_scene_find(61, &record));
}

static void what_is_expired_or_never_ends_or_is_no_record_goes(void **state)
{
    struct dbm_scene scene = dbm_scene_of(1);
    struct apache_dbm_outcome outcome;
    struct dbm_record record;
    static const uint8_t junk[] = {1, 2, 3};

    (void)state;
    dbm_scene_put(60, DBM_SCENE_NOW - 1, DBM_FLAG_GOOD, 1);
    dbm_scene_put(61, DBM_SCENE_NOW, DBM_FLAG_GOOD, 1);
    dbm_scene_put(62, DBM_SCENE_NOW + 1, DBM_FLAG_GOOD, 1);
    dbm_scene_put(63, DBM_SCENE_NOW + 366 * 24 * HOUR, DBM_FLAG_GOOD, 1);
    dbm_scene_put(64, DBM_SCENE_NOW + 367 * 24 * HOUR, DBM_FLAG_GOOD, 1);
    test_put_as_apache(DBM_SCENE_FILE, dbm_scene_keys[65], TEST_KEY_LEN, junk, sizeof junk);
    test_put_as_apache(DBM_SCENE_FILE, dbm_scene_keys[66], 7, junk, sizeof junk);
    outcome = dbm_scene_commit_well(&scene);
    assert_int_equal(outcome.foreign, 2);
    assert_true(dbm_scene_find(62, &record));
    assert_true(dbm_scene_find(63, &record));
    assert_false(dbm_scene_find(61, &record));
    assert_false(dbm_scene_find(64, &record));
}

static void with_a_wrong_clock_nothing_is_taken_for_expired(void **state)
{
    struct dbm_scene scene = dbm_scene_of(1);

    (void)state;
    scene.is_time_judged = false;
    dbm_scene_put(60, DBM_SCENE_NOW - HOUR, DBM_FLAG_GOOD, 1);
    dbm_scene_put(61, DBM_SCENE_NOW + 1000 * 24 * HOUR, DBM_FLAG_GOOD, 1);
    assert_int_equal(dbm_scene_commit_well(&scene).foreign, 2);
}

static void what_is_in_place_already_is_not_written_again(void **state)
{
    struct dbm_scene scene = dbm_scene_of(20);
    struct apache_dbm_outcome outcome;
    ino_t inode;

    (void)state;
    dbm_scene_put(60, DBM_SCENE_NOW + HOUR, DBM_FLAG_GOOD, 0x60);
    dbm_scene_commit_well(&scene);
    inode = dbm_scene_inode();
    outcome = dbm_scene_commit_well(&scene);
    assert_true(outcome.is_unchanged);
    assert_int_equal(outcome.own, 20);
    assert_int_equal(outcome.foreign, 1);
    assert_string_equal(outcome.detail, "unchanged: 20 ours, 1 foreign, scan guard on, 2^10 buckets");
    assert_int_equal(dbm_scene_inode(), inode);
}

static void every_difference_is_written(void **state)
{
    struct dbm_scene scene = dbm_scene_of(20);

    (void)state;
    dbm_scene_commit_well(&scene);
    scene.version++; /* other responses */
    assert_false(dbm_scene_commit_well(&scene).is_unchanged);
    scene.own_count--; /* one fewer */
    assert_false(dbm_scene_commit_well(&scene).is_unchanged);
    scene.own_count++; /* one more */
    assert_false(dbm_scene_commit_well(&scene).is_unchanged);
    assert_int_equal(chmod(DBM_SCENE_FILE, 0644), 0);
    assert_false(dbm_scene_commit_well(&scene).is_unchanged);
    dbm_scene_put(5, DBM_SCENE_NOW + HOUR, DBM_FLAG_ERROR, 9); /* Apache overwrote one of ours */
    assert_false(dbm_scene_commit_well(&scene).is_unchanged);
    dbm_scene_expect_served(&scene);
    dbm_scene_put(45, DBM_SCENE_NOW + HOUR, DBM_FLAG_ERROR, 9); /* Apache stored one of ours that is withdrawn */
    assert_false(dbm_scene_commit_well(&scene).is_unchanged);
    dbm_scene_put(60, DBM_SCENE_NOW - 1, DBM_FLAG_GOOD, 9); /* a foreign one expired */
    assert_false(dbm_scene_commit_well(&scene).is_unchanged);
    scene.is_guard_wanted = false;
    assert_false(dbm_scene_commit_well(&scene).is_unchanged);
    assert_true(dbm_scene_commit_well(&scene).is_unchanged);
    scene.is_guard_wanted = true;
    assert_false(dbm_scene_commit_well(&scene).is_unchanged);
    assert_true(dbm_scene_commit_well(&scene).is_unchanged);
    /* Something stands before the guard: it does its work no more. */
    test_key_ground(dbm_scene_keys[99], 12, 3);
    dbm_scene_put(99, DBM_SCENE_NOW + HOUR, DBM_FLAG_GOOD, 9);
    assert_false(dbm_scene_commit_well(&scene).is_unchanged);
    assert_true(dbm_scene_commit_well(&scene).is_unchanged);
}

static void what_apache_writes_meanwhile_is_merged_in(void **state)
{
    struct dbm_scene scene = dbm_scene_of(20);
    struct apache_dbm_outcome outcome;
    struct dbm_record record;

    (void)state;
    dbm_scene_put(60, DBM_SCENE_NOW + HOUR, DBM_FLAG_GOOD, 0x60);
    scene.late_writes = 1;
    outcome = dbm_scene_commit_well(&scene);
    assert_int_equal(outcome.foreign, 2);
    assert_true(dbm_scene_find(81, &record));
    assert_int_equal(record.der[0], 0x77);
    assert_true(dbm_scene_find(60, &record));
    dbm_scene_expect_served(&scene);
}

static void a_writer_that_never_stops_does_not_keep_us(void **state)
{
    struct dbm_scene scene = dbm_scene_of(20);

    (void)state;
    dbm_scene_put(60, DBM_SCENE_NOW + HOUR, DBM_FLAG_GOOD, 0x60);
    scene.late_writes = 10;
    dbm_scene_commit_well(&scene);
    /* Each round reads our value twice, to build and to check: at most three rounds of writes were seen. */
    assert_in_range(scene.late_written, 3, 7);
    dbm_scene_expect_served(&scene);
}

static void what_is_wanted_is_handed_over(void **state)
{
    struct dbm_scene scene = dbm_scene_of(20);
    struct apache_dbm dbm;
    uint8_t value[DBM_VALUE_MAX];
    size_t len = test_value(DBM_SCENE_NOW + HOUR, DBM_FLAG_GOOD, 0x42, value);
    uint8_t digest[32];

    (void)state;
    scene.wanted = 30;
    dbm_scene_put(30, DBM_SCENE_NOW + HOUR, DBM_FLAG_GOOD, 0x42);
    dbm_scene_put(31, DBM_SCENE_NOW + HOUR, DBM_FLAG_GOOD, 0x43);
    assert_int_equal(dbm_scene_begin(&scene, &dbm), REASON_NONE);
    assert_int_equal(dbm.contents.wanted.count, 1);
    assert_memory_equal(dbm.contents.wanted.items[0].key, dbm_scene_keys[30], TEST_KEY_LEN);
    assert_int_equal(dbm.contents.wanted.items[0].value_len, len);
    assert_memory_equal(dbm.contents.wanted.items[0].value, value, len);
    /* What the file held is known until the end, of wanted ones too. */
    test_value_digest(value, len, digest);
    assert_true(dbm_contents_held(&dbm.contents, dbm_scene_keys[30], digest));
    assert_false(dbm_contents_held(&dbm.contents, dbm_scene_keys[32], digest));
    digest[20] ^= 1;
    assert_false(dbm_contents_held(&dbm.contents, dbm_scene_keys[30], digest));
    apache_dbm_end(&dbm);
}

static void a_failed_commit_leaves_the_old_file(void **state)
{
    struct dbm_scene scene = dbm_scene_of(20);
    struct apache_dbm_outcome outcome;
    enum reason begin_reason;
    ino_t inode;

    (void)state;
    dbm_scene_commit_well(&scene);
    inode = dbm_scene_inode();
    scene.version++;
    scene.fail_at = 7;
    outcome = dbm_scene_commit(&scene, &begin_reason);
    assert_int_equal(outcome.reason, REASON_STORE_FAILED);
    assert_int_equal(dbm_scene_inode(), inode);
    scene.version--;
    scene.fail_at = SIZE_MAX;
    dbm_scene_expect_served(&scene);
}

static void keys_in_the_guards_place_stand_behind_it(void **state)
{
    struct dbm_scene scene = dbm_scene_of(19);
    struct apache_dbm_outcome outcome;
    struct dbm_record record;

    (void)state;
    test_key_ground(dbm_scene_keys[19], 24, 2); /* ours, from the second commit on */
    test_key_ground(dbm_scene_keys[70], 24, 1);
    dbm_scene_put(70, DBM_SCENE_NOW + HOUR, DBM_FLAG_GOOD, 1);
    dbm_scene_put(71, DBM_SCENE_NOW + HOUR, DBM_FLAG_GOOD, 1);
    outcome = dbm_scene_commit_well(&scene);
    assert_string_equal(outcome.detail, "19 ours, 2 foreign, scan guard on with 1 behind it, 2^10 buckets");
    assert_true(dbm_scene_find(70, &record) && dbm_scene_find(71, &record));
    scene.own_count++;
    outcome = dbm_scene_commit_well(&scene);
    assert_string_equal(outcome.detail, "20 ours, 2 foreign, scan guard on with 2 behind it, 2^10 buckets");
    dbm_scene_expect_served(&scene);
    assert_true(dbm_scene_commit_well(&scene).is_unchanged);
}

static void an_empty_store_leaves_foreign_records_alone(void **state)
{
    struct dbm_scene scene = dbm_scene_of(0);
    struct dbm_record record;

    (void)state;
    dbm_scene_put(60, DBM_SCENE_NOW + HOUR, DBM_FLAG_GOOD, 0x60);
    dbm_scene_commit_well(&scene);
    assert_true(dbm_scene_find(60, &record));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, dbm_scene_setup, temp_dir_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(p14_makes_a_file_that_apache_can_use),
        TEST(p14_the_mode_is_the_same_under_any_umask),
        TEST(p14_foreign_records_are_carried_over_and_ours_replaced),
        TEST(what_is_expired_or_never_ends_or_is_no_record_goes),
        TEST(with_a_wrong_clock_nothing_is_taken_for_expired),
        TEST(what_is_in_place_already_is_not_written_again),
        TEST(every_difference_is_written),
        TEST(what_apache_writes_meanwhile_is_merged_in),
        TEST(a_writer_that_never_stops_does_not_keep_us),
        TEST(what_is_wanted_is_handed_over),
        TEST(a_failed_commit_leaves_the_old_file),
        TEST(keys_in_the_guards_place_stand_behind_it),
        TEST(an_empty_store_leaves_foreign_records_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
