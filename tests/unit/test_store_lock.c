/* SPDX-License-Identifier: ISC */
/* Two writers never work on one store: the second waits for the first, and for what the first forked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store_lock.h"
#include "temp_dir.h"

static void a_second_writer_is_kept_out_and_told_so(void **state)
{
    int first = store_lock_take(*state, 0);
    int second;

    assert_true(first >= 0);
    second = store_lock_take(*state, 100);
    assert_int_equal(second, -1);
    assert_int_equal(errno, EWOULDBLOCK);
    close(first);
    second = store_lock_take(*state, 0);
    assert_true(second >= 0);
    close(second);
}

/* The supervisor was killed, a new one started: the old writer's child, which tries the store out, outlives the old writer. */
static void an_orphan_s_child_still_holds_it_until_it_ends(void **state)
{
    int first = store_lock_take(*state, 0);
    int second;
    pid_t child = fork();

    if (child == 0) {
        pause();
        _exit(0);
    }
    assert_true(child > 0);
    close(first);
    assert_int_equal(store_lock_take(*state, 0), -1);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    second = store_lock_take(*state, 5000);
    assert_true(second >= 0);
    close(second);
}

static void a_directory_that_is_not_there_is_no_lock(void **state)
{
    (void)state;
    assert_int_equal(store_lock_take("/nonexistent/writer", 5000), -1);
    assert_int_equal(errno, ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_second_writer_is_kept_out_and_told_so, temp_dir_setup, temp_dir_teardown),
        cmocka_unit_test_setup_teardown(an_orphan_s_child_still_holds_it_until_it_ends, temp_dir_setup, temp_dir_teardown),
        cmocka_unit_test(a_directory_that_is_not_there_is_no_lock),
    };

    return cmocka_run_group_tests_name("store_lock", tests, NULL, NULL);
}
