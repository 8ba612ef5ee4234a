/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of writer/dbm/apache_dbm.c and writer/dbm/dbm_place.c with real Berkeley DB files (PARITY P14).
 * Runs in: the build.
 * Never: asks a clock.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <db.h>

#include "dbm/apache_dbm.h"
#include "dbm_keys.h"
#include "dbm_values.h"
#include "temp_dir.h"

#define NAME "ocsp_cache.db"
#define TEMPORARY ".ocsp_cache.db.stapleguard-new"
#define NOW INT64_C(1767323045)
#define USEC INT64_C(1000000)
#define HOUR INT64_C(3600)
#define OWN_MAX 50u

/* Keys: ours are the first ones, in ascending order; others come after them. */
static uint8_t keys[100][TEST_KEY_LEN];

struct world {
    size_t own_count;
    size_t fail_at;       /* own's value cannot be had */
    uint8_t version;      /* of our values */
    unsigned late_writes; /* so many times somebody writes to the file in place while we build */
    unsigned late_written;
    int wanted; /* this key is ours, but nothing is held for it; -1: none */
    bool is_guard_wanted;
    bool is_time_judged;
};

static struct world world_of(size_t own_count)
{
    return (struct world){
        .own_count = own_count, .fail_at = SIZE_MAX, .wanted = -1, .is_guard_wanted = true, .is_time_judged = true};
}

static enum dbm_owner owner_of(void *context, const uint8_t key[DBM_KEY_LEN])
{
    const struct world *world = context;

    if (world->wanted >= 0 && memcmp(keys[world->wanted], key, DBM_KEY_LEN) == 0)
        return DBM_OWNER_WANTED;
    for (size_t i = 0; i < OWN_MAX; i++)
        if (memcmp(keys[i], key, DBM_KEY_LEN) == 0)
            return DBM_OWNER_OURS;
    return DBM_OWNER_FOREIGN;
}

static void put_foreign(size_t number, int64_t expiry, enum dbm_flag flag, uint8_t content)
{
    uint8_t value[DBM_VALUE_MAX];
    size_t len = test_value(expiry, flag, content, value);

    test_put_as_apache(NAME, keys[number], TEST_KEY_LEN, value, len);
}

static const uint8_t *own_key(void *context, size_t i)
{
    (void)context;
    return keys[i];
}

static size_t own_value_len(void *context, size_t i)
{
    return own_key(context, i) == NULL ? 0 : TEST_VALUE_LEN;
}

static size_t make_own_value(const struct world *world, size_t i, uint8_t out[DBM_VALUE_MAX])
{
    return test_value(NOW + 10 * HOUR, DBM_FLAG_GOOD, (uint8_t)(i + world->version), out);
}

static const uint8_t *own_digest(void *context, size_t i)
{
    static uint8_t digest[32];
    uint8_t value[DBM_VALUE_MAX];

    test_value_digest(value, make_own_value(context, i, value), digest);
    return digest;
}

static bool own_value(void *context, size_t i, uint8_t out[DBM_VALUE_MAX], size_t *len)
{
    struct world *world = context;

    if (i == world->fail_at)
        return false;
    if (i == 0 && world->late_written < world->late_writes) {
        world->late_written++;
        put_foreign(80 + world->late_written, NOW + HOUR, DBM_FLAG_GOOD, 0x77);
    }
    *len = make_own_value(world, i, out);
    return true;
}

/* One whole commit.  begin_reason: what the first half said. */
static struct apache_dbm_outcome commit(struct world *world, enum reason *begin_reason)
{
    const struct apache_dbm_rules rules = {
        .name = NAME,
        .is_guard_wanted = world->is_guard_wanted,
        .reading = {.driver = &dbm_driver_bdb,
            .timeout_sec = 20,
            .is_time_judged = world->is_time_judged,
            .now = NOW,
            .owner_of = owner_of,
            .context = world},
    };
    const struct apache_dbm_own own = {
        .count = world->own_count,
        .key = own_key,
        .value_len = own_value_len,
        .digest = own_digest,
        .value = own_value,
        .context = world,
    };
    struct apache_dbm_outcome outcome = {.reason = REASON_COUNT};
    struct apache_dbm dbm;

    *begin_reason = apache_dbm_begin(&dbm, &rules);
    if (*begin_reason == REASON_NONE)
        apache_dbm_commit(&dbm, &own, &outcome);
    else
        assert_string_not_equal(dbm.place.detail, "");
    apache_dbm_end(&dbm);
    assert_int_equal(access(TEMPORARY, F_OK), -1);
    return outcome;
}

