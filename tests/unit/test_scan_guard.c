/* SPDX-License-Identifier: ISC */
/*
 * Owns: proof that the scan guard holds for every set of keys, and of what the file then takes on disk: the layout and the
 *       driver together, over sets at random and sets made against them, up to 100,000 keys.
 * Runs in: unit tests.
 * Never: trusts the module under test to look at its own work: Berkeley DB is asked directly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <db.h>

#include "dbm/dbm_driver.h"
#include "dbm/dbm_record.h"
#include "dbm_keys.h"
#include "temp_dir.h"

#define KEYS_MAX 100000u
#define NAME "cache.db"

/* What a file may take on disk, for each record, from 1,000 records on. */
#define DISK_LEN_MAX 10240u

static uint8_t keys[KEYS_MAX][TEST_KEY_LEN];
static struct dbm_layout layout;
static size_t value_len;

static int compare(const void *a, const void *b)
{
    uint32_t x = dbm_layout_bucket(&layout, a, TEST_KEY_LEN);
    uint32_t y = dbm_layout_bucket(&layout, b, TEST_KEY_LEN);

    return (x > y) - (x < y);
}

static bool get(void *context, size_t i, struct dbm_pair *pair)
{
    static uint8_t value[DBM_VALUE_MAX];

    (void)context;
    memset(value, (int)(i % 251), value_len);
    memcpy(value, &i, sizeof i);
    *pair = (struct dbm_pair){.key = keys[i], .key_len = TEST_KEY_LEN, .value = value, .value_len = value_len};
    return true;
}

static const uint8_t *get_key(void *context, size_t i)
{
    (void)context;
    return keys[i];
}

static bool is_same(void *context, size_t i, const uint8_t *value, size_t len)
{
    struct dbm_pair pair;

    get(context, i, &pair);
    return len == pair.value_len && memcmp(value, pair.value, len) == 0;
}

static size_t choose(size_t count)
{
    struct dbm_layout_sum sum = {0};
    size_t in_bucket_0 = 0;

    for (size_t i = 0; i < count; i++)
        dbm_layout_count(&sum, keys[i], TEST_KEY_LEN, value_len, true);
    dbm_layout_choose(&sum, true, &layout);
    assert_true(layout.has_guard);
    assert_true((size_t)1 << layout.bits > count);
    assert_true(layout.bits <= DBM_LAYOUT_BITS_MAX);
    for (size_t i = 0; i < count; i++)
        in_bucket_0 += dbm_layout_bucket(&layout, keys[i], TEST_KEY_LEN) == 0;
    assert_int_equal(in_bucket_0, layout.own_behind);
    assert_int_equal(layout.foreign_behind + layout.displaced, 0);
    return in_bucket_0;
}

/* What mod_socache_dbm's walk sees: apr_dbm_firstkey gives DBT.data, and NULL ends it. */
static void assert_guard_is_first(DB *db)
{
    DBC *cursor = NULL;
    DBT key = {0};
    DBT value = {0};

    assert_int_equal(db->cursor(db, NULL, &cursor, 0), 0);
    assert_int_equal(cursor->get(cursor, &key, &value, DB_FIRST), 0);
    assert_null(key.data);
    assert_int_equal(key.size, 0);
    cursor->close(cursor);
}

static void assert_each_is_served(DB *db, size_t count)
{
    struct dbm_pair pair;

    for (size_t i = 0; i < count; i++) {
        DBT key = {.data = keys[i], .size = TEST_KEY_LEN};
        DBT value = {0};

        get(NULL, i, &pair);
        assert_int_equal(db->get(db, NULL, &key, &value, 0), 0);
        assert_int_equal(value.size, value_len);
        assert_memory_equal(value.data, pair.value, value_len);
    }
}

