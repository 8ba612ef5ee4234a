/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of writer/keeper: what Apache does to its file, done by hand, thousands of times.
 * Runs in: the build, as root.
 * Never: asserts a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper_scene.h"

#define ROUNDS 5000

static void a_placed_file_is_in_place(void **state)
{
    struct keeper_scene *scene = *state;

    assert_int_equal(keeper_scene_place(scene, "one", 0), KEEPER_OK);
    keeper_scene_expect(scene, "one");
    assert_int_equal(keeper_scene_place(scene, "two", KEEPER_IF_UNCHANGED | KEEPER_TAKE_LOCK), KEEPER_OK);
    keeper_scene_expect(scene, "two");
}

static void what_is_deleted_is_put_back_every_time(void **state)
{
    struct keeper_scene *scene = *state;
    struct stat before, after;

    assert_int_equal(keeper_scene_place(scene, "one", 0), KEEPER_OK);
    assert_int_equal(stat(scene->path, &before), 0);
    for (int i = 0; i < ROUNDS; i++) {
        unlink(scene->path);
        if (i % 50 == 0) /* a crowd of deletes, then a moment to look */
            while (stat(scene->path, &after) != 0)
                sched_yield();
    }
    keeper_scene_settle(scene);
    assert_int_equal(stat(scene->path, &after), 0);
    assert_true(after.st_ino == before.st_ino);
    keeper_scene_expect(scene, "one");
}

/* What Berkeley DB does when it makes a new file. */
static void what_is_displaced_is_put_back(void **state)
{
    struct keeper_scene *scene = *state;
    char other[128];

    snprintf(other, sizeof other, "%s/__db." KEEPER_SCENE_FILE, scene->directory);
    assert_int_equal(keeper_scene_place(scene, "one", 0), KEEPER_OK);
    for (int i = 0; i < ROUNDS / 10; i++) {
        unlink(scene->path);
        keeper_scene_write(other, "empty");
        assert_int_equal(rename(other, scene->path), 0);
    }
    keeper_scene_settle(scene);
    keeper_scene_expect(scene, "one");
}

static void a_restart_is_told_with_its_time(void **state)
{
    struct keeper_scene *scene = *state;
    struct keeper_news news;

    keeper_scene_place(scene, "one", 0);
    unlink(scene->path);
    news = keeper_scene_news(scene, KEEPER_PUT_BACK);
    assert_int_equal(news.errno_value, 0);
    assert_false(news.was_displaced);
    keeper_scene_expect(scene, "one");
}

/* Garbage must not come back: Apache could not start with it. */
static void what_was_written_to_is_not_put_back_before_it_was_looked_at(void **state)
{
    struct keeper_scene *scene = *state;
    struct keeper_news news;

    keeper_scene_place(scene, "one", 0);
    keeper_scene_write(scene->path, "garbage");
    keeper_scene_news(scene, KEEPER_MODIFIED);
    unlink(scene->path);
    news = keeper_scene_news(scene, KEEPER_PUT_BACK);
    assert_int_equal(news.errno_value, EAGAIN);
    assert_int_equal(access(scene->path, F_OK), -1);
    keeper_scene_place(scene, "two", 0);
    unlink(scene->path);
    assert_int_equal(keeper_scene_news(scene, KEEPER_PUT_BACK).errno_value, 0);
    keeper_scene_expect(scene, "two");
}

static void what_was_vouched_for_is_put_back_again(void **state)
{
    struct keeper_scene *scene = *state;

    keeper_scene_place(scene, "one", 0);
    keeper_scene_write(scene->path, "one and Apache's");
    keeper_scene_news(scene, KEEPER_MODIFIED);
    keeper_begin(scene->keeper);
    keeper_vouch(scene->keeper);
    unlink(scene->path);
    assert_int_equal(keeper_scene_news(scene, KEEPER_PUT_BACK).errno_value, 0);
    keeper_scene_expect(scene, "one and Apache's");
}

/* A writer that was started anew finds the file of the one before as it should be. */
static void a_file_of_before_is_kept_once_vouched_for(void **state)
{
    struct keeper_scene *scene = *state;

    keeper_scene_write(scene->path, "before");
    keeper_scene_settle(scene);
    unlink(scene->path);
    assert_int_equal(keeper_scene_news(scene, KEEPER_PUT_BACK).errno_value, EAGAIN); /* nothing is kept: the writer must know */
    keeper_scene_settle(scene);
    assert_int_equal(access(scene->path, F_OK), -1);
    keeper_scene_write(scene->path, "before");
    keeper_begin(scene->keeper);
    keeper_vouch(scene->keeper);
    keeper_scene_settle(scene);
    unlink(scene->path);
    assert_int_equal(keeper_scene_news(scene, KEEPER_PUT_BACK).errno_value, 0);
    keeper_scene_expect(scene, "before");
}

static void a_write_since_begin_keeps_a_new_file_out(void **state)
{
    struct keeper_scene *scene = *state;

    keeper_scene_place(scene, "one", 0);
    keeper_begin(scene->keeper);
    keeper_scene_write(scene->path, "Apache's");
    assert_int_equal(keeper_scene_place(scene, "two", KEEPER_IF_UNCHANGED), KEEPER_CHANGED);
    keeper_scene_expect(scene, "Apache's");
    keeper_begin(scene->keeper);
    assert_int_equal(keeper_scene_place(scene, "three", KEEPER_IF_UNCHANGED), KEEPER_OK);
    keeper_scene_expect(scene, "three");
}

