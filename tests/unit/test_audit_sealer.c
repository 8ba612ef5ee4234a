/* SPDX-License-Identifier: ISC */
/* The sealing key in the running service: on the disk before it is used, moved on in time, never back, and wiped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/audit_key_file.h"
#include "audit/audit_sealer.h"
#include "temp_dir.h"

#define START INT64_C(1700000000)
#define INTERVAL 900

/* The disk (linked with --wrap): rename fails on command. */
static int rename_error;
static unsigned renames;

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

int __wrap_rename(const char *from, const char *to)
{
    renames++;
    if (rename_error != 0) {
        errno = rename_error;
        return -1;
    }
    return __real_rename(from, to);
}

static char path[128];
static struct audit_key first;

static struct audit_key key_of(uint8_t value)
{
    struct audit_key key = {.start = START, .interval = INTERVAL};

    memset(key.secret, value, sizeof key.secret);
    return key;
}

static int set_up(void **state)
{
    int result = temp_dir_setup(state);

    snprintf(path, sizeof path, "%s/" AUDIT_KEY_FILE, (const char *)*state);
    rename_error = 0;
    first = key_of(7);
    return result != 0 || audit_key_file_write(path, &first, AUDIT_KEY_FILE_NEW, NULL) != 0 ? -1 : 0;
}

static struct sealer *open_sealer(void **state, int64_t now)
{
    struct sealer *sealer = sealer_new(*state, true);

    assert_non_null(sealer);
    sealer_tick(sealer, now);
    return sealer;
}

static struct audit_key key_at(uint32_t epoch)
{
    struct audit_key key = first;

    audit_key_evolve(&key, epoch);
    return key;
}

static void assert_is_at(const struct sealer *sealer, uint32_t epoch)
{
    const struct audit_key wanted = key_at(epoch);

    assert_non_null(sealer_key(sealer));
    assert_int_equal(sealer_key(sealer)->epoch, epoch);
    assert_memory_equal(sealer_key(sealer)->secret, wanted.secret, sizeof wanted.secret);
}

static void assert_file_is_at(uint32_t epoch)
{
    const struct audit_key wanted = key_at(epoch);
    struct audit_key found;

    assert_int_equal(audit_key_file_read(path, &found, NULL), AUDIT_KEY_FILE_OK);
    assert_int_equal(found.epoch, epoch);
    assert_memory_equal(found.secret, wanted.secret, sizeof wanted.secret);
}

static void the_key_moves_on_with_time_and_is_on_the_disk(void **state)
{
    struct sealer *sealer = open_sealer(state, START + 10);

    assert_int_equal(sealer_state(sealer), SEALER_ON);
    assert_string_equal(sealer_detail(sealer), "epoch 0, a new key every 15m");
    assert_is_at(sealer, 0);
    assert_false(sealer_is_due(sealer, START + INTERVAL - 1));
    assert_int_equal(sealer_wait_sec(sealer, START + INTERVAL - 5), 5);
    assert_int_equal(sealer_wait_sec(sealer, START + 10), 60);
    assert_true(sealer_is_due(sealer, START + INTERVAL));
    sealer_tick(sealer, START + INTERVAL);
    assert_is_at(sealer, 1);
    assert_file_is_at(1);
    sealer_tick(sealer, START + 17 * INTERVAL);
    assert_is_at(sealer, 17);
    assert_file_is_at(17);
    assert_int_equal(sealer_generation(sealer), 1);
    sealer_free(sealer);
    /* after a start it is moved on before it is used */
    sealer = open_sealer(state, START + 20 * INTERVAL);
    assert_is_at(sealer, 20);
    assert_file_is_at(20);
    sealer_free(sealer);
}

static void a_clock_that_goes_back_keeps_the_epoch(void **state)
{
    struct sealer *sealer = open_sealer(state, START + 5 * INTERVAL);

    sealer_tick(sealer, START + 2 * INTERVAL);
    assert_is_at(sealer, 5);
    sealer_tick(sealer, START - 1000);
    assert_is_at(sealer, 5);
    assert_file_is_at(5);
    sealer_free(sealer);
    sealer = open_sealer(state, START);
    assert_is_at(sealer, 5);
    sealer_free(sealer);
}

static void a_clock_that_jumps_by_centuries_does_not_hold_the_service_up(void **state)
{
    struct sealer *sealer = open_sealer(state, START + INTERVAL * INT64_C(120000));

    assert_is_at(sealer, 50000);
    assert_true(sealer_is_due(sealer, START + INTERVAL * INT64_C(120000)));
    sealer_tick(sealer, START + INTERVAL * INT64_C(120000));
    sealer_tick(sealer, START + INTERVAL * INT64_C(120000));
    assert_is_at(sealer, 120000);
    sealer_tick(sealer, INT64_MAX / 1000000);
    assert_int_equal(sealer_state(sealer), SEALER_ON);
    sealer_free(sealer);
}

