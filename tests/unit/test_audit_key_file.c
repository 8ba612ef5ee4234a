/* SPDX-License-Identifier: ISC */
/* The file of the sealing key: what it looks like, what is refused, and that the key before it is overwritten. */
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
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/audit_key_file.h"
#include "temp_dir.h"

static char path[128];

static int set_up(void **state)
{
    int result = temp_dir_setup(state);

    snprintf(path, sizeof path, "%s/audit.seal", (const char *)*state);
    return result;
}

static struct audit_key key_of(uint8_t first)
{
    struct audit_key key = {.start = 1700000000, .interval = 900, .epoch = 17};

    for (size_t i = 0; i < sizeof key.secret; i++)
        key.secret[i] = (uint8_t)(first + i);
    return key;
}

static void assert_same(const struct audit_key *a, const struct audit_key *b)
{
    assert_int_equal(a->start, b->start);
    assert_int_equal(a->interval, b->interval);
    assert_int_equal(a->epoch, b->epoch);
    assert_memory_equal(a->secret, b->secret, sizeof a->secret);
}

static void a_key_comes_back_from_its_text(void **state)
{
    const struct audit_key key = key_of(3);
    const struct audit_key largest = {.start = INT64_MAX, .interval = UINT32_MAX, .epoch = UINT32_MAX};
    struct audit_key found = {0};
    char text[AUDIT_KEY_FILE_MAX];
    size_t len = audit_key_file_format(&key, text);

    (void)state;
    assert_int_equal(strlen(text), len);
    assert_memory_equal(text, "stapleguard-audit-seal 1\nstart 1700000000\ninterval 900\nepoch 17\nsecret 030405", 77);
    assert_true(audit_key_file_parse(text, len, &found));
    assert_same(&found, &key);
    len = audit_key_file_format(&largest, text);
    assert_true(len < sizeof text);
    assert_true(audit_key_file_parse(text, len, &found));
    assert_same(&found, &largest);
}

static void nothing_else_is_taken(void **state)
{
    static const char spaced[] = "stapleguard-audit-seal 1\nstart  1\ninterval 900\nepoch 1\nsecret ";
    const struct audit_key key = key_of(3);
    struct audit_key found = key_of(9);
    struct audit_key before = found;
    char text[AUDIT_KEY_FILE_MAX];
    char longer[2 * AUDIT_KEY_FILE_MAX] = "";
    size_t len = audit_key_file_format(&key, text);

    (void)state;
    for (size_t cut = 0; cut < len; cut++)
        assert_false(audit_key_file_parse(text, cut, &found));
    for (size_t bit = 0; bit < 8 * len; bit++) {
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
        assert_false(audit_key_file_parse(text, len, &found));
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
    }
    memcpy(longer, text, len + 1);
    assert_false(audit_key_file_parse(longer, len + 1, &found));
    assert_false(audit_key_file_parse(longer, sizeof longer, &found));
    assert_false(audit_key_file_parse(spaced, sizeof spaced - 1, &found));
    assert_same(&found, &before);
}

static void a_first_key_is_for_its_owner_alone(void **state)
{
    const struct audit_key key = key_of(3);
    struct audit_key_mark made;
    struct audit_key_mark mark;
    struct audit_key found;
    struct stat status;

    (void)state;
    assert_int_equal(audit_key_file_read(path, &found, &mark), AUDIT_KEY_FILE_MISSING);
    umask(0);
    assert_int_equal(audit_key_file_write(path, &key, AUDIT_KEY_FILE_NEW, &made), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode, S_IFREG | 0600);
    assert_int_equal(audit_key_file_read(path, &found, &mark), AUDIT_KEY_FILE_OK);
    assert_same(&found, &key);
    assert_true(audit_key_file_is(path, &made) && audit_key_file_is(path, &mark));
    assert_int_equal(audit_key_file_write(path, &key, AUDIT_KEY_FILE_NEW, NULL), -1);
    assert_int_equal(errno, EEXIST);
    assert_true(audit_key_file_is(path, &made));
}