static void an_owner_is_told_and_does_no_harm(void **state)
{
    struct keeper_scene *scene = *state;

    keeper_scene_place(scene, "one", 0);
    assert_int_equal(chown(scene->path, KEEPER_SCENE_OTHER_ID, (gid_t)-1), 0);
    keeper_scene_news(scene, KEEPER_CHOWNED);
    unlink(scene->path);
    assert_int_equal(keeper_scene_news(scene, KEEPER_PUT_BACK).errno_value, 0);
    unlink(scene->path); /* the links could be made again, of a file of somebody else's */
    assert_int_equal(keeper_scene_news(scene, KEEPER_PUT_BACK).errno_value, 0);
    keeper_scene_expect(scene, "one");
}

static void a_mode_that_shuts_apache_out_is_a_change(void **state)
{
    struct keeper_scene *scene = *state;

    keeper_scene_place(scene, "one", 0);
    assert_int_equal(chmod(scene->path, 0600), 0);
    keeper_scene_news(scene, KEEPER_MODIFIED);
}

/* A child process that has Apache's lock; returns the descriptor whose closing makes it let go. */
static int hold_lock(const char *path, enum apache_lock_kind kind, pid_t *holder)
{
    int talk[2], done[2];
    char octet;

    assert_int_equal(pipe2(talk, O_CLOEXEC), 0);
    assert_int_equal(pipe2(done, O_CLOEXEC), 0);
    *holder = fork();
    if (*holder == 0) {
        struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int fd = open(path, O_RDWR | O_CLOEXEC);

        close(done[1]);
        if ((kind == APACHE_LOCK_FLOCK ? flock(fd, LOCK_EX) : fcntl(fd, F_SETLK, &whole)) != 0 || write(talk[1], "x", 1) != 1)
            _exit(1);
        _exit(read(done[0], &octet, 1) == 0 ? 0 : 1);
    }
    assert_int_equal(read(talk[0], &octet, 1), 1);
    close(talk[0]);
    close(talk[1]);
    close(done[0]);
    return done[1];
}

static void apaches_lock_is_respected(struct keeper_scene *scene, enum apache_lock_kind kind)
{
    char path[128];
    struct keeper_placed placed;
    pid_t holder;
    int fd, holding;

    snprintf(path, sizeof path, "%s/lock", scene->staging);
    keeper_scene_write(path, "");
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(keeper_set_lock(scene->keeper, kind, fd), KEEPER_OK);
    assert_int_equal(keeper_scene_place(scene, "one", KEEPER_TAKE_LOCK), KEEPER_OK);
    holding = hold_lock(path, kind, &holder);
    assert_int_equal(keeper_scene_place(scene, "two", KEEPER_TAKE_LOCK), KEEPER_LOCK_TIMEOUT);
    keeper_scene_expect(scene, "one");
    assert_int_equal(keeper_place(scene->keeper, "new", 0, &placed), KEEPER_OK);
    keeper_scene_expect(scene, "two");
    close(holding);
    assert_int_equal(waitpid(holder, NULL, 0), holder);
    assert_int_equal(keeper_lock(scene->keeper, &placed), KEEPER_OK);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0); /* the same description: ours, not a proof */
    keeper_unlock(scene->keeper, &placed);
    close(fd);
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (kind == APACHE_LOCK_FLOCK)
        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0); /* let go */
    close(fd);
    unlink(path);
}

static void flock_is_respected(void **state)
{
    apaches_lock_is_respected(*state, APACHE_LOCK_FLOCK);
}

static void fcntl_is_respected(void **state)
{
    apaches_lock_is_respected(*state, APACHE_LOCK_FCNTL);
}

static void sigusr1_reaches_apache(void **state)
{
    struct keeper_scene *scene = *state;
    int errno_value;
    int status;

    assert_int_equal(keeper_signal_restart(scene->keeper, &errno_value), KEEPER_FAILED);
    assert_int_equal(errno_value, ESRCH);
    keeper_scene_run_apache(scene);
    assert_int_equal(keeper_signal_restart(scene->keeper, &errno_value), KEEPER_OK);
    assert_int_equal(waitpid(scene->apache, &status, 0), scene->apache);
    assert_int_equal(WEXITSTATUS(status), 42);
    scene->apache = 0;
    keeper_scene_news(scene, KEEPER_APACHE_ENDED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, keeper_scene_set_up, keeper_scene_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_placed_file_is_in_place),
        TEST(what_is_deleted_is_put_back_every_time),
        TEST(what_is_displaced_is_put_back),
        TEST(a_restart_is_told_with_its_time),
        TEST(what_was_written_to_is_not_put_back_before_it_was_looked_at),
        TEST(what_was_vouched_for_is_put_back_again),
        TEST(a_file_of_before_is_kept_once_vouched_for),
        TEST(a_write_since_begin_keeps_a_new_file_out),
        TEST(an_owner_is_told_and_does_no_harm),
        TEST(a_mode_that_shuts_apache_out_is_a_change),
        TEST(flock_is_respected),
        TEST(fcntl_is_respected),
        TEST(sigusr1_reaches_apache),
    };

    return keeper_scene_can_run() ? cmocka_run_group_tests_name("keeper", tests, NULL, NULL) : 77;
}
