/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of writer/store.c and writer/store_home.c with a real environment: crashes, damage, a full disk (PARITY
 *       P15).
 * Runs in: the build.
 * Never: asserts a time; a store that takes for ever ends the test run.
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
#include "temp_dir.h"

#define NOW INT64_C(1767323045) /* 2026-01-02T03:04:05Z */
#define BATCH 5u

static uint8_t sample_der[STAPLE_DER_MAX];

static void make_id(uint32_t number, uint8_t id[STORE_ID_LEN])
{
    memset(id, 0, STORE_ID_LEN);
    /* Ids are digests: spread, so that neighbours in time are not neighbours in the tree. */
    for (size_t i = 0; i < 4; i++)
        id[i] = (uint8_t)((number * 2654435761u) >> (8 * i));
    memcpy(id + 8, &number, sizeof number);
}

static struct store_record make_record(uint32_t number, size_t der_len)
{
    struct store_record record
        = {.state = CERT_STATE_GOOD, .this_update = NOW + number, .next_update = NOW + 10, .der = sample_der, .der_len = der_len};

    memcpy(record.apache_key, &number, sizeof number);
    return record;
}

static struct store *open_store(const char *directory)
{
    char detail[DETAIL_MAX + 1] = "";
    struct store *store = NULL;

    mkdir(directory, 0700);
    assert_int_equal(store_open(directory, &store, detail), STORE_OK);
    assert_non_null(store);
    return store;
}

static enum store_result put(struct store *store, uint32_t number, size_t der_len)
{
    struct store_record record = make_record(number, der_len);
    uint8_t id[STORE_ID_LEN];

    make_id(number, id);
    return store_put(store, id, &record);
}

static enum store_result get(struct store *store, uint32_t number)
{
    struct store_record record;
    uint8_t id[STORE_ID_LEN];
    enum store_result result;

    make_id(number, id);
    result = store_get(store, id, &record);
    if (result == STORE_OK) {
        assert_int_equal(record.this_update, NOW + number);
        assert_memory_equal(record.apache_key, &number, sizeof number);
        assert_memory_equal(record.der, sample_der, record.der_len);
    }
    return result;
}