static struct apache_dbm_outcome commit_well(struct world *world)
{
    enum reason begin_reason;
    struct apache_dbm_outcome outcome = commit(world, &begin_reason);

    assert_int_equal(begin_reason, REASON_NONE);
    assert_int_equal(outcome.reason, REASON_NONE);
    return outcome;
}

/* The record of a key as Apache would find it; false: none. */
static bool find(size_t number, struct dbm_record *record)
{
    static uint8_t copy[DBM_VALUE_MAX];
    DBT key = {.data = keys[number], .size = TEST_KEY_LEN};
    DBT value = {0};
    DB *db = NULL;
    int error;

    assert_int_equal(db_create(&db, NULL, 0), 0);
    assert_int_equal(db->open(db, NULL, NAME, NULL, DB_HASH, DB_RDONLY, 0), 0);
    error = db->get(db, NULL, &key, &value, 0);
    if (error == 0) {
        memcpy(copy, value.data, value.size);
        assert_int_equal(dbm_record_decode(copy, value.size, record), DBM_RESULT_OK);
    }
    db->close(db, 0);
    return error == 0;
}

static void assert_served(struct world *world)
{
    for (size_t i = 0; i < world->own_count; i++) {
        struct dbm_record record;

        assert_true(find(i, &record));
        assert_int_equal(record.expiry_usec, (NOW + 10 * HOUR) * USEC);
        assert_int_equal(record.flag, DBM_FLAG_GOOD);
        assert_int_equal(record.der[0], (uint8_t)(i + world->version));
    }
}

static ino_t inode_in_place(void)
{
    struct stat st;

    assert_int_equal(stat(NAME, &st), 0);
    return st.st_ino;
}

static void p14_makes_a_file_that_apache_can_use(void **state)
{
    struct world world = world_of(20);
    struct apache_dbm_outcome outcome = commit_well(&world);
    struct stat st;

    (void)state;
    assert_false(outcome.is_unchanged);
    assert_int_equal(outcome.own, 20);
    assert_int_equal(outcome.foreign, 0);
    assert_string_equal(outcome.detail, "20 ours, 0 foreign, scan guard on, 2^10 buckets");
    assert_int_equal(stat(NAME, &st), 0);
    assert_int_equal(st.st_mode, S_IFREG | 0660);
    assert_int_equal(st.st_uid, geteuid());
    assert_int_equal(st.st_gid, getegid());
    assert_int_equal(outcome.disk_bytes, st.st_blocks * 512);
    assert_served(&world);
}

static void p14_the_mode_is_the_same_under_any_umask(void **state)
{
    struct world world = world_of(1);
    mode_t before = umask(077);
    struct stat st;

    (void)state;
    commit_well(&world);
    umask(before);
    assert_int_equal(stat(NAME, &st), 0);
    assert_int_equal(st.st_mode, S_IFREG | 0660);
}

static void p14_foreign_records_are_carried_over_and_ours_replaced(void **state)
{
    struct world world = world_of(20);
    struct apache_dbm_outcome outcome;
    struct dbm_record record;

    (void)state;
    put_foreign(60, NOW + HOUR, DBM_FLAG_GOOD, 0x60);
    put_foreign(61, NOW + HOUR, DBM_FLAG_ERROR, 0x61);
    put_foreign(3, NOW + HOUR, DBM_FLAG_ERROR, 0x33); /* ours, and Apache made it worse */
    put_foreign(40, NOW + HOUR, DBM_FLAG_GOOD, 0x40); /* ours, and withdrawn */
    outcome = commit_well(&world);
    assert_int_equal(outcome.foreign, 2);
    assert_served(&world);
    assert_true(find(60, &record));
    assert_int_equal(record.flag, DBM_FLAG_GOOD);
    assert_int_equal(record.der[0], 0x60);
    assert_int_equal(record.expiry_usec, (NOW + HOUR) * USEC);
    assert_true(find(61, &record));
    assert_int_equal(record.flag, DBM_FLAG_ERROR);
    assert_false(find(40, &record));
    /* And again, and again. */
    world.version++;
    outcome = commit_well(&world);
    assert_int_equal(outcome.foreign, 2);
    assert_true(find(61, &record));
}

