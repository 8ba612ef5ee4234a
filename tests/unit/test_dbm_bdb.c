/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of writer/dbm_bdb.c with real Berkeley DB files (the scan guard; PARITY P14).
 * Runs in: the build.
 * Never: trusts the module under test to look at its own work: Berkeley DB is asked directly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <db.h>

#include "dbm/dbm_driver.h"
#include "dbm/dbm_record.h"
#include "dbm_keys.h"
#include "temp_dir.h"

#define KEYS_MAX 10000u
#define NAME "cache.db"

static uint8_t keys[KEYS_MAX][TEST_KEY_LEN];

struct set {
    size_t count;
    size_t value_len;
    size_t fail_at; /* get says no here; SIZE_MAX: never */
    size_t lie_at;  /* get gives another value here */
    uint8_t value[DBM_VALUE_MAX];
};

static bool get(void *context, size_t i, struct dbm_pair *pair)
{
    struct set *set = context;

    if (i == set->fail_at)
        return false;
    memset(set->value, (int)(i % 251), set->value_len);
    memcpy(set->value, &i, sizeof i);
    if (i == set->lie_at)
        set->value[set->value_len - 1] ^= 1;
    *pair = (struct dbm_pair){.key = keys[i], .key_len = TEST_KEY_LEN, .value = set->value, .value_len = set->value_len};
    return true;
}

static const uint8_t *get_key(void *context, size_t i)
{
    (void)context;
    return keys[i];
}

static bool is_same(void *context, size_t i, const uint8_t *value, size_t value_len)
{
    struct dbm_pair pair;

    return get(context, i, &pair) && value_len == pair.value_len && memcmp(value, pair.value, value_len) == 0;
}

static struct dbm_layout layout_of(size_t count, bool is_guard_wanted)
{
    struct dbm_layout_sum sum = {0};
    struct dbm_layout layout;

    for (size_t i = 0; i < count; i++)
        dbm_layout_count(&sum, keys[i], TEST_KEY_LEN, 1300, true);
    dbm_layout_choose(&sum, is_guard_wanted, &layout);
    return layout;
}

static struct dbm_source source_of(struct set *set)
{
    return (struct dbm_source){.count = set->count, .get = get, .key = get_key, .is_same = is_same, .context = set};
}

static struct set set_of(size_t count, size_t value_len)
{
    return (struct set){.count = count, .value_len = value_len, .fail_at = SIZE_MAX, .lie_at = SIZE_MAX};
}

static void build(struct set *set, const struct dbm_layout *layout)
{
    const struct dbm_source source = source_of(set);
    char words[DETAIL_MAX + 1];

    unlink(NAME);
    assert_int_equal(dbm_driver_bdb.build(NAME, layout, &source, words), DBM_DRIVER_OK);
    assert_string_equal(words, "");
    assert_int_equal(dbm_driver_bdb.check(NAME, layout, &source, words), DBM_DRIVER_OK);
    assert_string_equal(words, "");
}

static DB *open_as_apache(void)
{
    DB *db = NULL;

    assert_int_equal(db_create(&db, NULL, 0), 0);
    assert_int_equal(db->open(db, NULL, NAME, NULL, DB_HASH, DB_RDONLY, 0), 0);
    return db;
}

/* What mod_socache_dbm's walk sees: apr_dbm_firstkey gives DBT.data, and NULL ends it. */
static void assert_guard_ends_the_walk(void)
{
    DB *db = open_as_apache();
    DBC *cursor = NULL;
    DBT key = {0};
    DBT value = {0};
    struct dbm_record record;

    assert_int_equal(db->cursor(db, NULL, &cursor, 0), 0);
    assert_int_equal(cursor->get(cursor, &key, &value, DB_FIRST), 0);
    assert_null(key.data);
    assert_int_equal(key.size, 0);
    assert_int_equal(value.size, DBM_HEADER_LEN);
    assert_int_equal(dbm_record_decode(value.data, value.size, &record), DBM_RESULT_OK);
    assert_int_equal(record.flag, DBM_FLAG_ERROR);
    assert_true(record.expiry_usec == DBM_GUARD_EXPIRY_USEC);
    cursor->close(cursor);
    db->close(db, 0);
}

static size_t count_records(void)
{
    DB *db = open_as_apache();
    DBC *cursor = NULL;
    size_t count = 0;

    assert_int_equal(db->cursor(db, NULL, &cursor, 0), 0);
    for (;;) {
        DBT key = {0};
        DBT value = {0};

        if (cursor->get(cursor, &key, &value, DB_NEXT) != 0)
            break;
        count++;
    }
    cursor->close(cursor);
    db->close(db, 0);
    return count;
}

