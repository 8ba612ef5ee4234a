/* SPDX-License-Identifier: ISC */
/* Finding Apache through its PidFile, and its lock among its open files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "apache/apache_watch.h"

static struct {
    char directory[64];
    char pid_file[96];
    pid_t process;
} scene;

static void write_pid(const char *text)
{
    FILE *file = fopen(scene.pid_file, "we");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* A process that holds `name`, unlinked or not, as Apache holds its lock. */
static void run(const char *name, bool is_unlinked)
{
    char path[160];
    char text[32];
    int ready[2];
    char octet;

    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    scene.process = fork();
    assert_true(scene.process >= 0);
    if (scene.process == 0) {
        snprintf(path, sizeof path, "%s/%s", scene.directory, name == NULL ? "other" : name);
        if (open(path, O_RDWR | O_CREAT, 0600) < 0 || (is_unlinked && unlink(path) != 0) || write(ready[1], "x", 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(ready[0], &octet, 1), 1);
    close(ready[0]);
    close(ready[1]);
    snprintf(text, sizeof text, "%d\n", (int)scene.process);
    write_pid(text);
}

static int set_up(void **state)
{
    (void)state;
    memset(&scene, 0, sizeof scene);
    snprintf(scene.directory, sizeof scene.directory, "/tmp/test_apache.XXXXXX");
    assert_non_null(mkdtemp(scene.directory));
    snprintf(scene.pid_file, sizeof scene.pid_file, "%s/apache.pid", scene.directory);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[]
        = {"apache.pid", "other", "ssl-stapling.77", "ssl-stapling", "ssl-stapling-refresh.77", "link"};
    char path[160];

    (void)state;
    if (scene.process > 0) {
        kill(scene.process, SIGKILL);
        waitpid(scene.process, NULL, 0);
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", scene.directory, names[i]);
        unlink(path);
    }
    return rmdir(scene.directory);
}

static void a_pidfile_that_says_nothing_finds_nothing(void **state)
{
    static const char *const wrong[] = {"", "\n", "x\n", "-5\n", "0\n", "1\n", "12x\n", "99999999999\n", "999999999\n", " 7\n"};
    struct apache apache;
    char link_path[160];

    (void)state;
    assert_false(apache_find(scene.pid_file, &apache)); /* missing */
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        write_pid(wrong[i]);
        assert_false(apache_find(scene.pid_file, &apache));
        assert_int_equal(apache.pid, 0);
    }
    snprintf(link_path, sizeof link_path, "%s/link", scene.directory);
    run(NULL, false);
    assert_int_equal(symlink(scene.pid_file, link_path), 0);
    assert_false(apache_find(link_path, &apache));
    assert_false(apache_find(scene.directory, &apache));
}

static void a_process_that_lives_is_found_and_its_end_seen(void **state)
{
    struct apache apache;

    (void)state;
    run(NULL, false);
    assert_true(apache_find(scene.pid_file, &apache));
    assert_int_equal(apache.pid, scene.process);
    assert_false(apache_has_ended(&apache));
    kill(scene.process, SIGKILL);
    waitpid(scene.process, NULL, 0);
    assert_true(apache_has_ended(&apache));
    apache_clear(&apache);
    assert_false(apache_find(scene.pid_file, &apache));
    scene.process = 0;
}

/* The number was given to another process since: it must not get Apache's signals. */
static void a_process_that_is_younger_than_the_file_is_another(void **state)
{
    struct timespec old[2] = {{.tv_sec = time(NULL) - 3600}, {.tv_sec = time(NULL) - 3600}};
    struct apache apache;

    (void)state;
    run(NULL, false);
    assert_int_equal(utimensat(AT_FDCWD, scene.pid_file, old, 0), 0);
    assert_false(apache_find(scene.pid_file, &apache));
}

static void expect_lock(const char *name, bool is_unlinked, enum apache_lock_kind kind, bool is_omit_pid)
{
    struct apache apache;

    run(name, is_unlinked);
    assert_true(apache_find(scene.pid_file, &apache));
    apache_find_lock(&apache);
    assert_int_equal(apache.lock_kind, kind);
    assert_int_equal(apache.lock_fd >= 0, kind != APACHE_LOCK_NONE);
    assert_int_equal(apache.is_omit_pid_used, is_omit_pid);
    assert_int_equal(apache.detail[0] == '\0', kind != APACHE_LOCK_NONE);
    apache_clear(&apache);
}

static void a_file_that_stays_is_an_flock(void **state)
{
    (void)state;
    expect_lock("ssl-stapling.77", false, APACHE_LOCK_FLOCK, false);
}

static void a_file_that_is_unlinked_is_a_record_lock(void **state)
{
    (void)state;
    expect_lock("ssl-stapling.77", true, APACHE_LOCK_FCNTL, false);
}

static void without_a_pid_in_its_name_it_is_omitpid(void **state)
{
    (void)state;
    expect_lock("ssl-stapling", false, APACHE_LOCK_FLOCK, true);
}

static void the_refresh_mutex_is_another(void **state)
{
    (void)state;
    expect_lock("ssl-stapling-refresh.77", false, APACHE_LOCK_NONE, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_pidfile_that_says_nothing_finds_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_process_that_lives_is_found_and_its_end_seen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_process_that_is_younger_than_the_file_is_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_stays_is_an_flock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_unlinked_is_a_record_lock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_pid_in_its_name_it_is_omitpid, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_refresh_mutex_is_another, set_up, tear_down),
    };

    if (geteuid() != 0) {
        puts("skipped: Apache's main process is root's, so its stand-in must be");
        return 77;
    }
    return cmocka_run_group_tests_name("apache", tests, NULL, NULL);
}
