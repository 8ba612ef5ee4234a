/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of common/pem/pem_blocks.c on files: which are opened, and that what was read is wiped.
 * Runs in: the build.
 * Never: lets key material survive a free.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pem/pem_blocks.h"
#include "pem_blocks_scene.h"

/* Whatever is cut off or changed in a file with a key: the key stays inside. */
static void never_leaks_from_a_damaged_file(void **state)
{
    char *text = pem_blocks_scene_join(pem_blocks_scene_leaf_pem, pem_blocks_scene_key_pem, pem_blocks_scene_ca_pem);
    size_t len = strlen(text);
    unsigned accepted = 0;

    (void)state;
    for (size_t i = 0; i < len * 9; i++) {
        struct pem_blocks blocks = {0};
        char detail[DETAIL_MAX + 1];
        size_t at = i / 9;
        char kept = text[at];

        if (i % 9 < 8)
            text[at] = (char)(text[at] ^ 1 << i % 9);
        if (pem_blocks_scan(text, i % 9 < 8 ? len : at, &blocks, detail) == REASON_NONE) {
            accepted++;
            assert_false(pem_blocks_scene_holds_key_run(blocks.text, blocks.len));
        }
        assert_false(pem_blocks_scene_holds_key_run(detail, strlen(detail)));
        text[at] = kept;
        pem_blocks_clear(&blocks);
    }
    /* changes in the key, and inside base64, are none of our business: the loop has seen real output */
    assert_true(accepted > len);
    free(text);
}

static char dir[] = P_tmpdir "/test_pem_blocks.XXXXXX";

static char path[sizeof dir + 16];

static const char *in_dir(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) == NULL ? -1 : 0;
}

static int remove_dir(void **state)
{
    (void)state;
    return rmdir(dir);
}

static void write_file(const char *name, const char *data, size_t len)
{
    int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), len);
    assert_int_equal(close(fd), 0);
}

static void expect_unread(const char *name, enum reason reason, const char *expected_detail)
{
    struct pem_blocks blocks = {0};
    char detail[DETAIL_MAX + 1] = "#";

    assert_string_equal(reason_word(pem_blocks_read(in_dir(name), &blocks, detail)), reason_word(reason));
    assert_string_equal(detail, expected_detail);
    assert_null(blocks.text);
}

static void reads_a_file_and_appends(void **state)
{
    struct pem_blocks blocks = {0};
    char detail[DETAIL_MAX + 1] = "#";
    char *combined = pem_blocks_scene_join(pem_blocks_scene_key_pem, pem_blocks_scene_leaf_pem, "");
    char *both = pem_blocks_scene_join(pem_blocks_scene_leaf_pem, pem_blocks_scene_ca_pem, "");

    (void)state;
    write_file("combined", combined, strlen(combined));
    write_file("chain", pem_blocks_scene_ca_pem, strlen(pem_blocks_scene_ca_pem));
    assert_int_equal(pem_blocks_read(in_dir("combined"), &blocks, detail), REASON_NONE);
    assert_string_equal(detail, "");
    assert_int_equal(blocks.count, 1);
    assert_int_equal(pem_blocks_read(in_dir("missing"), &blocks, detail), REASON_FILE_MISSING);
    assert_int_equal(blocks.count, 1);
    assert_int_equal(pem_blocks_read(in_dir("chain"), &blocks, detail), REASON_NONE);
    assert_int_equal(blocks.count, 2);
    assert_string_equal(blocks.text, both);
    pem_blocks_clear(&blocks);
    assert_int_equal(unlink(in_dir("combined")), 0);
    assert_int_equal(unlink(in_dir("chain")), 0);
    free(combined);
    free(both);
}

