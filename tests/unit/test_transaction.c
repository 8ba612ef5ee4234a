/* SPDX-License-Identifier: ISC */
/* P4: files are changed as one, and put back as they were: bytes, mode, owner, time, attributes, links. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "temp_dir.h"
#include "transaction/transaction.h"

static char error[4096];

static const char *absolute(void **state, const char *name)
{
    static char paths[8][4096];
    static unsigned turn;
    char *path = paths[turn++ % 8];

    snprintf(path, 4096, "%s/%s", (const char *)*state, name);
    return path;
}

static void check_file(const char *name, const char *content)
{
    size_t len = 0;
    uint8_t *data = temp_file_read(name, &len);

    assert_int_equal(len, strlen(content));
    assert_memory_equal(data, content, len);
    free(data);
}

/* Three paths: one changed, one made, one link removed. */
static void set_up(void **state, struct transaction *transaction)
{
    temp_file_write("conf", "old\n", 4);
    assert_int_equal(chmod("conf", 0640), 0);
    assert_int_equal(symlink("../somewhere", "link"), 0);
    assert_int_equal(transaction_open(*state, transaction, error, sizeof error), TRANSACTION_LOCKED);
    assert_int_equal(transaction_add(transaction, absolute(state, "conf"), SNAPSHOT_FILE, "new\n", 4, error, sizeof error), 0);
    assert_int_equal(transaction_add(transaction, absolute(state, "made"), SNAPSHOT_FILE, "made\n", 5, error, sizeof error), 0);
    assert_int_equal(transaction_add(transaction, absolute(state, "link"), SNAPSHOT_ABSENT, NULL, 0, error, sizeof error), 0);
    assert_int_equal(transaction_begin(transaction, error, sizeof error), 0);
}

static void apply_all(void **state, struct transaction *transaction)
{
    assert_int_equal(transaction_apply(transaction, absolute(state, "conf"), "new\n", 4, error, sizeof error), 0);
    assert_int_equal(transaction_apply(transaction, absolute(state, "made"), "made\n", 5, error, sizeof error), 0);
    assert_int_equal(transaction_apply(transaction, absolute(state, "link"), NULL, 0, error, sizeof error), 0);
}

