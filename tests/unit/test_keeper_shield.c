/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of the shield: when the keeper puts it up, and when it lifts it.
 * Runs in: the build, as root.
 * Never: leaves a directory that cannot be removed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "keeper/shield.h"
#include "keeper_scene.h"

/* Does the file system know the flag?  Else what is about it cannot be tested here. */
static bool has_shield(const struct keeper_scene *scene)
{
    int fd = open(scene->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool has = shield_set(fd, true) == 0 && shield_is_up(fd);

    shield_set(fd, false);
    close(fd);
    return has;
}

static bool is_up(const struct keeper_scene *scene)
{
    int fd = open(scene->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool up = shield_is_up(fd);

    close(fd);
    return up;
}

static void the_shield_goes_up_when_vouched_for_and_apache_lives(void **state)
{
    struct keeper_scene *scene = *state;

    if (!has_shield(scene))
        skip();
    keeper_scene_place(scene, "one", 0);
    keeper_vouch(scene->keeper);
    assert_false(is_up(scene)); /* no Apache */
    keeper_scene_run_apache(scene);
    assert_true(is_up(scene));
    assert_int_equal(unlink(scene->path), -1);
    assert_int_equal(errno, EPERM);
    keeper_scene_place(scene, "two", KEEPER_IF_UNCHANGED); /* through the shield */
    assert_true(is_up(scene));
    keeper_scene_expect(scene, "two");
}

static void the_shield_is_lifted_when_the_file_is_in_doubt(void **state)
{
    struct keeper_scene *scene = *state;

    if (!has_shield(scene))
        skip();
    keeper_scene_place(scene, "one", 0);
    keeper_scene_run_apache(scene);
    keeper_vouch(scene->keeper);
    assert_true(is_up(scene));
    keeper_scene_write(scene->path, "garbage");
    keeper_scene_news(scene, KEEPER_MODIFIED);
    assert_false(is_up(scene));
    keeper_begin(scene->keeper);
    keeper_scene_write(scene->path, "more of it");
    keeper_vouch(scene->keeper); /* for what was read before */
    assert_false(is_up(scene));
    keeper_begin(scene->keeper);
    keeper_vouch(scene->keeper);
    assert_true(is_up(scene));
}

static void the_shield_is_lifted_when_apache_ends(void **state)
{
    struct keeper_scene *scene = *state;

    if (!has_shield(scene))
        skip();
    keeper_scene_place(scene, "one", 0);
    keeper_scene_run_apache(scene);
    keeper_vouch(scene->keeper);
    assert_true(is_up(scene));
    kill(scene->apache, SIGKILL);
    keeper_scene_news(scene, KEEPER_APACHE_ENDED);
    assert_false(is_up(scene));
}

static void the_shield_is_lifted_when_the_writer_ends(void **state)
{
    struct keeper_scene *scene = *state;

    if (!has_shield(scene))
        skip();
    keeper_scene_place(scene, "one", 0);
    keeper_scene_run_apache(scene);
    keeper_vouch(scene->keeper);
    assert_true(is_up(scene));
    keeper_end(scene->keeper);
    scene->keeper = NULL;
    assert_false(is_up(scene));
}

static void without_a_shield_wanted_there_is_none(void **state)
{
    struct keeper_scene *scene = *state;
    struct keeper_news news = keeper_scene_news(scene, KEEPER_SHIELD);

    assert_int_equal(news.shield, SHIELD_IMPOSSIBLE);
    assert_int_equal(news.reason, REASON_SHIELD_OFF);
    keeper_scene_place(scene, "one", 0);
    keeper_scene_run_apache(scene);
    keeper_vouch(scene->keeper);
    assert_false(is_up(scene));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, keeper_scene_set_up, keeper_scene_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_shield_goes_up_when_vouched_for_and_apache_lives),
        TEST(the_shield_is_lifted_when_the_file_is_in_doubt),
        TEST(the_shield_is_lifted_when_apache_ends),
        TEST(the_shield_is_lifted_when_the_writer_ends),
        cmocka_unit_test_setup_teardown(
            without_a_shield_wanted_there_is_none, keeper_scene_set_up_without_shield, keeper_scene_tear_down),
    };

    return keeper_scene_can_run() ? cmocka_run_group_tests_name("keeper_shield", tests, NULL, NULL) : 77;
}