static void put_all(struct store *store, uint32_t begin, uint32_t end, size_t der_len)
{
    assert_int_equal(store_begin(store), STORE_OK);
    for (uint32_t i = begin; i < end; i++)
        assert_int_equal(put(store, i, der_len), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
}

static bool count_record(void *context, const uint8_t *id, enum store_result result, const struct store_record *record)
{
    (void)id;
    assert_int_equal(result, STORE_OK);
    assert_non_null(record);
    ++*(size_t *)context;
    return true;
}

static size_t count_all(struct store *store)
{
    size_t count = 0;

    assert_int_equal(store_walk(store, count_record, &count), STORE_OK);
    return count;
}

static void p15_what_is_committed_is_there_after_a_restart(void **state)
{
    struct store *store = open_store("store");

    (void)state;
    assert_int_equal(get(store, 1), STORE_NOT_FOUND);
    put_all(store, 0, 100, 1300);
    put_all(store, 50, 60, STAPLE_DER_MAX); /* replaced by longer ones */
    store_close(store);
    store = open_store("store");
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(get(store, i), STORE_OK);
    assert_int_equal(count_all(store), 100);
    store_close(store);
}

static void a_transaction_is_all_or_nothing_and_sees_itself(void **state)
{
    struct store *store = open_store("store");
    uint8_t id[STORE_ID_LEN];

    (void)state;
    put_all(store, 0, 3, 100);
    assert_int_equal(store_begin(store), STORE_OK);
    assert_int_equal(put(store, 7, 100), STORE_OK);
    make_id(0, id);
    assert_int_equal(store_remove(store, id), STORE_OK);
    make_id(99, id);
    assert_int_equal(store_remove(store, id), STORE_NOT_FOUND);
    assert_int_equal(get(store, 7), STORE_OK);
    assert_int_equal(get(store, 0), STORE_NOT_FOUND);
    store_abort(store);
    assert_int_equal(get(store, 7), STORE_NOT_FOUND);
    assert_int_equal(get(store, 0), STORE_OK);
    assert_int_equal(store_begin(store), STORE_OK);
    assert_int_equal(put(store, 8, 100), STORE_OK);
    store_close(store); /* with a transaction open */
    store = open_store("store");
    assert_int_equal(get(store, 8), STORE_NOT_FOUND);
    assert_int_equal(count_all(store), 3);
    store_close(store);
}

/* In the child: batch after batch, each told to the parent once it is committed. */
static _Noreturn void write_batches(int told_fd, uint32_t first)
{
    char detail[DETAIL_MAX + 1];
    struct store *store = NULL;

    if (store_open("store", &store, detail) != STORE_OK)
        _exit(1);
    for (uint32_t batch = first;; batch++) {
        if (store_begin(store) != STORE_OK)
            _exit(2);
        for (uint32_t i = 0; i < BATCH; i++)
            if (put(store, batch * BATCH + i, 200 + (batch * 977) % 5000) != STORE_OK)
                _exit(3);
        if (store_commit(store) != STORE_OK || write(told_fd, &batch, sizeof batch) != (ssize_t)sizeof batch)
            _exit(4);
    }
}

/*
 * Let a child write, end it at once after `delay_usec` or a number of acknowledged batches; gives the first that is not
 * acknowledged.
 */
static uint32_t write_and_kill(uint32_t first, unsigned batches, useconds_t delay_usec)
{
    uint32_t next = first;
    uint32_t told;
    int fds[2];
    int status;
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        write_batches(fds[1], first);
    close(fds[1]);
    while (batches-- > 0 && read(fds[0], &told, sizeof told) == (ssize_t)sizeof told)
        next = told + 1;
    usleep(delay_usec);
    kill(pid, SIGKILL);
    /* What it said before it died counts as well. */
    while (read(fds[0], &told, sizeof told) == (ssize_t)sizeof told)
        next = told + 1;
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    return next;
}

static void a_kill_at_any_instant_loses_nothing_acknowledged(void **state)
{
    uint32_t random = 1;
    uint32_t next = 0;

    (void)state;
    store_close(open_store("store"));
    for (int round = 0; round < 40; round++) {
        struct store_home_outcome outcome;
        struct store *store = NULL;
        size_t found = 0;

        next = write_and_kill(next, test_random(&random) % 4, test_random(&random) % 3000);
        assert_int_equal(store_home_open(".", NOW, &store, &outcome), STORE_OK);
        assert_false(outcome.is_set_aside);
        for (uint32_t i = 0; i < next * BATCH; i++)
            assert_int_equal(get(store, i), STORE_OK);
        /* The batch that was under way is there as a whole or not at all. */
        for (uint32_t i = 0; i < BATCH; i++)
            found += get(store, next * BATCH + i) == STORE_OK;
        assert_true(found == 0 || found == BATCH);
        next += found == BATCH;
        assert_int_equal(count_all(store), next * BATCH);
        store_close(store);
    }
}

static size_t count_files(const char *directory, const char *prefix)
{
    DIR *dir = opendir(directory);
    const struct dirent *entry;
    size_t count = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL)
        count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    closedir(dir);
    return count;
}

static void the_log_does_not_grow_for_ever(void **state)
{
    struct store *store = open_store("store");

    (void)state;
    for (uint32_t i = 0; i < 60; i++)
        put_all(store, 0, 50, STAPLE_DER_MAX); /* 30 MB in all */
    assert_in_range(count_files("store", "log."), 1, 4);
    store_close(store);
}

static void fill_store(uint32_t count)
{
    struct store *store = open_store("store");

    for (uint32_t i = 0; i < count; i += 50)
        put_all(store, i, i + 50, 3000);
    store_close(store);
}

static struct store *open_home(struct store_home_outcome *outcome)
{
    struct store *store = NULL;

    assert_int_equal(store_home_open(".", NOW, &store, outcome), STORE_OK);
    return store;
}

static void assert_usable(struct store *store)
{
    put_all(store, 1000000, 1000020, 1300);
    for (uint32_t i = 1000000; i < 1000020; i++)
        assert_int_equal(get(store, i), STORE_OK);
}

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
    fill_store(100);
    count = list_files(names);
    for (size_t file = 0; file < count; file++) {
        for (int damage = DAMAGE_GARBAGE; damage < DAMAGE_END; damage++) {
            struct store_home_outcome outcome;
            struct store *store;
            size_t good = 0;

            remove_asides();
            fill_store(100);
            damage_file(names[file], (enum damage)damage);
            store = open_home(&outcome);
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
            assert_usable(store);
            store_close(store);
        }
    }
}

