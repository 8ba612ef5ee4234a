/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of writer/dbm_layout.c; what Berkeley DB makes of a layout is in test_dbm_bdb.c.
 * Runs in: the build.
 * Never: uses a random source that changes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dbm/dbm_layout.h"
#include "dbm_keys.h"

#define KEYS_MAX 10000u

static uint8_t keys[KEYS_MAX][TEST_KEY_LEN];

static struct dbm_layout layout_of(size_t own, size_t foreign, bool is_guard_wanted)
{
    struct dbm_layout_sum sum = {0};
    struct dbm_layout layout;

    for (size_t i = 0; i < own + foreign; i++)
        dbm_layout_count(&sum, keys[i], TEST_KEY_LEN, 1300, i < own);
    dbm_layout_choose(&sum, is_guard_wanted, &layout);
    return layout;
}

static size_t count_in_bucket_0(const struct dbm_layout *layout, size_t begin, size_t end)
{
    size_t count = 0;

    for (size_t i = begin; i < end; i++)
        count += dbm_layout_bucket(layout, keys[i], TEST_KEY_LEN) == 0;
    return count;
}

/* Values of __ham_func5 that Berkeley DB itself gave: DB_HASH_STAT does not show them, db5.3_stat of one-key files does. */
static void hashes_as_berkeley_db_does(void **state)
{
    (void)state;
    assert_int_equal(dbm_layout_hash((const uint8_t *)"", 0), 0);
    assert_int_equal(dbm_layout_hash((const uint8_t *)"a", 1), 0x61);
    assert_int_equal(dbm_layout_hash((const uint8_t *)"ab", 2), 0x61u * 16777619u ^ 0x62u);
    /* Berkeley DB writes the hash of this string into each file's first page (hash.h, CHARKEY); here as a file showed it. */
    assert_int_equal(dbm_layout_hash((const uint8_t *)"%$sniglet^&", 12), 0x5e688dd1);
}

static void has_more_buckets_than_records(void **state)
{
    (void)state;
    test_keys_random(keys, KEYS_MAX, 1);
    for (size_t n = 0; n <= KEYS_MAX; n += n == 1023 || n == 2047 ? 1 : n + 1) {
        struct dbm_layout layout = layout_of(n, 0, false);

        assert_true((size_t)1 << layout.bits >= n + 1);
        assert_in_range(layout.bits, DBM_LAYOUT_BITS_MIN, DBM_LAYOUT_BITS_MAX);
        assert_false(layout.has_guard);
    }
}

static void keeps_bucket_0_free_for_any_set(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 40; seed++) {
        size_t n = seed == 40 ? KEYS_MAX : seed * 37;
        struct dbm_layout layout;

        test_keys_random(keys, n, seed);
        layout = layout_of(n, 0, true);
        assert_true(layout.has_guard);
        assert_true(layout.bits <= DBM_LAYOUT_BITS_MAX);
        assert_true((size_t)1 << layout.bits >= n + 1);
        assert_int_equal(count_in_bucket_0(&layout, 0, n), 0);
        assert_int_equal(layout.displaced, 0);
        /* No more than are needed: with one bit less, bucket 0 is taken or there is no room. */
        if (layout.bits > DBM_LAYOUT_BITS_MIN) {
            layout.bits--;
            assert_true(count_in_bucket_0(&layout, 0, n) > 0 || (size_t)1 << layout.bits < n + 1);
        }
    }
}

static void a_key_may_push_a_little_and_then_stands_behind_the_guard(void **state)
{
    (void)state;
    for (unsigned zeros = 0; zeros <= 26; zeros++)
        for (size_t which = 0; which < 20; which += 10) { /* one of ours, a foreign one */
            struct dbm_layout layout;
            size_t behind = zeros < DBM_LAYOUT_RAISED_BITS ? 0 : 1;

            test_keys_random(keys, 20, 11);
            test_key_ground(keys[which + 5], zeros, 5);
            layout = layout_of(10, 10, true);
            assert_true(layout.has_guard);
            assert_in_range(layout.bits, DBM_LAYOUT_BITS_MIN, DBM_LAYOUT_RAISED_BITS);
            assert_int_equal(layout.own_behind, which == 0 ? behind : 0);
            assert_int_equal(layout.foreign_behind, which == 0 ? 0 : behind);
            assert_int_equal(layout.displaced, 0);
            assert_int_equal(count_in_bucket_0(&layout, 0, 20), behind);
        }
}

