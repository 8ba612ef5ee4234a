/* SPDX-License-Identifier: ISC */
/* A restart on somebody's behalf: tested first, told to the writer, answered once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apache/apache_restart.h"
#include "system/clock.h"

static struct {
    char control[64];
    struct conf conf;
    struct restart_hooks hooks;
    struct restart *restart;
    bool is_running, has_writer;
    uint32_t sent; /* the last request */
    unsigned sends, ends, failures;
    enum reason reason;
    char detail[1024];
} scene;

static bool send_restart(void *context, uint32_t request)
{
    (void)context;
    scene.sent = request;
    scene.sends++;
    return scene.has_writer;
}

static bool is_running(void *context)
{
    (void)context;
    return scene.is_running;
}

static void configtest_failed(void *context, const char *detail)
{
    (void)context;
    assert_non_null(detail);
    scene.failures++;
}

static void done(void *owner, enum reason reason, uint32_t away_usec, const char *detail)
{
    assert_ptr_equal(owner, &scene);
    (void)away_usec;
    scene.ends++;
    scene.reason = reason;
    snprintf(scene.detail, sizeof scene.detail, "%s", detail);
}

static void write_control(const char *script)
{
    FILE *file = fopen(scene.control, "we");

    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", script);
    fclose(file);
    assert_int_equal(chmod(scene.control, 0755), 0);
}

static int set_up(void **state)
{
    int fd;

    (void)state;
    memset(&scene, 0, sizeof scene);
    snprintf(scene.control, sizeof scene.control, "/tmp/test_restart.XXXXXX");
    fd = mkstemp(scene.control);
    assert_true(fd >= 0);
    close(fd);
    write_control("exit 0");
    scene.conf.control = scene.control;
    scene.is_running = scene.has_writer = true;
    scene.hooks = (struct restart_hooks){send_restart, is_running, configtest_failed, NULL};
    scene.restart = restart_new(&scene.hooks);
    assert_non_null(scene.restart);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    restart_free(scene.restart);
    return unlink(scene.control);
}

/* Until the configuration test is over. */
static void run_configtest(void)
{
    struct pollfd polled[RESTART_POLL_MAX];
    size_t count;

    while ((count = restart_poll(scene.restart, polled)) > 0 || (scene.sends == 0 && scene.ends == 0)) {
        poll(polled, count, 20);
        restart_ready(scene.restart, clock_monotonic_msec());
    }
}

static void begin(void)
{
    assert_true(restart_begin(scene.restart, &scene.conf, clock_monotonic_msec(), done, &scene));
}

static void a_good_configuration_is_restarted_and_answered(void **state)
{
    struct msg_restarted restarted = {.detail = "back after 7 us"};

    (void)state;
    begin();
    run_configtest();
    assert_int_equal(scene.sends, 1);
    assert_int_equal(scene.ends, 0);
    restarted.request = scene.sent + 1; /* of another one: not ours */
    restart_answered(scene.restart, &restarted);
    assert_int_equal(scene.ends, 0);
    restarted.request = scene.sent;
    restart_answered(scene.restart, &restarted);
    assert_int_equal(scene.ends, 1);
    assert_int_equal(scene.reason, REASON_NONE);
    assert_string_equal(scene.detail, "back after 7 us");
    restart_answered(scene.restart, &restarted);
    assert_int_equal(scene.ends, 1);
}

static void a_broken_configuration_is_not_restarted(void **state)
{
    (void)state;
    write_control("[ \"$1\" = configtest ] && echo 'Syntax error: \x1b[31mNoSuch' >&2; exit 1");
    begin();
    begin(); /* two ask; it is one failure */
    run_configtest();
    assert_int_equal(scene.sends, 0);
    assert_int_equal(scene.ends, 2);
    assert_int_equal(scene.failures, 1);
    assert_int_equal(scene.reason, REASON_CONFIGTEST_FAILED);
    assert_non_null(strstr(scene.detail, "Syntax error"));
    assert_null(strchr(scene.detail, '\x1b'));
}

static void a_control_that_is_not_there_is_said(void **state)
{
    (void)state;
    scene.conf.control = (char *)(uintptr_t) "/nonexistent/apachectl";
    begin();
    run_configtest();
    assert_int_equal(scene.sends, 0);
    assert_int_equal(scene.reason, REASON_CONFIGTEST_FAILED);
}

static void an_apache_that_does_not_run_is_said_at_once(void **state)
{
    (void)state;
    scene.is_running = false;
    begin();
    assert_int_equal(scene.ends, 1);
    assert_int_equal(scene.reason, REASON_APACHE_NOT_RUNNING);
}

static void two_at_once_share_one(void **state)
{
    (void)state;
    begin();
    begin();
    run_configtest();
    assert_int_equal(scene.sends, 1);
    restart_answered(scene.restart, &(struct msg_restarted){.request = scene.sent});
    assert_int_equal(scene.ends, 2);
}

static void without_a_writer_it_ends(void **state)
{
    (void)state;
    scene.has_writer = false;
    begin();
    run_configtest();
    assert_int_equal(scene.ends, 1);
    assert_int_equal(scene.reason, REASON_INTERNAL);
    scene.has_writer = true;
    scene.sends = scene.ends = 0;
    begin();
    run_configtest();
    restart_writer_gone(scene.restart);
    assert_int_equal(scene.ends, 1);
}

static void an_answer_that_does_not_come_is_not_waited_for(void **state)
{
    (void)state;
    begin();
    run_configtest();
    restart_ready(scene.restart, clock_monotonic_msec() + 3600 * 1000);
    assert_int_equal(scene.ends, 1);
    assert_int_equal(scene.reason, REASON_RESTART_UNSEEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_configuration_is_restarted_and_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_broken_configuration_is_not_restarted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_control_that_is_not_there_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_apache_that_does_not_run_is_said_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_at_once_share_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_writer_it_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_that_does_not_come_is_not_waited_for, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("restart", tests, NULL, NULL);
}