/* A page that says of itself that it is damaged (DB_CHKSUM). */
static void a_flipped_bit_in_any_page_is_noticed(void **state)
{
    size_t len;

    (void)state;
    fill_store(100);
    free(temp_file_read("store/staples.db", &len));
    for (size_t at = 100; at < len; at += len / 24) {
        struct store_home_outcome outcome;
        struct store *store;
        uint8_t *data;
        size_t good = 0;

        remove_asides();
        fill_store(100);
        data = temp_file_read("store/staples.db", &len);
        temp_file_poke("store/staples.db", at, data[at] ^ 0x10);
        free(data);
        store = open_home(&outcome);
        assert_int_equal(store_walk(store, skip_bad_records, &good), STORE_OK);
        assert_true(outcome.is_set_aside ? good == 0 : good == 100);
        assert_usable(store);
        store_close(store);
    }
}

static void garbage_is_set_aside_and_at_most_three_are_kept(void **state)
{
    (void)state;
    for (int round = 0; round < 6; round++) {
        struct store_home_outcome outcome;
        struct store *store;

        fill_store(50);
        damage_file("store/staples.db", DAMAGE_GARBAGE);
        assert_int_equal(store_home_open(".", NOW + round * 3600, &store, &outcome), STORE_OK);
        assert_true(outcome.is_set_aside);
        assert_int_equal(access(outcome.aside, F_OK), 0);
        store_close(store);
        assert_int_equal(count_files(".", "store.corrupt-"), round < 3 ? round + 1 : 3);
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
    fill_store(50);
    damage_file("store/staples.db", DAMAGE_GARBAGE);
    store_close(open_home(&first));
    fill_store(50);
    damage_file("store/staples.db", DAMAGE_GARBAGE);
    store_close(open_home(&second));
    assert_true(first.is_set_aside && second.is_set_aside);
    assert_string_not_equal(first.aside, second.aside);
    assert_int_equal(count_files(".", "store.corrupt-"), 2);
}

static void a_file_in_the_place_of_the_directory_is_set_aside(void **state)
{
    struct store_home_outcome outcome;
    struct store *store;

    (void)state;
    temp_file_write("store", "not a directory", 15);
    store = open_home(&outcome);
    assert_true(outcome.is_set_aside);
    assert_usable(store);
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
    struct store *store = open_store("store");
    uint8_t id[STORE_ID_LEN];

    (void)state;
    put_all(store, 0, 50, 500);
    store_close(store);
    make_id(7, id);
    put_raw(id, sizeof id, "no record of ours");
    put_raw((const uint8_t *)"short", 5, "no key of ours");
    store = open_home(&outcome);
    assert_false(outcome.is_set_aside);
    assert_int_equal(store_get(store, id, &record), STORE_BAD_RECORD);
    assert_string_not_equal(store_detail(store), "");
    assert_int_equal(store_walk(store, count_good_and_bad, counts), STORE_OK);
    assert_int_equal(counts[0], 49);
    assert_int_equal(counts[1], 1);
    assert_int_equal(counts[2], 1);
    put_all(store, 7, 8, 500); /* it is put right */
    assert_int_equal(get(store, 7), STORE_OK);
    store_close(store);
}

static void what_is_no_record_never_gets_in(void **state)
{
    struct store *store = open_store("store");
    struct store_record record = make_record(1, 0);
    uint8_t id[STORE_ID_LEN];

    (void)state;
    make_id(1, id);
    assert_int_equal(store_begin(store), STORE_OK);
    assert_int_equal(store_put(store, id, &record), STORE_BAD_RECORD);
    store_abort(store);
    assert_int_equal(count_all(store), 0);
    store_close(store);
}

/* In a child, since the limit cannot be raised again: files may not grow beyond `limit`. */
static int run_with_file_limit(rlim_t limit)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        const struct rlimit limits = {.rlim_cur = limit, .rlim_max = limit};
        struct store_home_outcome outcome;
        struct store *store = NULL;
        enum store_result result;

        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limits);
        result = store_home_open(".", NOW, &store, &outcome);
        if (outcome.is_set_aside)
            _exit(100);
        /* Without room for recovery it can be read, as it was closed. */
        if (result == STORE_UNWRITABLE && (store == NULL || store_is_writable(store) || get(store, 7) != STORE_OK))
            _exit(101);
        for (uint32_t i = 0; i < 40 && result == STORE_OK; i++) {
            result = store_begin(store);
            for (uint32_t k = 0; k < 20 && result == STORE_OK; k++)
                result = put(store, 5000 + i * 20 + k, STAPLE_DER_MAX);
            if (result == STORE_OK)
                result = store_commit(store);
        }
        store_close(store);
        _exit((int)result);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void a_full_disk_is_not_damage(void **state)
{
    static const rlim_t limits[] = {0, 4096, 100 * 1024, 600 * 1024, 2 * 1024 * 1024};

    (void)state;
    fill_store(100);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct store_home_outcome outcome;
        struct store *store;

        assert_int_equal(run_with_file_limit(limits[i]), STORE_UNWRITABLE);
        store = open_home(&outcome);
        assert_false(outcome.is_set_aside);
        for (uint32_t k = 0; k < 100; k++)
            assert_int_equal(get(store, k), STORE_OK);
        assert_usable(store);
        store_close(store);
    }
}

