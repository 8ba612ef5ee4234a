/* SPDX-License-Identifier: ISC */
/* The keeper, as root on a real directory: what Apache does to its file, done by hand, thousands of times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper/keeper.h"
#include "keeper/shield.h"
#include "sandbox/child.h"

#define NAME "ocsp_cache.db"
#define ROUNDS 5000
/* Any that nobody else is. */
#define WRITER_ID 64123
#define OTHER_ID 64124

struct scene {
    char directory[64];
    char staging[96];
    char path[96];
    struct keeper *keeper;
    pid_t apache;
    int pidfd;
};

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0660);

    assert_true(fd >= 0);
    assert_int_equal(fchown(fd, WRITER_ID, WRITER_ID), 0);
    assert_int_equal(fchmod(fd, 0660), 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void expect_content(const struct scene *scene, const char *text)
{
    char content[64] = "";
    int fd = open(scene->path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_true(read(fd, content, sizeof content - 1) >= 0);
    close(fd);
    assert_string_equal(content, text);
}

static void new_file(const struct scene *scene, const char *text)
{
    char path[128];

    snprintf(path, sizeof path, "%s/new", scene->staging);
    write_file(path, text);
}

static enum keeper_result place(struct scene *scene, const char *text, unsigned how)
{
    struct keeper_placed placed;

    new_file(scene, text);
    return keeper_place(scene->keeper, "new", how, &placed);
}

/* The next news of this kind; others are passed over. */
static struct keeper_news expect_news(struct scene *scene, enum keeper_kind kind)
{
    struct keeper_news news;

    for (;;) {
        struct pollfd polled = {keeper_fd(scene->keeper), POLLIN, 0};

        assert_int_equal(poll(&polled, 1, 20000), 1);
        assert_int_equal(keeper_take_news(scene->keeper, &news), KEEPER_OK);
        if (news.kind == kind)
            return news;
    }
}

/* All that the kernel had to say was heard: an order comes after it. */
static void settle(struct scene *scene)
{
    struct keeper_news news;

    keeper_unlock(scene->keeper, &(struct keeper_placed){0});
    keeper_begin(scene->keeper);
    while (keeper_take_news(scene->keeper, &news) == KEEPER_OK)
        continue;
}

static struct keeper *start_keeper(const struct scene *scene, bool is_shield_wanted)
{
    char error[512] = "";
    struct keeper *keeper = keeper_start(&(struct keeper_settings){.name = NAME,
                                             .directory = scene->directory,
                                             .root_dir = scene->staging,
                                             .uid = WRITER_ID,
                                             .gid = WRITER_ID,
                                             .is_shield_wanted = is_shield_wanted},
        error, sizeof error);

    if (keeper == NULL)
        fail_msg("%s", error);
    return keeper;
}

static int set_up_with(void **state, bool is_shield_wanted)
{
    struct scene *scene = calloc(1, sizeof *scene);

    assert_non_null(scene);
    scene->pidfd = -1;
    snprintf(scene->directory, sizeof scene->directory, "/tmp/test_keeper.XXXXXX");
    assert_non_null(mkdtemp(scene->directory));
    snprintf(scene->staging, sizeof scene->staging, "%s/" KEEPER_STAGING, scene->directory);
    snprintf(scene->path, sizeof scene->path, "%s/" NAME, scene->directory);
    assert_int_equal(mkdir(scene->staging, 0700), 0);
    assert_int_equal(chown(scene->directory, WRITER_ID, WRITER_ID), 0);
    assert_int_equal(chmod(scene->directory, 0750), 0);
    assert_int_equal(chown(scene->staging, WRITER_ID, WRITER_ID), 0);
    scene->keeper = start_keeper(scene, is_shield_wanted);
    *state = scene;
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, true);
}

static int set_up_without_shield(void **state)
{
    return set_up_with(state, false);
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    char path[128];

    keeper_end(scene->keeper);
    if (scene->apache > 0) {
        kill(scene->apache, SIGKILL);
        waitpid(scene->apache, NULL, 0);
    }
    if (scene->pidfd >= 0)
        close(scene->pidfd);
    shield_lift(scene->directory, WRITER_ID);
    snprintf(path, sizeof path, "%s/new", scene->staging);
    unlink(path);
    unlink(scene->path);
    assert_int_equal(rmdir(scene->staging), 0); /* the keeper left nothing */
    assert_int_equal(rmdir(scene->directory), 0);
    free(scene);
    return 0;
}

/* Stands for Apache's main process: lives, and ends with 42 at SIGUSR1. */
static void run_apache(struct scene *scene)
{
    int ready[2];
    char octet;

    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    scene->apache = fork();
    assert_true(scene->apache >= 0);
    if (scene->apache == 0) {
        sigset_t waited;
        int signal_no;

        assert_int_equal(dup2(ready[1], 3), 3); /* and nothing of the keeper's channels */
        close_range(4, ~0u, 0);
        sigemptyset(&waited);
        sigaddset(&waited, SIGUSR1);
        sigprocmask(SIG_BLOCK, &waited, NULL);
        if (write(3, "x", 1) != 1 || sigwait(&waited, &signal_no) != 0)
            _exit(1);
        _exit(42);
    }
    assert_int_equal(read(ready[0], &octet, 1), 1);
    close(ready[0]);
    close(ready[1]);
    scene->pidfd = pidfd_open(scene->apache, 0);
    assert_true(scene->pidfd >= 0);
    assert_int_equal(keeper_set_apache(scene->keeper, scene->pidfd), KEEPER_OK);
}

/* Does the file system know the flag?  Else what is about it cannot be tested here. */
static bool has_shield(const struct scene *scene)
{
    int fd = open(scene->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool has = shield_set(fd, true) == 0 && shield_is_up(fd);

    shield_set(fd, false);
    close(fd);
    return has;
}

static bool is_up(const struct scene *scene)
{
    int fd = open(scene->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool up = shield_is_up(fd);

    close(fd);
    return up;
}

static void a_placed_file_is_in_place(void **state)
{
    struct scene *scene = *state;

    assert_int_equal(place(scene, "one", 0), KEEPER_OK);
    expect_content(scene, "one");
    assert_int_equal(place(scene, "two", KEEPER_IF_UNCHANGED | KEEPER_TAKE_LOCK), KEEPER_OK);
    expect_content(scene, "two");
}

static void what_is_deleted_is_put_back_every_time(void **state)
{
    struct scene *scene = *state;
    struct stat before, after;

    assert_int_equal(place(scene, "one", 0), KEEPER_OK);
    assert_int_equal(stat(scene->path, &before), 0);
    for (int i = 0; i < ROUNDS; i++) {
        unlink(scene->path);
        if (i % 50 == 0) /* a crowd of deletes, then a moment to look */
            while (stat(scene->path, &after) != 0)
                sched_yield();
    }
    settle(scene);
    assert_int_equal(stat(scene->path, &after), 0);
    assert_true(after.st_ino == before.st_ino);
    expect_content(scene, "one");
}

/* What Berkeley DB does when it makes a new file. */
static void what_is_displaced_is_put_back(void **state)
{
    struct scene *scene = *state;
    char other[128];

    snprintf(other, sizeof other, "%s/__db." NAME, scene->directory);
    assert_int_equal(place(scene, "one", 0), KEEPER_OK);
    for (int i = 0; i < ROUNDS / 10; i++) {
        unlink(scene->path);
        write_file(other, "empty");
        assert_int_equal(rename(other, scene->path), 0);
    }
    settle(scene);
    expect_content(scene, "one");
}

static void a_restart_is_told_with_its_time(void **state)
{
    struct scene *scene = *state;
    struct keeper_news news;

    place(scene, "one", 0);
    unlink(scene->path);
    news = expect_news(scene, KEEPER_PUT_BACK);
    assert_int_equal(news.errno_value, 0);
    assert_false(news.was_displaced);
    expect_content(scene, "one");
}

/* Garbage must not come back: Apache could not start with it. */
static void what_was_written_to_is_not_put_back_before_it_was_looked_at(void **state)
{
    struct scene *scene = *state;
    struct keeper_news news;

    place(scene, "one", 0);
    write_file(scene->path, "garbage");
    expect_news(scene, KEEPER_MODIFIED);
    unlink(scene->path);
    news = expect_news(scene, KEEPER_PUT_BACK);
    assert_int_equal(news.errno_value, EAGAIN);
    assert_int_equal(access(scene->path, F_OK), -1);
    place(scene, "two", 0);
    unlink(scene->path);
    assert_int_equal(expect_news(scene, KEEPER_PUT_BACK).errno_value, 0);
    expect_content(scene, "two");
}

static void what_was_vouched_for_is_put_back_again(void **state)
{
    struct scene *scene = *state;

    place(scene, "one", 0);
    write_file(scene->path, "one and Apache's");
    expect_news(scene, KEEPER_MODIFIED);
    keeper_begin(scene->keeper);
    keeper_vouch(scene->keeper);
    unlink(scene->path);
    assert_int_equal(expect_news(scene, KEEPER_PUT_BACK).errno_value, 0);
    expect_content(scene, "one and Apache's");
}

/* A writer that was started anew finds the file of the one before as it should be. */
static void a_file_of_before_is_kept_once_vouched_for(void **state)
{
    struct scene *scene = *state;

    write_file(scene->path, "before");
    settle(scene);
    unlink(scene->path);
    assert_int_equal(expect_news(scene, KEEPER_PUT_BACK).errno_value, EAGAIN); /* nothing is kept: the writer must know */
    settle(scene);
    assert_int_equal(access(scene->path, F_OK), -1);
    write_file(scene->path, "before");
    keeper_begin(scene->keeper);
    keeper_vouch(scene->keeper);
    settle(scene);
    unlink(scene->path);
    assert_int_equal(expect_news(scene, KEEPER_PUT_BACK).errno_value, 0);
    expect_content(scene, "before");
}

static void a_write_since_begin_keeps_a_new_file_out(void **state)
{
    struct scene *scene = *state;

    place(scene, "one", 0);
    keeper_begin(scene->keeper);
    write_file(scene->path, "Apache's");
    assert_int_equal(place(scene, "two", KEEPER_IF_UNCHANGED), KEEPER_CHANGED);
    expect_content(scene, "Apache's");
    keeper_begin(scene->keeper);
    assert_int_equal(place(scene, "three", KEEPER_IF_UNCHANGED), KEEPER_OK);
    expect_content(scene, "three");
}

static void an_owner_is_told_and_does_no_harm(void **state)
{
    struct scene *scene = *state;

    place(scene, "one", 0);
    assert_int_equal(chown(scene->path, OTHER_ID, (gid_t)-1), 0);
    expect_news(scene, KEEPER_CHOWNED);
    unlink(scene->path);
    assert_int_equal(expect_news(scene, KEEPER_PUT_BACK).errno_value, 0);
    unlink(scene->path); /* the links could be made again, of a file of somebody else's */
    assert_int_equal(expect_news(scene, KEEPER_PUT_BACK).errno_value, 0);
    expect_content(scene, "one");
}

static void a_mode_that_shuts_apache_out_is_a_change(void **state)
{
    struct scene *scene = *state;

    place(scene, "one", 0);
    assert_int_equal(chmod(scene->path, 0600), 0);
    expect_news(scene, KEEPER_MODIFIED);
}

static void the_shield_goes_up_when_vouched_for_and_apache_lives(void **state)
{
    struct scene *scene = *state;

    if (!has_shield(scene))
        skip();
    place(scene, "one", 0);
    keeper_vouch(scene->keeper);
    assert_false(is_up(scene)); /* no Apache */
    run_apache(scene);
    assert_true(is_up(scene));
    assert_int_equal(unlink(scene->path), -1);
    assert_int_equal(errno, EPERM);
    place(scene, "two", KEEPER_IF_UNCHANGED); /* through the shield */
    assert_true(is_up(scene));
    expect_content(scene, "two");
}

static void the_shield_is_lifted_when_the_file_is_in_doubt(void **state)
{
    struct scene *scene = *state;

    if (!has_shield(scene))
        skip();
    place(scene, "one", 0);
    run_apache(scene);
    keeper_vouch(scene->keeper);
    assert_true(is_up(scene));
    write_file(scene->path, "garbage");
    expect_news(scene, KEEPER_MODIFIED);
    assert_false(is_up(scene));
    keeper_begin(scene->keeper);
    write_file(scene->path, "more of it");
    keeper_vouch(scene->keeper); /* for what was read before */
    assert_false(is_up(scene));
    keeper_begin(scene->keeper);
    keeper_vouch(scene->keeper);
    assert_true(is_up(scene));
}

static void the_shield_is_lifted_when_apache_ends(void **state)
{
    struct scene *scene = *state;

    if (!has_shield(scene))
        skip();
    place(scene, "one", 0);
    run_apache(scene);
    keeper_vouch(scene->keeper);
    assert_true(is_up(scene));
    kill(scene->apache, SIGKILL);
    expect_news(scene, KEEPER_APACHE_ENDED);
    assert_false(is_up(scene));
}

static void the_shield_is_lifted_when_the_writer_ends(void **state)
{
    struct scene *scene = *state;

    if (!has_shield(scene))
        skip();
    place(scene, "one", 0);
    run_apache(scene);
    keeper_vouch(scene->keeper);
    assert_true(is_up(scene));
    keeper_end(scene->keeper);
    scene->keeper = NULL;
    assert_false(is_up(scene));
}

static void without_a_shield_wanted_there_is_none(void **state)
{
    struct scene *scene = *state;
    struct keeper_news news = expect_news(scene, KEEPER_SHIELD);

    assert_int_equal(news.shield, SHIELD_IMPOSSIBLE);
    assert_int_equal(news.reason, REASON_SHIELD_OFF);
    place(scene, "one", 0);
    run_apache(scene);
    keeper_vouch(scene->keeper);
    assert_false(is_up(scene));
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

static void apaches_lock_is_respected(struct scene *scene, enum apache_lock_kind kind)
{
    char path[128];
    struct keeper_placed placed;
    pid_t holder;
    int fd, holding;

    snprintf(path, sizeof path, "%s/lock", scene->staging);
    write_file(path, "");
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(keeper_set_lock(scene->keeper, kind, fd), KEEPER_OK);
    assert_int_equal(place(scene, "one", KEEPER_TAKE_LOCK), KEEPER_OK);
    holding = hold_lock(path, kind, &holder);
    assert_int_equal(place(scene, "two", KEEPER_TAKE_LOCK), KEEPER_LOCK_TIMEOUT);
    expect_content(scene, "one");
    assert_int_equal(keeper_place(scene->keeper, "new", 0, &placed), KEEPER_OK);
    expect_content(scene, "two");
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
    struct scene *scene = *state;
    int errno_value;
    int status;

    assert_int_equal(keeper_signal_restart(scene->keeper, &errno_value), KEEPER_FAILED);
    assert_int_equal(errno_value, ESRCH);
    run_apache(scene);
    assert_int_equal(keeper_signal_restart(scene->keeper, &errno_value), KEEPER_OK);
    assert_int_equal(waitpid(scene->apache, &status, 0), scene->apache);
    assert_int_equal(WEXITSTATUS(status), 42);
    scene->apache = 0;
    expect_news(scene, KEEPER_APACHE_ENDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_placed_file_is_in_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_deleted_is_put_back_every_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_displaced_is_put_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_restart_is_told_with_its_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_written_to_is_not_put_back_before_it_was_looked_at, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_vouched_for_is_put_back_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_of_before_is_kept_once_vouched_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_write_since_begin_keeps_a_new_file_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_owner_is_told_and_does_no_harm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_mode_that_shuts_apache_out_is_a_change, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_shield_goes_up_when_vouched_for_and_apache_lives, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_shield_is_lifted_when_the_file_is_in_doubt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_shield_is_lifted_when_apache_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_shield_is_lifted_when_the_writer_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_shield_wanted_there_is_none, set_up_without_shield, tear_down),
        cmocka_unit_test_setup_teardown(flock_is_respected, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fcntl_is_respected, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sigusr1_reaches_apache, set_up, tear_down),
    };

    if (geteuid() != 0 || CHILD_IS_SANITIZED) {
        puts("skipped: the keeper locks itself in, which takes root and a build without AddressSanitizer");
        return 77;
    }
    return cmocka_run_group_tests_name("keeper", tests, NULL, NULL);
}