static void what_is_expired_or_never_ends_or_is_no_record_goes(void **state)
{
    struct world world = world_of(1);
    struct apache_dbm_outcome outcome;
    struct dbm_record record;
    static const uint8_t junk[] = {1, 2, 3};

    (void)state;
    put_foreign(60, NOW - 1, DBM_FLAG_GOOD, 1);
    put_foreign(61, NOW, DBM_FLAG_GOOD, 1);
    put_foreign(62, NOW + 1, DBM_FLAG_GOOD, 1);
    put_foreign(63, NOW + 366 * 24 * HOUR, DBM_FLAG_GOOD, 1);
    put_foreign(64, NOW + 367 * 24 * HOUR, DBM_FLAG_GOOD, 1);
    test_put_as_apache(NAME, keys[65], TEST_KEY_LEN, junk, sizeof junk);
    test_put_as_apache(NAME, keys[66], 7, junk, sizeof junk);
    outcome = commit_well(&world);
    assert_int_equal(outcome.foreign, 2);
    assert_true(find(62, &record));
    assert_true(find(63, &record));
    assert_false(find(61, &record));
    assert_false(find(64, &record));
}

static void with_a_wrong_clock_nothing_is_taken_for_expired(void **state)
{
    struct world world = world_of(1);

    (void)state;
    world.is_time_judged = false;
    put_foreign(60, NOW - HOUR, DBM_FLAG_GOOD, 1);
    put_foreign(61, NOW + 1000 * 24 * HOUR, DBM_FLAG_GOOD, 1);
    assert_int_equal(commit_well(&world).foreign, 2);
}

static void what_is_in_place_already_is_not_written_again(void **state)
{
    struct world world = world_of(20);
    struct apache_dbm_outcome outcome;
    ino_t inode;

    (void)state;
    put_foreign(60, NOW + HOUR, DBM_FLAG_GOOD, 0x60);
    commit_well(&world);
    inode = inode_in_place();
    outcome = commit_well(&world);
    assert_true(outcome.is_unchanged);
    assert_int_equal(outcome.own, 20);
    assert_int_equal(outcome.foreign, 1);
    assert_string_equal(outcome.detail, "unchanged: 20 ours, 1 foreign, scan guard on, 2^10 buckets");
    assert_int_equal(inode_in_place(), inode);
}

static void every_difference_is_written(void **state)
{
    struct world world = world_of(20);

    (void)state;
    commit_well(&world);
    world.version++; /* other responses */
    assert_false(commit_well(&world).is_unchanged);
    world.own_count--; /* one fewer */
    assert_false(commit_well(&world).is_unchanged);
    world.own_count++; /* one more */
    assert_false(commit_well(&world).is_unchanged);
    assert_int_equal(chmod(NAME, 0644), 0);
    assert_false(commit_well(&world).is_unchanged);
    put_foreign(5, NOW + HOUR, DBM_FLAG_ERROR, 9); /* Apache overwrote one of ours */
    assert_false(commit_well(&world).is_unchanged);
    assert_served(&world);
    put_foreign(45, NOW + HOUR, DBM_FLAG_ERROR, 9); /* Apache stored one of ours that is withdrawn */
    assert_false(commit_well(&world).is_unchanged);
    put_foreign(60, NOW - 1, DBM_FLAG_GOOD, 9); /* a foreign one expired */
    assert_false(commit_well(&world).is_unchanged);
    world.is_guard_wanted = false;
    assert_false(commit_well(&world).is_unchanged);
    assert_true(commit_well(&world).is_unchanged);
    world.is_guard_wanted = true;
    assert_false(commit_well(&world).is_unchanged);
    assert_true(commit_well(&world).is_unchanged);
    /* Something stands before the guard: it does its work no more. */
    test_key_ground(keys[99], 12, 3);
    put_foreign(99, NOW + HOUR, DBM_FLAG_GOOD, 9);
    assert_false(commit_well(&world).is_unchanged);
    assert_true(commit_well(&world).is_unchanged);
}

static void what_apache_writes_meanwhile_is_merged_in(void **state)
{
    struct world world = world_of(20);
    struct apache_dbm_outcome outcome;
    struct dbm_record record;

    (void)state;
    put_foreign(60, NOW + HOUR, DBM_FLAG_GOOD, 0x60);
    world.late_writes = 1;
    outcome = commit_well(&world);
    assert_int_equal(outcome.foreign, 2);
    assert_true(find(81, &record));
    assert_int_equal(record.der[0], 0x77);
    assert_true(find(60, &record));
    assert_served(&world);
}

static void a_writer_that_never_stops_does_not_keep_us(void **state)
{
    struct world world = world_of(20);

    (void)state;
    put_foreign(60, NOW + HOUR, DBM_FLAG_GOOD, 0x60);
    world.late_writes = 10;
    commit_well(&world);
    /* Each round reads our value twice, to build and to check: at most three rounds of writes were seen. */
    assert_in_range(world.late_written, 3, 7);
    assert_served(&world);
}

