/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of writer/store/store.c with a real environment: crashes, a full disk (PARITY P15).
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
#include "store_scene.h"
#include "temp_dir.h"

#define BATCH 5u

static void p15_what_is_committed_is_there_after_a_restart(void **state)
{
    struct store *store = store_scene_open_store("store");

    (void)state;
    assert_int_equal(store_scene_get(store, 1), STORE_NOT_FOUND);
    store_scene_put_all(store, 0, 100, 1300);
    store_scene_put_all(store, 50, 60, STAPLE_DER_MAX); /* replaced by longer ones */
    store_close(store);
    store = store_scene_open_store("store");
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(store_scene_get(store, i), STORE_OK);
    assert_int_equal(store_scene_count_all(store), 100);
    store_close(store);
}

static void a_transaction_is_all_or_nothing_and_sees_itself(void **state)
{
    struct store *store = store_scene_open_store("store");
    uint8_t id[STORE_ID_LEN];

    (void)state;
    store_scene_put_all(store, 0, 3, 100);
    assert_int_equal(store_begin(store), STORE_OK);
    assert_int_equal(store_scene_put(store, 7, 100), STORE_OK);
    store_scene_make_id(0, id);
    assert_int_equal(store_remove(store, id), STORE_OK);
    store_scene_make_id(99, id);
    assert_int_equal(store_remove(store, id), STORE_NOT_FOUND);
    assert_int_equal(store_scene_get(store, 7), STORE_OK);
    assert_int_equal(store_scene_get(store, 0), STORE_NOT_FOUND);
    store_abort(store);
    assert_int_equal(store_scene_get(store, 7), STORE_NOT_FOUND);
    assert_int_equal(store_scene_get(store, 0), STORE_OK);
    assert_int_equal(store_begin(store), STORE_OK);
    assert_int_equal(store_scene_put(store, 8, 100), STORE_OK);
    store_close(store); /* with a transaction open */
    store = store_scene_open_store("store");
    assert_int_equal(store_scene_get(store, 8), STORE_NOT_FOUND);
    assert_int_equal(store_scene_count_all(store), 3);
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
            if (store_scene_put(store, batch * BATCH + i, 200 + (batch * 977) % 5000) != STORE_OK)
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
    store_close(store_scene_open_store("store"));
    for (int round = 0; round < 40; round++) {
        struct store_home_outcome outcome;
        struct store *store = NULL;
        size_t found = 0;

        next = write_and_kill(next, test_random(&random) % 4, test_random(&random) % 3000);
        assert_int_equal(store_home_open(".", NOW, &store, &outcome), STORE_OK);
        assert_false(outcome.is_set_aside);
        for (uint32_t i = 0; i < next * BATCH; i++)
            assert_int_equal(store_scene_get(store, i), STORE_OK);
        /* The batch that was under way is there as a whole or not at all. */
        for (uint32_t i = 0; i < BATCH; i++)
            found += store_scene_get(store, next * BATCH + i) == STORE_OK;
        assert_true(found == 0 || found == BATCH);
        next += found == BATCH;
        assert_int_equal(store_scene_count_all(store), next * BATCH);
        store_close(store);
    }
}

static void the_log_does_not_grow_for_ever(void **state)
{
    struct store *store = store_scene_open_store("store");

    (void)state;
    for (uint32_t i = 0; i < 60; i++)
        store_scene_put_all(store, 0, 50, STAPLE_DER_MAX); /* 30 MB in all */
    assert_in_range(store_scene_count_files("store", "log."), 1, 4);
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
        if (result == STORE_UNWRITABLE && (store == NULL || store_is_writable(store) || store_scene_get(store, 7) != STORE_OK))
            _exit(101);
        for (uint32_t i = 0; i < 40 && result == STORE_OK; i++) {
            result = store_begin(store);
            for (uint32_t k = 0; k < 20 && result == STORE_OK; k++)
                result = store_scene_put(store, 5000 + i * 20 + k, STAPLE_DER_MAX);
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
    store_scene_fill_store(100);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct store_home_outcome outcome;
        struct store *store;

        assert_int_equal(run_with_file_limit(limits[i]), STORE_UNWRITABLE);
        store = store_scene_open_home(&outcome);
        assert_false(outcome.is_set_aside);
        for (uint32_t k = 0; k < 100; k++)
            assert_int_equal(store_scene_get(store, k), STORE_OK);
        store_scene_assert_usable(store);
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
    struct store *store = store_scene_open_store("store");
    enum store_result result = STORE_OK;
    uint32_t batch = 0;

    (void)state;
    assert_int_equal(mkdir("store/log.0000000002", 0700), 0);
    for (; batch < 1000 && result == STORE_OK; batch++) {
        assert_int_equal(store_begin(store), STORE_OK);
        for (uint32_t i = 0; i < BATCH; i++)
            assert_int_equal(store_scene_put(store, batch * BATCH + i, 1300), STORE_OK);
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
    store = store_scene_open_home(&outcome);
    assert_false(outcome.is_set_aside);
    for (uint32_t i = 0; i < batch * BATCH; i++)
        assert_int_equal(store_scene_get(store, i), STORE_OK);
    store_scene_assert_usable(store);
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
    store_scene_fill_store(100);
    assert_int_equal(store_open_read_only("store", &store, detail), STORE_OK);
    assert_false(store_is_writable(store));
    assert_false(store_is_current(store));
    assert_true(store_is_readable(store));
    assert_int_equal(store_scene_count_all(store), 100);
    assert_int_equal(store_scene_get(store, 7), STORE_OK);
    assert_int_equal(store_begin(store), STORE_UNWRITABLE);
    store_close(store);
    store = store_scene_open_store("store");
    assert_true(store_is_writable(store));
    assert_true(store_is_current(store));
    store_close(store);
}

static void room_is_found_out_by_trying(void **state)
{
    (void)state;
    assert_true(store_home_has_room("."));
    assert_int_equal(store_scene_count_files(".", "store.room"), 0);
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
        TEST(a_full_disk_is_not_damage),
        TEST(a_commit_that_cannot_reach_the_next_log_file_is_no_commit),
        TEST(can_be_read_where_it_cannot_be_recovered),
        TEST(room_is_found_out_by_trying),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