/* One key for each number of low zero bits: whatever the number of buckets, one of them stands in bucket 0. */
static void a_set_that_no_number_of_buckets_suits_has_a_guard_too(void **state)
{
    struct dbm_layout layout;

    (void)state;
    for (unsigned zeros = 0; zeros <= DBM_LAYOUT_BITS_MAX; zeros++)
        test_key_ground(keys[zeros], zeros, zeros + 1);
    layout = layout_of(DBM_LAYOUT_BITS_MAX + 1, 0, true);
    assert_true(layout.has_guard);
    assert_int_equal(layout.bits, DBM_LAYOUT_RAISED_BITS);
    assert_int_equal(layout.own_behind, DBM_LAYOUT_BITS_MAX + 1 - DBM_LAYOUT_RAISED_BITS);
    assert_int_equal(layout.own_behind, count_in_bucket_0(&layout, 0, DBM_LAYOUT_BITS_MAX + 1));
}

static void only_so_many_foreign_keys_stand_behind_the_guard(void **state)
{
    struct dbm_layout layout;

    (void)state;
    test_keys_behind(keys, 200, 1);
    layout = layout_of(100, 100, true);
    assert_true(layout.has_guard);
    assert_int_equal(layout.own_behind, 100);
    assert_int_equal(layout.foreign_behind, DBM_LAYOUT_FOREIGN_BEHIND_MAX);
    assert_int_equal(layout.displaced, 100 - DBM_LAYOUT_FOREIGN_BEHIND_MAX);
}

static void among_many_records_a_key_may_push_further(void **state)
{
    struct dbm_layout layout;

    (void)state;
    test_keys_random(keys, KEYS_MAX, 14);
    test_key_ground(keys[0], 19, 1);
    layout = layout_of(KEYS_MAX, 0, true);
    assert_int_equal(layout.bits, 20);
    assert_int_equal(layout.own_behind, 0);
}

static void the_page_is_the_one_that_takes_less_room(void **state)
{
    static const struct {
        size_t value_len;
        unsigned page_len;
    } rows[] = {{9, 4096}, {500, 4096}, {1024, 4096}, {1025, 8192}, {1300, 8192}, {2048, 8192}, {2049, 4096}, {4070, 4096}};

    (void)state;
    test_keys_random(keys, 1, 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dbm_layout_sum sum = {0};
        struct dbm_layout layout;

        dbm_layout_count(&sum, keys[0], TEST_KEY_LEN, rows[i].value_len, true);
        dbm_layout_choose(&sum, true, &layout);
        assert_int_equal(layout.page_len, rows[i].page_len);
    }
}

static void without_a_guard_nothing_is_moved(void **state)
{
    struct dbm_layout layout;

    (void)state;
    test_keys_random(keys, 20, 14);
    test_key_ground(keys[15], 26, 1);
    layout = layout_of(10, 10, false);
    assert_int_equal(layout.displaced + layout.own_behind + layout.foreign_behind, 0);
    assert_int_equal(layout.bits, DBM_LAYOUT_BITS_MIN);
}

static void an_empty_set_has_a_guard_too(void **state)
{
    struct dbm_layout layout = layout_of(0, 0, true);

    (void)state;
    assert_true(layout.has_guard);
    assert_int_equal(layout.bits, DBM_LAYOUT_BITS_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_as_berkeley_db_does),
        cmocka_unit_test(has_more_buckets_than_records),
        cmocka_unit_test(keeps_bucket_0_free_for_any_set),
        cmocka_unit_test(a_key_may_push_a_little_and_then_stands_behind_the_guard),
        cmocka_unit_test(a_set_that_no_number_of_buckets_suits_has_a_guard_too),
        cmocka_unit_test(only_so_many_foreign_keys_stand_behind_the_guard),
        cmocka_unit_test(among_many_records_a_key_may_push_further),
        cmocka_unit_test(the_page_is_the_one_that_takes_less_room),
        cmocka_unit_test(without_a_guard_nothing_is_moved),
        cmocka_unit_test(an_empty_set_has_a_guard_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
