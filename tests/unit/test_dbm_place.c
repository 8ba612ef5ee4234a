/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of writer/dbm/dbm_place.c and apache_dbm.c with something else in the place of Apache's file.
 * Runs in: the build.
 * Never: asks a clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <db.h>

#include "dbm_scene.h"
#include "temp_dir.h"

static enum reason refusal(const char *part_of_detail)
{
    struct dbm_scene scene = dbm_scene_of(1);
    struct apache_dbm dbm;
    enum reason reason = dbm_scene_begin(&scene, &dbm);

    if (strstr(dbm.place.detail, part_of_detail) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", dbm.place.detail, part_of_detail);
    apache_dbm_end(&dbm);
    return reason;
}

static void another_kind_of_dbm_is_refused_by_name(void **state)
{
    DB *db = NULL;

    (void)state;
    temp_file_write(DBM_SCENE_FILE, "\xcf\x9a\x57\x13\0\0\0\0\0\0\0\0\0\0\0\0\0", 17);
    assert_int_equal(refusal("a GDBM file"), REASON_NOT_BERKELEY_DB);
    temp_file_write(DBM_SCENE_FILE, "just some words\n", 16);
    assert_int_equal(refusal("a text file"), REASON_NOT_BERKELEY_DB);
    temp_file_write(DBM_SCENE_FILE,
        "\x7f"
        "ELF\x02\x01\x01\x00",
        8);
    assert_int_equal(refusal("not known"), REASON_NOT_BERKELEY_DB);
    unlink(DBM_SCENE_FILE);
    assert_int_equal(db_create(&db, NULL, 0), 0);
    assert_int_equal(db->open(db, NULL, DBM_SCENE_FILE, NULL, DB_BTREE, DB_CREATE, 0600), 0);
    assert_int_equal(db->close(db, 0), 0);
    assert_int_equal(refusal("a Berkeley DB B-tree file"), REASON_NOT_BERKELEY_DB);
    unlink(DBM_SCENE_FILE);
    temp_file_write(DBM_SCENE_FILE ".pag", "", 0);
    temp_file_write(DBM_SCENE_FILE ".dir", "", 0);
    assert_int_equal(refusal("SDBM"), REASON_NOT_BERKELEY_DB);
}

static void what_is_no_file_is_refused_and_left_alone(void **state)
{
    struct stat st;

    (void)state;
    temp_file_write("elsewhere", "precious", 8);
    assert_int_equal(symlink("elsewhere", DBM_SCENE_FILE), 0);
    assert_int_equal(refusal("a symbolic link"), REASON_DBM_UNWRITABLE);
    assert_int_equal(lstat(DBM_SCENE_FILE, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(unlink(DBM_SCENE_FILE), 0);
    assert_int_equal(mkfifo(DBM_SCENE_FILE, 0600), 0);
    assert_int_equal(refusal("a FIFO"), REASON_DBM_UNWRITABLE);
    assert_int_equal(unlink(DBM_SCENE_FILE), 0);
    assert_int_equal(mkdir(DBM_SCENE_FILE, 0700), 0);
    assert_int_equal(refusal("a directory"), REASON_DBM_UNWRITABLE);
}

static void an_empty_file_and_a_damaged_one_are_replaced(void **state)
{
    static const uint8_t zeros[9000];
    struct dbm_scene scene = dbm_scene_of(5);
    uint8_t *data;
    size_t len;

    (void)state;
    temp_file_write(DBM_SCENE_FILE, "", 0);
    dbm_scene_commit_well(&scene);
    dbm_scene_expect_served(&scene);
    temp_file_write(DBM_SCENE_FILE, zeros, sizeof zeros);
    dbm_scene_commit_well(&scene);
    dbm_scene_expect_served(&scene);
    data = temp_file_read(DBM_SCENE_FILE, &len);
    memset(data + 16, 0xee, 200); /* the first page behind the magic */
    temp_file_write(DBM_SCENE_FILE, data, len);
    free(data);
    dbm_scene_commit_well(&scene);
    dbm_scene_expect_served(&scene);
}

static void left_overs_of_a_run_that_was_killed_are_removed(void **state)
{
    struct dbm_scene scene = dbm_scene_of(5);

    (void)state;
    temp_file_write(DBM_SCENE_TEMPORARY, "half a file", 11);
    temp_file_write("__db." DBM_SCENE_TEMPORARY, "a quarter", 9);
    dbm_scene_commit_well(&scene);
    assert_int_equal(access("__db." DBM_SCENE_TEMPORARY, F_OK), -1);
    dbm_scene_expect_served(&scene);
}

static void an_obstacle_is_named(void **state)
{
    (void)state;
    assert_int_equal(mkdir("__db." DBM_SCENE_TEMPORARY, 0700), 0); /* not ours to remove */
    assert_int_equal(refusal(DBM_SCENE_TEMPORARY), REASON_DBM_UNWRITABLE);
    assert_int_equal(access(DBM_SCENE_FILE, F_OK), -1);
}

static void a_name_that_leaves_no_room_is_refused(void **state)
{
    char name[NAME_MAX + 1];
    char temporary[NAME_MAX + 1];

    (void)state;
    memset(name, 'n', sizeof name);
    name[NAME_MAX] = '\0';
    assert_false(dbm_place_temporary(name, temporary));
    name[200] = '\0';
    assert_true(dbm_place_temporary(name, temporary));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, dbm_scene_setup, temp_dir_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(another_kind_of_dbm_is_refused_by_name),
        TEST(what_is_no_file_is_refused_and_left_alone),
        TEST(an_empty_file_and_a_damaged_one_are_replaced),
        TEST(left_overs_of_a_run_that_was_killed_are_removed),
        TEST(an_obstacle_is_named),
        TEST(a_name_that_leaves_no_room_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