/* From a buffer that was given back unwiped, the next allocation would have the key. */
static void wipes_what_it_has_read(void **state)
{
    struct pem_blocks blocks = {0};
    char detail[DETAIL_MAX + 1];
    char *combined = pem_blocks_scene_join(pem_blocks_scene_key_pem, pem_blocks_scene_leaf_pem, "");
    char *damaged = pem_blocks_scene_join(pem_blocks_scene_key_pem, pem_blocks_scene_leaf_pem, pem_blocks_scene_trusted_pem);
    void *probe = strdup(pem_blocks_scene_key_pem);

    (void)state;
    write_file("combined", combined, strlen(combined));
    write_file("damaged", damaged, strlen(damaged));
    assert_non_null(probe);
    pem_blocks_scene_freed_with_key = 0;
    pem_blocks_scene_is_free_watched = true;
    free(probe);
    assert_int_equal(pem_blocks_scene_freed_with_key, 1);
    assert_int_equal(pem_blocks_read(in_dir("combined"), &blocks, detail), REASON_NONE);
    pem_blocks_clear(&blocks);
    assert_int_equal(pem_blocks_read(in_dir("damaged"), &blocks, detail), REASON_CERT_MALFORMED);
    pem_blocks_scene_is_free_watched = false;
    assert_int_equal(pem_blocks_scene_freed_with_key, 1);
    assert_int_equal(unlink(in_dir("combined")), 0);
    assert_int_equal(unlink(in_dir("damaged")), 0);
    free(combined);
    free(damaged);
}

static void opens_regular_files_only(void **state)
{
    (void)state;
    expect_unread("missing", REASON_FILE_MISSING, "No such file or directory");
    assert_int_equal(symlink("missing", in_dir("dangling")), 0);
    expect_unread("dangling", REASON_FILE_MISSING, "No such file or directory");
    assert_int_equal(unlink(in_dir("dangling")), 0);
    expect_unread("", REASON_FILE_UNREADABLE, "Is a directory");
    assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
    expect_unread("fifo", REASON_FILE_UNREADABLE, "Not a regular file");
    expect_unread("fifo/x", REASON_FILE_UNREADABLE, "Not a directory");
    assert_int_equal(unlink(in_dir("fifo")), 0);
    assert_int_equal(symlink("/dev/zero", in_dir("device")), 0);
    expect_unread("device", REASON_FILE_UNREADABLE, "Not a regular file");
    assert_int_equal(unlink(in_dir("device")), 0);
}

static void says_when_it_may_not_read(void **state)
{
    uid_t uid = geteuid();

    (void)state;
    write_file("secret", pem_blocks_scene_leaf_pem, strlen(pem_blocks_scene_leaf_pem));
    assert_int_equal(chmod(in_dir("secret"), 0), 0);
    if (uid == 0)
        assert_int_equal(seteuid(65534), 0);
    expect_unread("secret", REASON_FILE_UNREADABLE, "Permission denied");
    if (uid == 0)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(unlink(in_dir("secret")), 0);
}

static void bounds_the_size_of_a_file(void **state)
{
    struct pem_blocks blocks = {0};
    char detail[DETAIL_MAX + 1];

    (void)state;
    write_file("large", pem_blocks_scene_leaf_pem, strlen(pem_blocks_scene_leaf_pem));
    assert_int_equal(truncate(in_dir("large"), CERT_FILE_MAX), 0);
    assert_int_equal(pem_blocks_read(in_dir("large"), &blocks, detail), REASON_NONE);
    assert_string_equal(blocks.text, pem_blocks_scene_leaf_pem);
    pem_blocks_clear(&blocks);
    assert_int_equal(truncate(in_dir("large"), CERT_FILE_MAX + 1), 0);
    expect_unread("large", REASON_FILE_TOO_LARGE, "more than 1048576 bytes");
    assert_int_equal(unlink(in_dir("large")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_leaks_from_a_damaged_file),
        cmocka_unit_test(reads_a_file_and_appends),
        cmocka_unit_test(wipes_what_it_has_read),
        cmocka_unit_test(opens_regular_files_only),
        cmocka_unit_test(says_when_it_may_not_read),
        cmocka_unit_test(bounds_the_size_of_a_file),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
