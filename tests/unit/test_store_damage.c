/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of writer/store/store_home.c with a real environment: damaged files, garbage, bad records (PARITY P15).
 * Runs in: the build.
 * Never: asserts a time.
 */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <db.h>

#include "dbm_keys.h"
#include "store/store.h"
#include "store/store_home.h"
#include "store_scene.h"
#include "temp_dir.h"

/* The names of the store's files, to be damaged one after the other. */
static size_t list_files(char names[8][64])
{
    DIR *dir = opendir("store");
    const struct dirent *entry;
    size_t count = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL && count < 8)
        if (entry->d_name[0] != '.')
            snprintf(names[count++], 64, "store/%.50s", entry->d_name);
    closedir(dir);
    assert_in_range(count, 2, 8);
    return count;
}

static void remove_asides(void)
{
    assert_int_equal(system("rm -rf store store.corrupt-*"), 0);
}

enum damage {
    DAMAGE_GARBAGE,
    DAMAGE_ZEROS,
    DAMAGE_EMPTY,
    DAMAGE_HALF,
    DAMAGE_GONE,
    DAMAGE_END,
};

static void damage_file(const char *name, enum damage damage)
{
    size_t len;
    uint8_t *data = temp_file_read(name, &len);
    uint32_t random = 99;

    switch (damage) {
    case DAMAGE_GARBAGE:
        for (size_t i = 0; i < len; i++)
            data[i] = (uint8_t)test_random(&random);
        break;
    case DAMAGE_ZEROS:
        memset(data, 0, len);
        break;
    case DAMAGE_EMPTY:
        len = 0;
        break;
    case DAMAGE_HALF:
        len = len / 2 + 17;
        break;
    default:
        break;
    }
    if (damage == DAMAGE_GONE)
        assert_int_equal(unlink(name), 0);
    else
        temp_file_write(name, data, len);
    free(data);
}

static bool skip_bad_records(void *context, const uint8_t *id, enum store_result result, const struct store_record *record)
{
    (void)id;
    (void)record;
    *(size_t *)context += result == STORE_OK;
    return true;
}

static void each_file_damaged_in_each_way_ends_in_a_usable_store(void **state)
{
    char names[8][64];
    size_t count;

    (void)state;
    store_scene_fill_store(100);
    count = list_files(names);
    for (size_t file = 0; file < count; file++) {
        for (int damage = DAMAGE_GARBAGE; damage < DAMAGE_END; damage++) {
            struct store_home_outcome outcome;
            struct store *store;
            size_t good = 0;

            remove_asides();
            store_scene_fill_store(100);
            damage_file(names[file], (enum damage)damage);
            store = store_scene_open_home(&outcome);
            assert_int_equal(store_walk(store, skip_bad_records, &good), STORE_OK);
            /* All or nothing: set aside and empty, or whole.  A database that somebody deleted is an empty one. */
            if (damage == DAMAGE_GONE && strcmp(names[file], "store/staples.db") == 0)
                assert_int_equal(good, 0);
            else
                assert_int_equal(good, outcome.is_set_aside ? 0 : 100);
            if (outcome.is_set_aside) {
                assert_string_not_equal(outcome.reason, "");
                assert_int_equal(access(outcome.aside, F_OK), 0);
                assert_int_equal(strncmp(outcome.aside, "store.corrupt-20260102T030405Z", 30), 0);
            }
            store_scene_assert_usable(store);
            store_close(store);
        }
    }
}

/* A page that says of itself that it is damaged (DB_CHKSUM). */
static void a_flipped_bit_in_any_page_is_noticed(void **state)
{
    size_t len;

    (void)state;
    store_scene_fill_store(100);
    free(temp_file_read("store/staples.db", &len));
    for (size_t at = 100; at < len; at += len / 24) {
        struct store_home_outcome outcome;
        struct store *store;
        uint8_t *data;
        size_t good = 0;

        remove_asides();
        store_scene_fill_store(100);
        data = temp_file_read("store/staples.db", &len);
        temp_file_poke("store/staples.db", at, data[at] ^ 0x10);
        free(data);
        store = store_scene_open_home(&outcome);
        assert_int_equal(store_walk(store, skip_bad_records, &good), STORE_OK);
        assert_true(outcome.is_set_aside ? good == 0 : good == 100);
        store_scene_assert_usable(store);
        store_close(store);
    }
}

static void garbage_is_set_aside_and_at_most_three_are_kept(void **state)
{
    (void)state;
    for (int round = 0; round < 6; round++) {
        struct store_home_outcome outcome;
        struct store *store;

        store_scene_fill_store(50);
        damage_file("store/staples.db", DAMAGE_GARBAGE);
        assert_int_equal(store_home_open(".", NOW + round * 3600, &store, &outcome), STORE_OK);
        assert_true(outcome.is_set_aside);
        assert_int_equal(access(outcome.aside, F_OK), 0);
        store_close(store);
        assert_int_equal(store_scene_count_files(".", "store.corrupt-"), round < 3 ? round + 1 : 3);
    }
    /* The newest are those that stay. */
    assert_int_equal(access("store.corrupt-20260102T080405Z", F_OK), 0);
    assert_int_equal(access("store.corrupt-20260102T060405Z", F_OK), 0);
}