static void what_is_wanted_is_handed_over(void **state)
{
    struct world world = world_of(20);
    const struct apache_dbm_rules rules = {.name = NAME,
        .is_guard_wanted = true,
        .reading = {.driver = &dbm_driver_bdb,
            .timeout_sec = 20,
            .is_time_judged = true,
            .now = NOW,
            .owner_of = owner_of,
            .context = &world}};
    struct apache_dbm dbm;
    uint8_t value[DBM_VALUE_MAX];
    size_t len = test_value(NOW + HOUR, DBM_FLAG_GOOD, 0x42, value);
    uint8_t digest[32];

    (void)state;
    world.wanted = 30;
    put_foreign(30, NOW + HOUR, DBM_FLAG_GOOD, 0x42);
    put_foreign(31, NOW + HOUR, DBM_FLAG_GOOD, 0x43);
    assert_int_equal(apache_dbm_begin(&dbm, &rules), REASON_NONE);
    assert_int_equal(dbm.contents.wanted.count, 1);
    assert_memory_equal(dbm.contents.wanted.items[0].key, keys[30], TEST_KEY_LEN);
    assert_int_equal(dbm.contents.wanted.items[0].value_len, len);
    assert_memory_equal(dbm.contents.wanted.items[0].value, value, len);
    /* What the file held is known until the end, of wanted ones too. */
    test_value_digest(value, len, digest);
    assert_true(dbm_contents_held(&dbm.contents, keys[30], digest));
    assert_false(dbm_contents_held(&dbm.contents, keys[32], digest));
    digest[20] ^= 1;
    assert_false(dbm_contents_held(&dbm.contents, keys[30], digest));
    apache_dbm_end(&dbm);
}

static enum reason refusal(const char *part_of_detail)
{
    struct world world = world_of(1);
    const struct apache_dbm_rules rules = {.name = NAME,
        .reading = {.driver = &dbm_driver_bdb,
            .timeout_sec = 20,
            .is_time_judged = true,
            .now = NOW,
            .owner_of = owner_of,
            .context = &world}};
    struct apache_dbm dbm;
    enum reason reason = apache_dbm_begin(&dbm, &rules);