/*
 * Berkeley DB 5.3 calls a commit done whose log record it could not write, when that would have been the first of a new
 * log file. Here a directory stands in the second file's place.
 */
static void a_commit_that_cannot_reach_the_next_log_file_is_no_commit(void **state)
{
    struct store_home_outcome outcome;
    struct store *store = open_store("store");
    enum store_result result = STORE_OK;
    uint32_t batch = 0;

    (void)state;
    assert_int_equal(mkdir("store/log.0000000002", 0700), 0);
    for (; batch < 1000 && result == STORE_OK; batch++) {
        assert_int_equal(store_begin(store), STORE_OK);
        for (uint32_t i = 0; i < BATCH; i++)
            assert_int_equal(put(store, batch * BATCH + i, 1300), STORE_OK);
        result = store_commit(store);
    }
    assert_int_not_equal(result, STORE_OK);
    batch--;
    assert_in_range(batch, 10, 400);
    assert_false(store_is_writable(store));
    assert_int_equal(store_begin(store), STORE_UNWRITABLE);
    assert_false(store_is_readable(store)); /* Berkeley DB has given up on the environment, and it is noticed */
    store_close(store);
    assert_int_equal(rmdir("store/log.0000000002"), 0);
    store = open_home(&outcome);
    assert_false(outcome.is_set_aside);
    for (uint32_t i = 0; i < batch * BATCH; i++)
        assert_int_equal(get(store, i), STORE_OK);
    assert_usable(store);
    store_close(store);
}

static void can_be_read_where_it_cannot_be_recovered(void **state)
{
    char detail[DETAIL_MAX + 1] = "";
    struct store *store = NULL;

    (void)state;
    assert_int_not_equal(store_open_read_only("store", &store, detail), STORE_OK);
    assert_null(store);
    assert_string_not_equal(detail, "");
    fill_store(100);
    assert_int_equal(store_open_read_only("store", &store, detail), STORE_OK);
    assert_false(store_is_writable(store));
    assert_false(store_is_current(store));
    assert_true(store_is_readable(store));
    assert_int_equal(count_all(store), 100);
    assert_int_equal(get(store, 7), STORE_OK);
    assert_int_equal(store_begin(store), STORE_UNWRITABLE);
    store_close(store);
    store = open_store("store");
    assert_true(store_is_writable(store));
    assert_true(store_is_current(store));
    store_close(store);
}

static void room_is_found_out_by_trying(void **state)
{
    (void)state;
    assert_true(store_home_has_room("."));
    assert_int_equal(count_files(".", "store.room"), 0);
    assert_false(store_home_has_room("no-such-directory"));
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
        TEST(p15_what_is_committed_is_there_after_a_restart),
        TEST(a_transaction_is_all_or_nothing_and_sees_itself),
        TEST(a_kill_at_any_instant_loses_nothing_acknowledged),
        TEST(the_log_does_not_grow_for_ever),
        TEST(each_file_damaged_in_each_way_ends_in_a_usable_store),
        TEST(a_flipped_bit_in_any_page_is_noticed),
        TEST(garbage_is_set_aside_and_at_most_three_are_kept),
        TEST(two_in_one_second_get_two_names),
        TEST(a_file_in_the_place_of_the_directory_is_set_aside),
        TEST(a_bad_record_does_not_spoil_the_others),
        TEST(what_is_no_record_never_gets_in),
        TEST(a_full_disk_is_not_damage),
        TEST(a_commit_that_cannot_reach_the_next_log_file_is_no_commit),
        TEST(can_be_read_where_it_cannot_be_recovered),
        TEST(room_is_found_out_by_trying),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