static void two_in_one_second_get_two_names(void **state)
{
    struct store_home_outcome first;
    struct store_home_outcome second;

    (void)state;
    store_scene_fill_store(50);
    damage_file("store/staples.db", DAMAGE_GARBAGE);
    store_close(store_scene_open_home(&first));
    store_scene_fill_store(50);
    damage_file("store/staples.db", DAMAGE_GARBAGE);
    store_close(store_scene_open_home(&second));
    assert_true(first.is_set_aside && second.is_set_aside);
    assert_string_not_equal(first.aside, second.aside);
    assert_int_equal(store_scene_count_files(".", "store.corrupt-"), 2);
}

static void a_file_in_the_place_of_the_directory_is_set_aside(void **state)
{
    struct store_home_outcome outcome;
    struct store *store;

    (void)state;
    temp_file_write("store", "not a directory", 15);
    store = store_scene_open_home(&outcome);
    assert_true(outcome.is_set_aside);
    store_scene_assert_usable(store);
    store_close(store);
}

/* Behind the store's back: octets that are no record of ours, on a page whose checksum is right. */
static void put_raw(const uint8_t *key, u_int32_t key_len, const char *octets)
{
    DBT key_dbt = {.data = (void *)(uintptr_t)key, .size = key_len};
    DBT value = {.data = (void *)(uintptr_t)octets, .size = (u_int32_t)strlen(octets)};
    DB_ENV *env = NULL;
    DB *db = NULL;

    assert_int_equal(db_env_create(&env, 0), 0);
    assert_int_equal(env->open(env, "store",
                         DB_CREATE | DB_PRIVATE | DB_RECOVER | DB_INIT_TXN | DB_INIT_LOG | DB_INIT_MPOOL | DB_INIT_LOCK, 0600),
        0);
    assert_int_equal(db_create(&db, env, 0), 0);
    assert_int_equal(db->open(db, NULL, "staples.db", NULL, DB_BTREE, DB_AUTO_COMMIT, 0600), 0);
    assert_int_equal(db->put(db, NULL, &key_dbt, &value, 0), 0);
    assert_int_equal(db->close(db, 0), 0);
    assert_int_equal(env->close(env, 0), 0);
}

static bool count_good_and_bad(void *context, const uint8_t *id, enum store_result result, const struct store_record *record)
{
    size_t *counts = context;

    assert_int_equal(record == NULL, result == STORE_BAD_RECORD);
    counts[result == STORE_OK ? 0 : id != NULL ? 1 : 2]++;
    return true;
}

static void a_bad_record_does_not_spoil_the_others(void **state)
{
    struct store_home_outcome outcome;
    struct store_record record;
    size_t counts[3] = {0}; /* good, bad, with a key that is none */
    struct store *store = store_scene_open_store("store");
    uint8_t id[STORE_ID_LEN];

    (void)state;
    store_scene_put_all(store, 0, 50, 500);
    store_close(store);
    store_scene_make_id(7, id);
    put_raw(id, sizeof id, "no record of ours");
    put_raw((const uint8_t *)"short", 5, "no key of ours");
    store = store_scene_open_home(&outcome);
    assert_false(outcome.is_set_aside);
    assert_int_equal(store_get(store, id, &record), STORE_BAD_RECORD);
    assert_string_not_equal(store_detail(store), "");
    assert_int_equal(store_walk(store, count_good_and_bad, counts), STORE_OK);
    assert_int_equal(counts[0], 49);
    assert_int_equal(counts[1], 1);
    assert_int_equal(counts[2], 1);
    store_scene_put_all(store, 7, 8, 500); /* it is put right */
    assert_int_equal(store_scene_get(store, 7), STORE_OK);
    store_close(store);
}

static void what_is_no_record_never_gets_in(void **state)
{
    struct store *store = store_scene_open_store("store");
    struct store_record record = store_scene_make_record(1, 0);
    uint8_t id[STORE_ID_LEN];

    (void)state;
    store_scene_make_id(1, id);
    assert_int_equal(store_begin(store), STORE_OK);
    assert_int_equal(store_put(store, id, &record), STORE_BAD_RECORD);
    store_abort(store);
    assert_int_equal(store_scene_count_all(store), 0);
    store_close(store);
}

/* Berkeley DB does not free an environment that it has given up on (DB_RUNRECOVERY), not even when it is closed. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libdb-5";
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, temp_dir_setup, temp_dir_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_file_damaged_in_each_way_ends_in_a_usable_store),
        TEST(a_flipped_bit_in_any_page_is_noticed),
        TEST(garbage_is_set_aside_and_at_most_three_are_kept),
        TEST(two_in_one_second_get_two_names),
        TEST(a_file_in_the_place_of_the_directory_is_set_aside),
        TEST(a_bad_record_does_not_spoil_the_others),
        TEST(what_is_no_record_never_gets_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