/* Whoever has the old file open, as a stand-in for who looks at the disk, finds nothing there any more. */
static void the_key_before_is_overwritten(void **state)
{
    const struct audit_key first = key_of(3);
    const struct audit_key second = key_of(90);
    char fresh[sizeof path + 8];
    char left[AUDIT_KEY_FILE_MAX];
    struct audit_key_mark mark;
    struct audit_key found;
    int old;
    int stale;
    ssize_t len;

    (void)state;
    assert_int_equal(audit_key_file_write(path, &first, AUDIT_KEY_FILE_NEW, &mark), 0);
    /* what a crash between writing and renaming leaves */
    snprintf(fresh, sizeof fresh, "%s.new", path);
    temp_file_write(fresh, "a secret", 8);
    old = open(path, O_RDONLY | O_CLOEXEC);
    stale = open(fresh, O_RDONLY | O_CLOEXEC);
    assert_int_equal(audit_key_file_write(path, &second, AUDIT_KEY_FILE_FOLLOW, &mark), 0);
    len = read(old, left, sizeof left);
    assert_true(len > 200);
    for (ssize_t i = 0; i < len; i++)
        assert_int_equal(left[i], 0);
    assert_int_equal(read(stale, left, sizeof left), 8);
    assert_memory_equal(left, "\0\0\0\0\0\0\0\0", 8);
    close(old);
    close(stale);
    assert_int_equal(access(fresh, F_OK), -1);
    assert_int_equal(audit_key_file_read(path, &found, NULL), AUDIT_KEY_FILE_OK);
    assert_same(&found, &second);
}

static void a_key_that_somebody_else_put_there_is_not_overwritten(void **state)
{
    const struct audit_key ours = key_of(3);
    const struct audit_key theirs = key_of(90);
    struct audit_key_mark mark;
    struct audit_key found;
    int lock;

    (void)state;
    assert_int_equal(audit_key_file_write(path, &ours, AUDIT_KEY_FILE_NEW, &mark), 0);
    assert_int_equal(audit_key_file_write(path, &theirs, AUDIT_KEY_FILE_REPLACE, NULL), 0);
    assert_false(audit_key_file_is(path, &mark));
    assert_int_equal(audit_key_file_write(path, &ours, AUDIT_KEY_FILE_FOLLOW, &mark), -1);
    assert_int_equal(errno, ESTALE);
    assert_int_equal(audit_key_file_read(path, &found, &mark), AUDIT_KEY_FILE_OK);
    assert_same(&found, &theirs);
    /* somebody is about to */
    lock = open("audit.seal.lock", O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    assert_int_equal(audit_key_file_write(path, &ours, AUDIT_KEY_FILE_FOLLOW, &mark), -1);
    assert_int_equal(errno, EWOULDBLOCK);
    close(lock);
    assert_int_equal(audit_key_file_write(path, &ours, AUDIT_KEY_FILE_FOLLOW, &mark), 0);
}

static void what_others_could_have_read_or_damaged_is_refused(void **state)
{
    const struct audit_key key = key_of(3);
    struct audit_key found;

    (void)state;
    assert_int_equal(audit_key_file_write(path, &key, AUDIT_KEY_FILE_NEW, NULL), 0);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(audit_key_file_read(path, &found, NULL), AUDIT_KEY_FILE_UNSAFE);
    assert_int_equal(chmod(path, 0600), 0);
    temp_file_poke(path, 40, '9');
    assert_int_equal(audit_key_file_read(path, &found, NULL), AUDIT_KEY_FILE_DAMAGED);
    assert_int_equal(rename(path, "elsewhere"), 0);
    assert_int_equal(symlink("elsewhere", path), 0);
    assert_int_equal(audit_key_file_read(path, &found, NULL), AUDIT_KEY_FILE_UNSAFE);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(audit_key_file_read(path, &found, NULL), AUDIT_KEY_FILE_UNSAFE);
    assert_int_equal(audit_key_file_write("/nonexistent/audit.seal", &key, AUDIT_KEY_FILE_NEW, NULL), -1);
    assert_int_equal(errno, ENOENT);
    assert_non_null(strstr(audit_key_file_result_text(AUDIT_KEY_FILE_UNSAFE, 0), "0600"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, temp_dir_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_comes_back_from_its_text),
        cmocka_unit_test(nothing_else_is_taken),
        TEST(a_first_key_is_for_its_owner_alone),
        TEST(the_key_before_is_overwritten),
        TEST(a_key_that_somebody_else_put_there_is_not_overwritten),
        TEST(what_others_could_have_read_or_damaged_is_refused),
    };

    return cmocka_run_group_tests_name("audit_key_file", tests, NULL, NULL);
}