    if (strstr(dbm.place.detail, part_of_detail) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", dbm.place.detail, part_of_detail);
    apache_dbm_end(&dbm);
    return reason;
}

static void another_kind_of_dbm_is_refused_by_name(void **state)
{
    DB *db = NULL;

    (void)state;
    temp_file_write(NAME, "\xcf\x9a\x57\x13\0\0\0\0\0\0\0\0\0\0\0\0\0", 17);
    assert_int_equal(refusal("a GDBM file"), REASON_NOT_BERKELEY_DB);
    temp_file_write(NAME, "just some words\n", 16);
    assert_int_equal(refusal("a text file"), REASON_NOT_BERKELEY_DB);
    temp_file_write(NAME,
        "\x7f"
        "ELF\x02\x01\x01\x00",
        8);
    assert_int_equal(refusal("not known"), REASON_NOT_BERKELEY_DB);
    unlink(NAME);
    assert_int_equal(db_create(&db, NULL, 0), 0);
    assert_int_equal(db->open(db, NULL, NAME, NULL, DB_BTREE, DB_CREATE, 0600), 0);
    assert_int_equal(db->close(db, 0), 0);
    assert_int_equal(refusal("a Berkeley DB B-tree file"), REASON_NOT_BERKELEY_DB);
    unlink(NAME);
    temp_file_write(NAME ".pag", "", 0);
    temp_file_write(NAME ".dir", "", 0);
    assert_int_equal(refusal("SDBM"), REASON_NOT_BERKELEY_DB);
}

static void what_is_no_file_is_refused_and_left_alone(void **state)
{
    struct stat st;

    (void)state;
    temp_file_write("elsewhere", "precious", 8);
    assert_int_equal(symlink("elsewhere", NAME), 0);
    assert_int_equal(refusal("a symbolic link"), REASON_DBM_UNWRITABLE);
    assert_int_equal(lstat(NAME, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(unlink(NAME), 0);
    assert_int_equal(mkfifo(NAME, 0600), 0);
    assert_int_equal(refusal("a FIFO"), REASON_DBM_UNWRITABLE);
    assert_int_equal(unlink(NAME), 0);
    assert_int_equal(mkdir(NAME, 0700), 0);
    assert_int_equal(refusal("a directory"), REASON_DBM_UNWRITABLE);
}

static void an_empty_file_and_a_damaged_one_are_replaced(void **state)
{
    static const uint8_t zeros[9000];
    struct world world = world_of(5);
    uint8_t *data;
    size_t len;

    (void)state;
    temp_file_write(NAME, "", 0);
    commit_well(&world);
    assert_served(&world);
    temp_file_write(NAME, zeros, sizeof zeros);
    commit_well(&world);
    assert_served(&world);
    data = temp_file_read(NAME, &len);
    memset(data + 16, 0xee, 200); /* the first page behind the magic */
    temp_file_write(NAME, data, len);
    free(data);
    commit_well(&world);
    assert_served(&world);
}

static void left_overs_of_a_run_that_was_killed_are_removed(void **state)
{
    struct world world = world_of(5);

    (void)state;
    temp_file_write(TEMPORARY, "half a file", 11);
    temp_file_write("__db." TEMPORARY, "a quarter", 9);
    commit_well(&world);
    assert_int_equal(access("__db." TEMPORARY, F_OK), -1);
    assert_served(&world);
}

static void a_failed_commit_leaves_the_old_file(void **state)
{
    struct world world = world_of(20);
    struct apache_dbm_outcome outcome;
    enum reason begin_reason;
    ino_t inode;

    (void)state;
    commit_well(&world);
    inode = inode_in_place();
    world.version++;
    world.fail_at = 7;
    outcome = commit(&world, &begin_reason);
    assert_int_equal(outcome.reason, REASON_STORE_FAILED);
    assert_int_equal(inode_in_place(), inode);
    world.version--;
    world.fail_at = SIZE_MAX;
    assert_served(&world);
}

static void an_obstacle_is_named(void **state)
{
    (void)state;
    assert_int_equal(mkdir("__db." TEMPORARY, 0700), 0); /* not ours to remove */
    assert_int_equal(refusal(TEMPORARY), REASON_DBM_UNWRITABLE);
    assert_int_equal(access(NAME, F_OK), -1);
}

static void keys_in_the_guards_place_stand_behind_it(void **state)
{
    struct world world = world_of(19);
    struct apache_dbm_outcome outcome;
    struct dbm_record record;

    (void)state;
    test_key_ground(keys[19], 24, 2); /* ours, from the second commit on */
    test_key_ground(keys[70], 24, 1);
    put_foreign(70, NOW + HOUR, DBM_FLAG_GOOD, 1);
    put_foreign(71, NOW + HOUR, DBM_FLAG_GOOD, 1);
    outcome = commit_well(&world);
    assert_string_equal(outcome.detail, "19 ours, 2 foreign, scan guard on with 1 behind it, 2^10 buckets");
    assert_true(find(70, &record) && find(71, &record));
    world.own_count++;
    outcome = commit_well(&world);
    assert_string_equal(outcome.detail, "20 ours, 2 foreign, scan guard on with 2 behind it, 2^10 buckets");
    assert_served(&world);
    assert_true(commit_well(&world).is_unchanged);
}

static void an_empty_store_leaves_foreign_records_alone(void **state)
{
    struct world world = world_of(0);
    struct dbm_record record;

    (void)state;
    put_foreign(60, NOW + HOUR, DBM_FLAG_GOOD, 0x60);
    commit_well(&world);
    assert_true(find(60, &record));
}

static void a_name_that_leaves_no_room_is_refused(void **state)
{
    char name[NAME_MAX + 1];
    char temporary[NAME_MAX + 1];

    (void)state;
    memset(name, 'n', sizeof name);
    name[NAME_MAX] = '\0';
    assert_false(dbm_place_temporary(name, temporary));
    name[200] = '\0';
    assert_true(dbm_place_temporary(name, temporary));
}

static int setup(void **state)
{
    test_keys_random(keys, 100, 1);
    return temp_dir_setup(state);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, temp_dir_teardown)

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
        TEST(another_kind_of_dbm_is_refused_by_name),
        TEST(what_is_no_file_is_refused_and_left_alone),
        TEST(an_empty_file_and_a_damaged_one_are_replaced),
        TEST(left_overs_of_a_run_that_was_killed_are_removed),
        TEST(a_failed_commit_leaves_the_old_file),
        TEST(an_obstacle_is_named),
        TEST(keys_in_the_guards_place_stand_behind_it),
        TEST(an_empty_store_leaves_foreign_records_alone),
        TEST(a_name_that_leaves_no_room_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