static void check_before(void)
{
    char target[64] = "";
    struct stat st;

    check_file("conf", "old\n");
    assert_int_equal(stat("conf", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(access("made", F_OK), -1);
    assert_true(readlink("link", target, sizeof target - 1) > 0);
    assert_string_equal(target, "../somewhere");
}

static void attributes_that_are_cut_off_are_refused(void **state)
{
    static const char whole[]
        = "user.a\0"
          "\4\0\0\0"
          "kept";
    char name[16];

    (void)state;
    for (size_t len = 1; len < sizeof whole - 1; len++) {
        char *xattrs = memcpy(malloc(sizeof whole), whole, sizeof whole);
        const struct snapshot cut
            = {.kind = SNAPSHOT_FILE, .mode = 0600, .uid = geteuid(), .gid = getegid(), .xattrs = xattrs, .xattrs_len = len};

        snprintf(name, sizeof name, "cut%zu", len);
        errno = 0;
        assert_int_equal(snapshot_put(name, &cut), -1);
        assert_int_equal(errno, EINVAL);
        free(xattrs);
    }
}

static void a_change_keeps_mode_and_attributes_and_goes_back(void **state)
{
    struct transaction transaction;
    struct stat before, after;
    struct undo undo;
    char value[8] = "";

    temp_file_write("conf", "x", 1);
    if (setxattr("conf", "user.stapleguard", "kept", 4, 0) != 0)
        assert_int_equal(errno, ENOTSUP);
    set_up(state, &transaction);
    assert_int_equal(stat("conf", &before), 0);
    apply_all(state, &transaction);
    check_file("conf", "new\n");
    check_file("made", "made\n");
    assert_int_equal(stat("conf", &after), 0);
    assert_int_equal(after.st_mode, before.st_mode);
    if (getxattr("conf", "user.stapleguard", value, sizeof value) < 0)
        assert_int_equal(errno, ENOTSUP);
    else
        assert_memory_equal(value, "kept", 4);
    assert_int_equal(access("link", F_OK), -1);
    transaction_undo(&transaction, &undo);
    assert_int_equal(undo.restored, 3);
    assert_string_equal(undo.text, "");
    check_before();
    assert_int_equal(stat("conf", &after), 0);
    assert_int_equal(after.st_mtim.tv_sec, before.st_mtim.tv_sec);
    assert_int_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
    assert_int_equal(transaction_end(&transaction, false), 0);
    assert_false(transaction_is_pending(*state));
    transaction_close(&transaction);
}

static void what_a_killed_run_left_is_read_from_disk(void **state)
{
    struct transaction transaction;
    struct undo undo;

    set_up(state, &transaction);
    apply_all(state, &transaction);
    temp_file_write(SNAPSHOT_STAGING, "half", 4); /* killed in the middle of the next one */
    transaction_close(&transaction);
    assert_true(transaction_is_pending(*state));
    assert_int_equal(transaction_open(*state, &transaction, error, sizeof error), TRANSACTION_LOCKED);
    assert_int_equal(transaction_resume(&transaction, error, sizeof error), 1);
    transaction_undo(&transaction, &undo);
    assert_false(undo.has_failed);
    check_before();
    assert_int_equal(access(SNAPSHOT_STAGING, F_OK), -1);
    assert_int_equal(transaction_end(&transaction, false), 0);
    assert_int_equal(access(transaction.journal.backup, F_OK), -1);
    transaction_close(&transaction);
}

static void a_file_that_somebody_else_changed_is_left_alone(void **state)
{
    struct transaction transaction;
    struct undo undo;
    char saved[8192];
    uint8_t *data;
    size_t len = 0;

    set_up(state, &transaction);
    apply_all(state, &transaction);
    temp_file_write("conf", "theirs\n", 7);
    transaction_undo(&transaction, &undo);
    assert_int_equal(undo.edited, 1);
    assert_int_equal(undo.restored, 2);
    assert_non_null(strstr(undo.text, "conf was changed by somebody else"));
    check_file("conf", "theirs\n");
    assert_int_equal(transaction_end(&transaction, true), 0);
    snprintf(saved, sizeof saved, "%s%s", transaction.journal.backup, absolute(state, "conf"));
    data = temp_file_read(saved, &len);
    assert_memory_equal(data, "old\n", 4);
    free(data);
    transaction_close(&transaction);
}

static void a_change_is_refused_when_the_file_is_not_as_it_was(void **state)
{
    struct transaction transaction;

    set_up(state, &transaction);
    temp_file_write("made", "somebody was faster\n", 20);
    assert_int_equal(transaction_apply(&transaction, absolute(state, "made"), "made\n", 5, error, sizeof error), -1);
    assert_non_null(strstr(error, "changed by somebody else"));
    assert_int_equal(chmod("conf", 0600), 0);
    assert_int_equal(transaction_apply(&transaction, absolute(state, "conf"), "new\n", 4, error, sizeof error), -1);
    assert_int_equal(transaction_apply(&transaction, absolute(state, "other"), "new\n", 4, error, sizeof error), -1);
    assert_non_null(strstr(error, "was not announced"));
    transaction_close(&transaction);
}

static void a_damaged_backup_is_not_put_back(void **state)
{
    struct transaction transaction;
    char saved[8192];

    set_up(state, &transaction);
    apply_all(state, &transaction);
    snprintf(saved, sizeof saved, "%s%s", transaction.journal.backup, absolute(state, "conf"));
    temp_file_write(saved, "0ld\n", 4);
    transaction_close(&transaction);
    assert_int_equal(transaction_open(*state, &transaction, error, sizeof error), TRANSACTION_LOCKED);
    assert_int_equal(transaction_resume(&transaction, error, sizeof error), -1);
    assert_non_null(strstr(error, "is damaged"));
    check_file("conf", "new\n");
    transaction_close(&transaction);
}

static void only_one_works_at_a_time(void **state)
{
    struct transaction first, second;

    assert_int_equal(transaction_open(*state, &first, error, sizeof error), TRANSACTION_LOCKED);
    assert_int_equal(transaction_open(*state, &second, error, sizeof error), TRANSACTION_BUSY);
    assert_non_null(strstr(error, "under way"));
    transaction_close(&second);
    transaction_close(&first);
    assert_int_equal(transaction_open(*state, &second, error, sizeof error), TRANSACTION_LOCKED);
    transaction_close(&second);
}

static void a_directory_in_the_way_is_named(void **state)
{
    struct transaction transaction;

    assert_int_equal(mkdir("made", 0700), 0);
    assert_int_equal(transaction_open(*state, &transaction, error, sizeof error), TRANSACTION_LOCKED);
    assert_int_equal(transaction_add(&transaction, absolute(state, "made"), SNAPSHOT_FILE, "x", 1, error, sizeof error), -1);
    assert_non_null(strstr(error, "neither a file nor a link"));
    transaction_close(&transaction);
}

/* The journal and the backup are root's alone: they may hold what a configuration keeps secret. */
static void what_is_kept_is_for_nobody_else(void **state)
{
    struct transaction transaction;
    struct stat st;

    set_up(state, &transaction);
    assert_int_equal(stat("setup", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(stat("setup/journal", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(transaction.journal.backup, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    transaction_close(&transaction);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(attributes_that_are_cut_off_are_refused, temp_dir_setup, temp_dir_teardown),
        cmocka_unit_test_setup_teardown(a_change_keeps_mode_and_attributes_and_goes_back, temp_dir_setup, temp_dir_teardown),
        cmocka_unit_test_setup_teardown(what_a_killed_run_left_is_read_from_disk, temp_dir_setup, temp_dir_teardown),
        cmocka_unit_test_setup_teardown(a_file_that_somebody_else_changed_is_left_alone, temp_dir_setup, temp_dir_teardown),
        cmocka_unit_test_setup_teardown(a_change_is_refused_when_the_file_is_not_as_it_was, temp_dir_setup, temp_dir_teardown),
        cmocka_unit_test_setup_teardown(a_damaged_backup_is_not_put_back, temp_dir_setup, temp_dir_teardown),
        cmocka_unit_test_setup_teardown(only_one_works_at_a_time, temp_dir_setup, temp_dir_teardown),
        cmocka_unit_test_setup_teardown(a_directory_in_the_way_is_named, temp_dir_setup, temp_dir_teardown),
        cmocka_unit_test_setup_teardown(what_is_kept_is_for_nobody_else, temp_dir_setup, temp_dir_teardown),
    };

    if (geteuid() != 0) {
        puts("skipped: the former files are kept with their owners, so it must be root");
        return 77;
    }
    return cmocka_run_group_tests_name("transaction", tests, NULL, NULL);
}