static void a_key_that_cannot_be_written_down_is_not_used(void **state)
{
    struct sealer *sealer = open_sealer(state, START);
    int64_t now = START + INTERVAL;

    rename_error = ENOSPC;
    sealer_tick(sealer, now);
    assert_int_equal(sealer_state(sealer), SEALER_STUCK);
    assert_non_null(strstr(sealer_detail(sealer), "audit.seal cannot be written: No space left on device"));
    assert_non_null(strstr(sealer_detail(sealer), "epoch 0, which is past its time"));
    assert_is_at(sealer, 0);
    assert_file_is_at(0);
    /* not at each record */
    renames = 0;
    sealer_tick(sealer, now + 1);
    assert_int_equal(renames, 0);
    rename_error = 0;
    sealer_tick(sealer, now + 10);
    assert_int_equal(sealer_state(sealer), SEALER_ON);
    assert_is_at(sealer, 1);
    sealer_free(sealer);
}

static void a_new_key_is_followed_and_never_overwritten(void **state)
{
    struct sealer *sealer = open_sealer(state, START);
    struct audit_key second = key_of(99);

    second.start = START + 3 * INTERVAL;
    assert_int_equal(audit_key_file_write(path, &second, AUDIT_KEY_FILE_REPLACE, NULL), 0);
    sealer_tick(sealer, START + 3 * INTERVAL);
    first = second;
    assert_int_equal(sealer_generation(sealer), 2);
    assert_is_at(sealer, 0);
    assert_file_is_at(0);
    sealer_free(sealer);
}

static void somebody_who_writes_the_file_now_is_waited_for(void **state)
{
    struct sealer *sealer = open_sealer(state, START);
    int lock = open(AUDIT_KEY_FILE ".lock", O_RDONLY | O_CLOEXEC);

    assert_int_equal(flock(lock, LOCK_EX), 0);
    sealer_tick(sealer, START + INTERVAL);
    assert_is_at(sealer, 0);
    assert_int_equal(sealer_state(sealer), SEALER_ON);
    close(lock);
    sealer_tick(sealer, START + INTERVAL + 1);
    assert_is_at(sealer, 1);
    sealer_free(sealer);
}

static void without_a_usable_file_it_says_what_to_do(void **state)
{
    struct sealer *sealer = open_sealer(state, START);

    assert_int_equal(unlink(path), 0);
    sealer_tick(sealer, START + 1);
    assert_int_equal(sealer_state(sealer), SEALER_FAILED);
    assert_null(sealer_key(sealer));
    assert_non_null(
        strstr(sealer_detail(sealer), "/audit.seal: it does not exist; make one with: stapleguard audit --setup-seal"));
    /* as soon as there is one */
    assert_int_equal(audit_key_file_write(path, &first, AUDIT_KEY_FILE_NEW, NULL), 0);
    sealer_tick(sealer, START + 2);
    assert_int_equal(sealer_state(sealer), SEALER_ON);
    assert_is_at(sealer, 0);
    sealer_free(sealer);
    temp_file_poke(AUDIT_KEY_FILE, 100, '#');
    sealer = open_sealer(state, START);
    assert_int_equal(sealer_state(sealer), SEALER_FAILED);
    assert_non_null(strstr(sealer_detail(sealer), "it is damaged; make another with: stapleguard audit --setup-seal --replace"));
    sealer_free(sealer);
}

static void nobody_who_is_not_asked_has_a_key(void **state)
{
    struct sealer *sealer = open_sealer(state, START);

    sealer_want(sealer, false);
    sealer_tick(sealer, START);
    assert_int_equal(sealer_state(sealer), SEALER_OFF);
    assert_null(sealer_key(sealer));
    sealer_want(sealer, true);
    sealer_tick(sealer, START);
    assert_is_at(sealer, 0);
    sealer_free(sealer);
    sealer_free(NULL);
}

/* What is forked finds no key in its memory, and what is left behind after the end neither. */
static void the_key_is_wiped(void **state)
{
    struct sealer *sealer = open_sealer(state, START);
    const struct audit_key *key = sealer_key(sealer);
    static const uint8_t nothing[AUDIT_KEY_LEN];
    pid_t pid = fork();
    int status;

    if (pid == 0)
        _exit(memcmp(key->secret, nothing, sizeof nothing) == 0 ? 0 : 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    sealer_want(sealer, false);
    assert_memory_equal(key->secret, nothing, sizeof nothing);
    sealer_free(sealer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, temp_dir_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_key_moves_on_with_time_and_is_on_the_disk),
        TEST(a_clock_that_goes_back_keeps_the_epoch),
        TEST(a_clock_that_jumps_by_centuries_does_not_hold_the_service_up),
        TEST(a_key_that_cannot_be_written_down_is_not_used),
        TEST(a_new_key_is_followed_and_never_overwritten),
        TEST(somebody_who_writes_the_file_now_is_waited_for),
        TEST(without_a_usable_file_it_says_what_to_do),
        TEST(nobody_who_is_not_asked_has_a_key),
        TEST(the_key_is_wiped),
    };

    return cmocka_run_group_tests_name("sealer", tests, NULL, NULL);
}
