/* SPDX-License-Identifier: ISC */
#include "keeper_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper/shield.h"
#include "sandbox/child.h"

/* Any that nobody else is. */
#define WRITER_ID 64123

void keeper_scene_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0660);

    assert_true(fd >= 0);
    assert_int_equal(fchown(fd, WRITER_ID, WRITER_ID), 0);
    assert_int_equal(fchmod(fd, 0660), 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

void keeper_scene_expect(const struct keeper_scene *scene, const char *text)
{
    char content[64] = "";
    int fd = open(scene->path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_true(read(fd, content, sizeof content - 1) >= 0);
    close(fd);
    assert_string_equal(content, text);
}

static void new_file(const struct keeper_scene *scene, const char *text)
{
    char path[128];

    snprintf(path, sizeof path, "%s/new", scene->staging);
    keeper_scene_write(path, text);
}

enum keeper_result keeper_scene_place(struct keeper_scene *scene, const char *text, unsigned how)
{
    struct keeper_placed placed;

    new_file(scene, text);
    return keeper_place(scene->keeper, "new", how, &placed);
}

struct keeper_news keeper_scene_news(struct keeper_scene *scene, enum keeper_kind kind)
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

void keeper_scene_settle(struct keeper_scene *scene)
{
    struct keeper_news news;

    keeper_unlock(scene->keeper, &(struct keeper_placed){0});
    keeper_begin(scene->keeper);
    while (keeper_take_news(scene->keeper, &news) == KEEPER_OK)
        continue;
}

static struct keeper *start_keeper(const struct keeper_scene *scene, bool is_shield_wanted)
{
    char error[512] = "";
    struct keeper *keeper = keeper_start(&(struct keeper_settings){.name = KEEPER_SCENE_FILE,
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
    struct keeper_scene *scene = calloc(1, sizeof *scene);

    assert_non_null(scene);
    scene->pidfd = -1;
    snprintf(scene->directory, sizeof scene->directory, "/tmp/test_keeper.XXXXXX");
    assert_non_null(mkdtemp(scene->directory));
    snprintf(scene->staging, sizeof scene->staging, "%s/" KEEPER_STAGING, scene->directory);
    snprintf(scene->path, sizeof scene->path, "%s/" KEEPER_SCENE_FILE, scene->directory);
    assert_int_equal(mkdir(scene->staging, 0700), 0);
    assert_int_equal(chown(scene->directory, WRITER_ID, WRITER_ID), 0);
    assert_int_equal(chmod(scene->directory, 0750), 0);
    assert_int_equal(chown(scene->staging, WRITER_ID, WRITER_ID), 0);
    scene->keeper = start_keeper(scene, is_shield_wanted);
    *state = scene;
    return 0;
}

int keeper_scene_set_up(void **state)
{
    return set_up_with(state, true);
}

int keeper_scene_set_up_without_shield(void **state)
{
    return set_up_with(state, false);
}

int keeper_scene_tear_down(void **state)
{
    struct keeper_scene *scene = *state;
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

void keeper_scene_run_apache(struct keeper_scene *scene)
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

bool keeper_scene_can_run(void)
{
    if (geteuid() == 0 && !CHILD_IS_SANITIZED)
        return true;
    puts("skipped: the keeper locks itself in, which takes root and a build without AddressSanitizer");
    return false;
}
