/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of writer/dbm_entries.c.
 * Runs in: the build.
 * Never: touches a file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dbm/dbm_entries.h"
#include "dbm_keys.h"

static uint8_t keys[500][TEST_KEY_LEN];
static const uint8_t value[DBM_VALUE_MAX] = {1, 2, 3};

static void finds_what_was_added(void **state)
{
    struct dbm_entries entries = {0};

    (void)state;
    test_keys_random(keys, 500, 1);
    for (size_t i = 0; i < 400; i++)
        assert_int_equal(dbm_entries_add(&entries, keys[i], value, i), DBM_ENTRIES_OK);
    dbm_entries_sort(&entries);
    assert_int_equal(entries.count, 400);
    for (size_t i = 0; i < 500; i++) {
        const struct dbm_entry *entry = dbm_entries_find(&entries, keys[i]);

        assert_int_equal(entry != NULL, i < 400);
        if (entry != NULL) {
            assert_int_equal(entry->value_len, i);
            assert_memory_equal(entry->value, value, i);
        }
    }
    dbm_entries_clear(&entries);
    assert_null(dbm_entries_find(&entries, keys[0]));
}

static void the_last_value_of_a_key_counts(void **state)
{
    struct dbm_entries entries = {0};
    size_t octets = 0;

    (void)state;
    test_keys_random(keys, 50, 2);
    for (size_t round = 1; round <= 5; round++)
        for (size_t i = 0; i < 50; i++)
            assert_int_equal(dbm_entries_add(&entries, keys[i], value, round * 10 + i), DBM_ENTRIES_OK);
    dbm_entries_sort(&entries);
    assert_int_equal(entries.count, 50);
    for (size_t i = 0; i < 50; i++) {
        assert_int_equal(dbm_entries_find(&entries, keys[i])->value_len, 50 + i);
        octets += 50 + i;
    }
    assert_int_equal(entries.octets, octets);
    /* More may come after sorting. */
    assert_int_equal(dbm_entries_add(&entries, keys[7], value, 1), DBM_ENTRIES_OK);
    dbm_entries_sort(&entries);
    assert_int_equal(entries.count, 50);
    assert_int_equal(dbm_entries_find(&entries, keys[7])->value_len, 1);
    dbm_entries_clear(&entries);
}

static void keeps_no_more_than_its_bounds(void **state)
{
    struct dbm_entries entries = {0};
    uint8_t key[TEST_KEY_LEN] = {0};

    (void)state;
    for (uint32_t i = 0; i < FOREIGN_ENTRIES_MAX + 5; i++) {
        memcpy(key, &i, sizeof i);
        assert_int_equal(dbm_entries_add(&entries, key, value, 1), i < FOREIGN_ENTRIES_MAX ? DBM_ENTRIES_OK : DBM_ENTRIES_FULL);
    }
    assert_int_equal(entries.count, FOREIGN_ENTRIES_MAX);
    assert_int_equal(entries.dropped, 5);
    dbm_entries_clear(&entries);
    assert_int_equal(entries.dropped, 0);
    for (uint32_t i = 0; i < FOREIGN_BYTES_MAX / DBM_VALUE_MAX + 1; i++) {
        entries.octets += DBM_VALUE_MAX; /* as if they had been added: half a gigabyte is too much for a test */
        if (entries.octets + DBM_VALUE_MAX > FOREIGN_BYTES_MAX)
            break;
    }
    assert_int_equal(dbm_entries_add(&entries, key, value, DBM_VALUE_MAX), DBM_ENTRIES_FULL);
    assert_int_equal(dbm_entries_add(&entries, key, value, DBM_VALUE_MAX + 1), DBM_ENTRIES_FULL);
    assert_int_equal(entries.dropped, 2);
    assert_int_equal(entries.count, 0);
    dbm_entries_clear(&entries);
}

static void an_empty_set_is_sorted_and_found_empty(void **state)
{
    struct dbm_entries entries = {0};

    (void)state;
    dbm_entries_sort(&entries);
    assert_int_equal(entries.count, 0);
    assert_null(dbm_entries_find(&entries, keys[0]));
    dbm_entries_clear(&entries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_added),
        cmocka_unit_test(the_last_value_of_a_key_counts),
        cmocka_unit_test(keeps_no_more_than_its_bounds),
        cmocka_unit_test(an_empty_set_is_sorted_and_found_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