/* Each of `count` keys in a file of the layout: the guard first, all of them served, nothing else, and sound.  Octets on disk. */
static size_t build(size_t count)
{
    const struct dbm_source source = {.count = count, .get = get, .key = get_key, .is_same = is_same};
    char words[DETAIL_MAX + 1];
    DB_HASH_STAT *stat = NULL;
    struct stat st;
    DB *db = NULL;

    qsort(keys, count, TEST_KEY_LEN, compare);
    unlink(NAME);
    assert_int_equal(dbm_driver_bdb.build(NAME, &layout, &source, words), DBM_DRIVER_OK);
    assert_int_equal(dbm_driver_bdb.check(NAME, &layout, &source, words), DBM_DRIVER_OK);
    assert_int_equal(db_create(&db, NULL, 0), 0);
    assert_int_equal(db->open(db, NULL, NAME, NULL, DB_HASH, DB_RDONLY, 0), 0);
    assert_guard_is_first(db);
    assert_each_is_served(db, count);
    assert_int_equal(db->stat(db, NULL, &stat, layout.bits > 17 ? DB_FAST_STAT : 0), 0);
    assert_true(stat->hash_buckets >= 1u << layout.bits);
    assert_int_equal(stat->hash_pagesize, layout.page_len);
    if (layout.bits <= 17)
        assert_int_equal(stat->hash_nkeys, count + 1);
    free(stat);
    db->close(db, 0);
    assert_int_equal(db_create(&db, NULL, 0), 0);
    if (layout.bits <= 14) /* it looks at each page, holes too */
        assert_int_equal(db->verify(db, NAME, NULL, NULL, 0), 0);
    else
        db->close(db, 0);
    assert_int_equal(lstat(NAME, &st), 0);
    return (size_t)st.st_blocks * 512;
}

static void holds_for_sets_at_random(void **state)
{
    static const size_t counts[] = {0, 1, 2, 10, 1000, 1023, 16383};

    (void)state;
    value_len = 1300;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        test_keys_random(keys, counts[i], (uint32_t)i + 1);
        choose(counts[i]);
        build(counts[i]);
    }
    /* The layout alone is fast: many sets. */
    for (uint32_t seed = 1; seed <= 100; seed++) {
        size_t count = seed % 50 == 0 ? KEYS_MAX : (size_t)seed * seed;

        test_keys_random(keys, count, seed + 100);
        choose(count);
    }
}

/* For each number of buckets up to the most a set with a key that stands in bucket 0 with just so many. */
static void holds_for_sets_with_a_key_against_each_number_of_buckets(void **state)
{
    (void)state;
    value_len = 1300;
    for (unsigned zeros = 0; zeros <= DBM_LAYOUT_BITS_MAX; zeros++) {
        test_keys_random(keys, 2000, zeros + 1);
        for (unsigned i = 0; i <= zeros; i++) /* and for each smaller number another */
            test_key_ground(keys[i * 80], i, zeros + i + 1);
        choose(2000);
        if (zeros % 7 == 1)
            build(2000);
    }
}

/* Every key in bucket 0, whatever the number of buckets. */
static void holds_where_every_key_is_made_against_it(void **state)
{
    static const size_t counts[] = {1, 2, 7, 300};
    static const size_t lens[] = {9, 1300, 2048, 2049, DBM_VALUE_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        for (size_t j = 0; j < sizeof lens / sizeof lens[0]; j++) {
            value_len = lens[j];
            test_keys_behind(keys, counts[i], (uint32_t)(i + j + 1));
            assert_int_equal(choose(counts[i]), counts[i]);
            build(counts[i]);
        }
}

static void holds_for_a_hundred_thousand_made_against_it(void **state)
{
    (void)state;
    value_len = 1300;
    test_keys_behind(keys, KEYS_MAX, 5);
    assert_int_equal(choose(KEYS_MAX), KEYS_MAX); /* the layout: building such a file takes the square of their number */
    test_keys_random(keys, KEYS_MAX, 6);
    test_keys_behind(keys, 100, 7);
    assert_in_range(choose(KEYS_MAX), 100, 105);
    assert_in_range(choose(20000), 100, 105);
    assert_true(build(20000) < 20000 * (size_t)DISK_LEN_MAX);
}

/* Responses of 300 octets (ECDSA) to 4 KB; as many buckets as the count asks for, and as many as one hostile key can. */
static void stays_below_ten_kib_a_record_on_disk(void **state)
{
    static const size_t counts[] = {1000, 10000};
    static const size_t lens[] = {300, 1300, 2040, 2100, 4000};

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        for (size_t j = 0; j < sizeof lens / sizeof lens[0]; j++)
            for (unsigned is_pushed = 0; is_pushed <= (i == 0); is_pushed++) {
                value_len = lens[j];
                test_keys_random(keys, counts[i], (uint32_t)(i + j + 1));
                if (is_pushed)
                    test_key_ground(keys[3], 15, 2);
                choose(counts[i]);
                assert_true(build(counts[i]) < counts[i] * DISK_LEN_MAX);
            }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, temp_dir_setup, temp_dir_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(holds_for_sets_at_random),
        TEST(holds_for_sets_with_a_key_against_each_number_of_buckets),
        TEST(holds_where_every_key_is_made_against_it),
        TEST(holds_for_a_hundred_thousand_made_against_it),
        TEST(stays_below_ten_kib_a_record_on_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
