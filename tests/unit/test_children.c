/* SPDX-License-Identifier: ISC */
/* The lives of fetcher and writer: how long to wait before a start, and who is ended when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children/children.h"

/* Longer ago than any start takes. */
#define LONG_AGO_MSEC 1
#define NOW_MSEC INT64_C(3600000)

struct scene {
    struct facts facts;
    struct feed feed;
    struct relay relay;
    struct ids ids;
    struct cert_list list;
    struct children children;
};

static struct scene scene;
static pid_t killed; /* by what is tested; 0: nobody */

int __real_kill(pid_t pid, int number);
int __wrap_kill(pid_t pid, int number);

int __wrap_kill(pid_t pid, int number)
{
    killed = pid;
    return __real_kill(pid, number);
}

static pid_t start_sleeper(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        for (;;)
            pause();
    }
    return pid;
}

static int set_up(void **state)
{
    struct child_life *lives[] = {&scene.children.fetcher, &scene.children.writer};

    (void)state;
    killed = 0;
    memset(&scene, 0, sizeof scene);
    children_init(&scene.children, &scene.facts, &scene.feed, &scene.relay, &scene.ids);
    feed_init(
        &scene.feed, &scene.list, &scene.children.fetcher.child, &scene.children.writer.child, (struct msg_begin){0}, NULL, NULL);
    for (size_t i = 0; i < 2; i++) {
        lives[i]->child.pid = start_sleeper();
        lives[i]->child.is_ready = true;
        lives[i]->started_msec = LONG_AGO_MSEC;
        if (lives[i]->child.pid < 0)
            return -1;
    }
    return 0;
}

static void end(const struct child_life *life)
{
    __real_kill(life->child.pid, SIGKILL);
    waitpid(life->child.pid, NULL, 0);
}

static int tear_down(void **state)
{
    (void)state;
    end(&scene.children.fetcher);
    end(&scene.children.writer);
    feed_clear(&scene.feed);
    return 0;
}

static void one_that_runs_is_left_alone(void **state)
{
    (void)state;
    assert_int_equal(children_tick(&scene.children, NOW_MSEC), INT64_MAX);
    assert_int_equal(killed, 0);
}

static void one_that_does_not_get_ready_is_ended(void **state)
{
    (void)state;
    scene.children.writer.child.is_ready = false;
    children_tick(&scene.children, NOW_MSEC);
    assert_int_equal(killed, scene.children.writer.child.pid);
}

/* A writer may be in the middle of a commit. */
static void ones_that_are_stopped_may_finish_however_long_they_ran(void **state)
{
    (void)state;
    children_stop(&scene.children);
    assert_int_equal(children_tick(&scene.children, NOW_MSEC), INT64_MAX);
    assert_int_equal(killed, 0);
    assert_false(children_stopped(&scene.children));
}

static void one_that_is_replaced_may_finish_however_long_it_ran(void **state)
{
    (void)state;
    children_replace(&scene.children.writer, NOW_MSEC);
    children_tick(&scene.children, NOW_MSEC);
    assert_int_equal(killed, 0);
}

static void a_child_that_falls_again_and_again_waits_longer(void **state)
{
    (void)state;
    assert_int_equal(children_backoff_msec(1), 0);
    assert_int_equal(children_backoff_msec(2), 1000);
    assert_int_equal(children_backoff_msec(3), 2000);
    assert_int_equal(children_backoff_msec(7), 32000);
    assert_int_equal(children_backoff_msec(8), 60000);
    assert_int_equal(children_backoff_msec(4000000000u), 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_that_runs_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_does_not_get_ready_is_ended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ones_that_are_stopped_may_finish_however_long_they_ran, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_replaced_may_finish_however_long_it_ran, set_up, tear_down),
        cmocka_unit_test(a_child_that_falls_again_and_again_waits_longer),
    };

    return cmocka_run_group_tests_name("children", tests, NULL, NULL);
}