static void assert_each_is_served(struct set *set)
{
    DB *db = open_as_apache();
    struct dbm_pair pair;

    for (size_t i = 0; i < set->count; i++) {
        DBT key = {.data = keys[i], .size = TEST_KEY_LEN};
        DBT value = {0};

        assert_true(get(set, i, &pair));
        assert_int_equal(db->get(db, NULL, &key, &value, 0), 0);
        assert_int_equal(value.size, pair.value_len);
        assert_memory_equal(value.data, pair.value, pair.value_len);
    }
    db->close(db, 0);
}

static void assert_sound(void)
{
    DB *db = NULL;

    assert_int_equal(db_create(&db, NULL, 0), 0);
    assert_int_equal(db->verify(db, NAME, NULL, NULL, 0), 0);
}

static size_t buckets_in_file(void)
{
    DB *db = open_as_apache();
    DB_HASH_STAT *stat = NULL;
    size_t buckets;

    assert_int_equal(db->stat(db, NULL, &stat, DB_FAST_STAT), 0);
    buckets = stat->hash_buckets;
    free(stat);
    db->close(db, 0);
    return buckets;
}

static void the_guard_comes_first_in_files_of_every_size(void **state)
{
    static const size_t counts[] = {0, 1, 2, 3, 10, 100, 1000, 1023, 1024, 3000, KEYS_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct set set = set_of(counts[i], 1300);
        struct dbm_layout layout;

        test_keys_random(keys, counts[i], (uint32_t)i + 1);
        layout = layout_of(counts[i], true);
        assert_true(layout.has_guard);
        build(&set, &layout);
        assert_guard_ends_the_walk();
        assert_each_is_served(&set);
        assert_int_equal(count_records(), counts[i] + 1);
        assert_int_equal(buckets_in_file(), (size_t)1 << layout.bits);
        assert_sound();
    }
}

static void the_guard_comes_first_with_keys_that_were_ground(void **state)
{
    (void)state;
    for (unsigned zeros = 0; zeros < DBM_LAYOUT_BITS_MAX; zeros += 3) {
        struct set set = set_of(50, 900);
        struct dbm_layout layout;

        test_keys_random(keys, 50, 21);
        for (unsigned z = 0; z <= zeros; z++)
            test_key_ground(keys[z], z, z + 3);
        layout = layout_of(50, true);
        /* What stands in bucket 0 comes first. */
        for (size_t i = 0, first = 0; i < 50; i++)
            if (dbm_layout_bucket(&layout, keys[i], TEST_KEY_LEN) == 0) {
                uint8_t key[TEST_KEY_LEN];

                memcpy(key, keys[i], sizeof key);
                memcpy(keys[i], keys[first], sizeof key);
                memcpy(keys[first++], key, sizeof key);
            }
        build(&set, &layout);
        assert_guard_ends_the_walk();
        assert_each_is_served(&set);
    }
}

static void the_longest_values_are_served_too(void **state)
{
    struct set set = set_of(40, DBM_VALUE_MAX);
    struct dbm_layout layout;

    (void)state;
    test_keys_random(keys, 40, 31);
    layout = layout_of(40, true);
    build(&set, &layout);
    assert_guard_ends_the_walk();
    assert_each_is_served(&set);
    assert_sound();
}

static void a_file_without_the_guard_is_an_ordinary_one(void **state)
{
    struct set set = set_of(300, 1300);
    struct dbm_layout layout;

    (void)state;
    test_keys_random(keys, 300, 41);
    layout = layout_of(300, false);
    build(&set, &layout);
    assert_int_equal(count_records(), 300);
    assert_each_is_served(&set);
    assert_sound();
}

static void holes_take_no_room(void **state)
{
    static const size_t counts[] = {1000, KEYS_MAX};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct set set = set_of(counts[i], 1300);
        struct dbm_layout layout;
        struct stat st;

        test_keys_random(keys, counts[i], 51);
        test_key_ground(keys[0], i == 0 ? 15 : 19, 51); /* as many buckets as there may be of so many records */
        layout = layout_of(counts[i], true);
        assert_int_equal(layout.bits, i == 0 ? 16 : 20);
        build(&set, &layout);
        assert_int_equal(stat(NAME, &st), 0);
        assert_true((size_t)st.st_blocks * 512 / counts[i] < 10 * 1024);
    }
}

/* What Apache's children add later, through their own handles, must not undo the layout. */
static void apaches_own_additions_split_no_bucket(void **state)
{
    struct set set = set_of(100, 1300);
    struct dbm_layout layout;
    DB *db = NULL;

    (void)state;
    test_keys_random(keys, 3000, 61);
    layout = layout_of(100, true);
    build(&set, &layout);
    assert_int_equal(db_create(&db, NULL, 0), 0);
    assert_int_equal(db->open(db, NULL, NAME, NULL, DB_HASH, DB_CREATE, 0644), 0);
    for (size_t i = 100; i < 3000; i++) {
        DBT key = {.data = keys[i], .size = TEST_KEY_LEN};
        DBT value = {.data = keys[i], .size = TEST_KEY_LEN};

        if (dbm_layout_bucket(&layout, keys[i], TEST_KEY_LEN) != 0)
            assert_int_equal(db->put(db, NULL, &key, &value, 0), 0);
    }
    assert_int_equal(db->close(db, 0), 0);
    assert_int_equal(buckets_in_file(), (size_t)1 << layout.bits);
    assert_guard_ends_the_walk();
    assert_each_is_served(&set);
}

