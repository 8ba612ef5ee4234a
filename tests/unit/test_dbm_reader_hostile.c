/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of writer/dbm/dbm_reader.c with a reader that a hostile file has taken over.
 * Runs in: the build.
 * Never: asserts a time; a reader that does not end in time ends by its own alarm, and the test says so.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>

#include "dbm/dbm_record.h"
#include "reader_scene.h"
#include "sandbox/child.h"
#include "temp_dir.h"

/* Drivers that stand for a library that a hostile file has taken over. */
static enum dbm_driver_result crash(int fd, bool (*lock_in)(void), dbm_take_fn *take_one, void *context)
{
    (void)fd;
    (void)take_one;
    (void)context;
    if (!lock_in())
        return DBM_DRIVER_STOPPED;
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
    return DBM_DRIVER_OK;
}

static enum dbm_driver_result turn_in_circles(int fd, bool (*lock_in)(void), dbm_take_fn *take_one, void *context)
{
    volatile unsigned turns = 0;

    (void)fd;
    (void)take_one;
    (void)context;
    if (!lock_in())
        return DBM_DRIVER_STOPPED;
    for (;;)
        turns++;
}

static enum dbm_driver_result send_nonsense(int fd, bool (*lock_in)(void), dbm_take_fn *take_one, void *context)
{
    static const uint8_t nonsense[64] = {0xff, 0xff, 0, 0, 0xff};

    (void)fd;
    (void)take_one;
    (void)context;
    if (!lock_in())
        return DBM_DRIVER_STOPPED;
    for (;;)
        if (write(1, nonsense, sizeof nonsense) < 0)
            return DBM_DRIVER_OK;
}

static enum dbm_driver_result send_without_end(int fd, bool (*lock_in)(void), dbm_take_fn *take_one, void *context)
{
    static const uint8_t octets[DBM_VALUE_MAX];
    const struct dbm_pair pair = {.key = octets, .key_len = DBM_KEY_LEN, .value = octets, .value_len = 0};

    (void)fd;
    if (!lock_in())
        return DBM_DRIVER_STOPPED;
    for (;;)
        take_one(context, &pair);
}

static enum dbm_driver_result end_early(int fd, bool (*lock_in)(void), dbm_take_fn *take_one, void *context)
{
    (void)fd;
    (void)take_one;
    (void)context;
    if (!lock_in())
        return DBM_DRIVER_STOPPED;
    _exit(0);
}

/* What would end this process is told by how it ends. */
static enum dbm_driver_result look_for_alarm(int fd, bool (*lock_in)(void), dbm_take_fn *take_one, void *context)
{
    struct sigaction action;
    sigset_t blocked;
    unsigned left_sec = alarm(0);

    (void)fd;
    (void)lock_in;
    (void)take_one;
    (void)context;
    if (left_sec == 0 || left_sec > TIMEOUT_SEC || sigaction(SIGALRM, NULL, &action) != 0 || action.sa_handler != SIG_DFL
        || sigprocmask(SIG_BLOCK, NULL, &blocked) != 0 || sigismember(&blocked, SIGALRM) != 0)
        return DBM_DRIVER_OK;
    return DBM_DRIVER_DAMAGED;
}

static enum foreign_result read_with(
    enum dbm_driver_result (*read_all)(int, bool (*)(void), dbm_take_fn *, void *), unsigned timeout_sec)
{
    const struct dbm_driver driver = {.name = "hostile", .read_all = read_all};
    struct foreign_outcome outcome;

    temp_file_write(READER_SCENE_FILE, "x", 1);
    reader_scene_read(&driver, timeout_sec, &outcome);
    return outcome.result;
}

static void the_readers_alarm_is_set_before_the_library_sees_the_file(void **state)
{
    (void)state;
    assert_int_equal(read_with(look_for_alarm, TIMEOUT_SEC), FOREIGN_DAMAGED);
}

static void a_reader_that_was_taken_over_does_no_harm(void **state)
{
    (void)state;
    assert_int_equal(read_with(crash, TIMEOUT_SEC), FOREIGN_DIED);
    assert_int_equal(read_with(turn_in_circles, 1), FOREIGN_HUNG);
    assert_int_equal(read_with(send_nonsense, TIMEOUT_SEC), FOREIGN_JUNK);
    assert_int_equal(read_with(send_without_end, TIMEOUT_SEC), FOREIGN_JUNK);
    assert_int_equal(read_with(end_early, TIMEOUT_SEC), FOREIGN_DIED);
}

/* What a taken-over reader might want: each of them must be its last call. */
static long want_open(void)
{
    return open("/etc/passwd", O_RDONLY);
}

static long want_process(void)
{
    return fork();
}

static long want_rename(void)
{
    return rename(READER_SCENE_FILE, "elsewhere");
}

static long want_unlink(void)
{
    return unlink(READER_SCENE_FILE);
}

static long want_signal(void)
{
    return kill(getppid(), 0);
}

static long want_more_time(void)
{
    return alarm(0);
}

static long want_deafness(void)
{
    return signal(SIGALRM, SIG_IGN) == SIG_ERR;
}

static long want_to_change_the_file(void)
{
    return write(0, "x", 1);
}

static long want_to_close_the_pipe(void)
{
    return close(1);
}

static long (*const wants[])(void) = {want_open, want_process, want_rename, want_unlink, want_signal, want_more_time,
    want_deafness, want_to_change_the_file, want_to_close_the_pipe};

/* The file's content says which. */
static enum dbm_driver_result try_forbidden_call(int fd, bool (*lock_in)(void), dbm_take_fn *take_one, void *context)
{
    uint8_t which = 0;

    (void)take_one;
    (void)context;
    if (!lock_in() || read(fd, &which, 1) != 1)
        return DBM_DRIVER_STOPPED;
    return wants[which]() < 0 ? DBM_DRIVER_DAMAGED : DBM_DRIVER_OK;
}

static void the_readers_sandbox_ends_it_at_the_first_forbidden_call(void **state)
{
    const struct dbm_driver driver = {.name = "hostile", .read_all = try_forbidden_call};

    (void)state;
    if (CHILD_IS_SANITIZED)
        skip(); /* AddressSanitizer makes calls of its own, so there is no filter */
    for (uint8_t which = 0; which < sizeof wants / sizeof wants[0]; which++) {
        struct foreign_outcome outcome;

        temp_file_write(READER_SCENE_FILE, &which, 1);
        reader_scene_read(&driver, TIMEOUT_SEC, &outcome);
        assert_int_equal(outcome.result, FOREIGN_DIED);
        /* Developer builds name the call and exit with 128 + SIGSYS instead. */
        assert_true(strstr(outcome.detail, "(SYS)") != NULL || strstr(outcome.detail, "159") != NULL);
    }
    assert_int_equal(access(READER_SCENE_FILE, F_OK), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, temp_dir_setup, temp_dir_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_readers_alarm_is_set_before_the_library_sees_the_file),
        TEST(a_reader_that_was_taken_over_does_no_harm),
        TEST(the_readers_sandbox_ends_it_at_the_first_forbidden_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