static void check_finds_what_is_wrong(void **state)
{
    struct set set = set_of(100, 1300);
    struct dbm_source source = source_of(&set);
    struct dbm_layout layout;
    struct dbm_layout other;
    char words[DETAIL_MAX + 1];

    (void)state;
    test_keys_random(keys, 101, 71);
    layout = layout_of(100, true);
    build(&set, &layout);
    set.lie_at = 99;
    assert_int_equal(dbm_driver_bdb.check(NAME, &layout, &source, words), DBM_DRIVER_WRONG);
    set.lie_at = SIZE_MAX;
    source.count = 101; /* one more than is there */
    assert_int_equal(dbm_driver_bdb.check(NAME, &layout, &source, words), DBM_DRIVER_WRONG);
    source.count = 99; /* one that nobody asked for */
    assert_int_equal(dbm_driver_bdb.check(NAME, &layout, &source, words), DBM_DRIVER_WRONG);
    source.count = 100;
    other = layout;
    other.bits++;
    assert_int_equal(dbm_driver_bdb.check(NAME, &other, &source, words), DBM_DRIVER_WRONG);
    set.fail_at = 50;
    assert_int_equal(dbm_driver_bdb.check(NAME, &layout, &source, words), DBM_DRIVER_WRONG);
    set.fail_at = SIZE_MAX;
    assert_int_equal(dbm_driver_bdb.check(NAME, &layout, &source, words), DBM_DRIVER_OK);
}

/* The guard is in the file, but a key stands before it. */
static void check_finds_a_guard_that_is_not_first(void **state)
{
    struct set set = set_of(2, DBM_HEADER_LEN); /* as long as the guard's */
    struct dbm_source source = source_of(&set);
    struct dbm_layout layout = {.bits = DBM_LAYOUT_BITS_MIN, .page_len = DBM_LAYOUT_PAGE_LARGE, .has_guard = true};
    char words[DETAIL_MAX + 1];

    (void)state;
    test_keys_random(keys, 2, 81);
    test_key_ground(keys[1], 15, 81);
    assert_int_equal(dbm_driver_bdb.build(NAME, &layout, &source, words), DBM_DRIVER_OK);
    assert_int_equal(dbm_driver_bdb.check(NAME, &layout, &source, words), DBM_DRIVER_NO_GUARD);
}

static void build_says_why_it_fails(void **state)
{
    struct set set = set_of(10, 100);
    const struct dbm_source source = source_of(&set);
    struct dbm_layout layout;
    char words[DETAIL_MAX + 1];

    (void)state;
    test_keys_random(keys, 10, 91);
    layout = layout_of(10, true);
    assert_int_equal(dbm_driver_bdb.build("no-such-directory/" NAME, &layout, &source, words), DBM_DRIVER_FAILED);
    assert_string_not_equal(words, "");
    build(&set, &layout);
    assert_int_equal(dbm_driver_bdb.build(NAME, &layout, &source, words), DBM_DRIVER_FAILED); /* is there already */
    set.fail_at = 5;
    unlink(NAME);
    assert_int_equal(dbm_driver_bdb.build(NAME, &layout, &source, words), DBM_DRIVER_STOPPED);
}

static void check_of_garbage_is_no_crash(void **state)
{
    struct set set = set_of(1, 100);
    const struct dbm_source source = source_of(&set);
    const struct dbm_layout layout = {.bits = DBM_LAYOUT_BITS_MIN, .page_len = DBM_LAYOUT_PAGE_LARGE, .has_guard = true};
    char words[DETAIL_MAX + 1];

    (void)state;
    temp_file_write(NAME, "not a database at all, but long enough to hold a first page's beginning", 72);
    assert_int_equal(dbm_driver_bdb.check(NAME, &layout, &source, words), DBM_DRIVER_DAMAGED);
    assert_string_not_equal(words, "");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, temp_dir_setup, temp_dir_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_guard_comes_first_in_files_of_every_size),
        TEST(the_guard_comes_first_with_keys_that_were_ground),
        TEST(the_longest_values_are_served_too),
        TEST(a_file_without_the_guard_is_an_ordinary_one),
        TEST(holes_take_no_room),
        TEST(apaches_own_additions_split_no_bucket),
        TEST(check_finds_what_is_wrong),
        TEST(check_finds_a_guard_that_is_not_first),
        TEST(build_says_why_it_fails),
        TEST(check_of_garbage_is_no_crash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
