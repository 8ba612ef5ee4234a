/* SPDX-License-Identifier: ISC */
/* A set of changes, and the diff that people read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apache_config/change_set.h"

static struct change replacing(const char *before, const char *after)
{
    static char path[] = "/etc/a";

    return (struct change){.kind = CHANGE_REPLACE,
        .path = path,
        .content = (char *)(uintptr_t)after,
        .content_len = strlen(after),
        .before = (char *)(uintptr_t)before,
        .before_len = strlen(before)};
}

/* The diff of one change must be expected. */
static void shows(struct change change, const char *expected)
{
    struct change_set set;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    change_set_init(&set);
    assert_true(change_set_add(&set, &change));
    change_set_diff(&set, out);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, expected);
    change_set_free(&set);
    free(text);
}

static void a_set_keeps_copies_in_order_and_one_change_a_path(void **state)
{
    char path[] = "/etc/a";
    char bytes[] = "a\0b";
    struct change change = {.kind = CHANGE_CREATE, .path = path, .content = bytes, .content_len = 3};
    struct change_set set;

    (void)state;
    change_set_init(&set);
    assert_true(change_set_add(&set, &change));
    path[5] = 'b';
    bytes[0] = 'x';
    change.kind = CHANGE_REMOVE;
    change.before = bytes;
    change.before_len = 0;
    change.content = NULL;
    assert_true(change_set_add(&set, &change));
    assert_int_equal(set.count, 2);
    assert_string_equal(set.changes[0].path, "/etc/a");
    assert_int_equal(set.changes[0].content_len, 3);
    assert_memory_equal(set.changes[0].content, "a\0b", 3);
    assert_null(set.changes[0].before);
    assert_null(set.changes[1].content);
    assert_non_null(set.changes[1].before);
    change.kind = CHANGE_REPLACE;
    assert_true(change_set_add(&set, &change));
    assert_int_equal(set.count, 2);
    assert_int_equal(change_set_find(&set, "/etc/b")->kind, CHANGE_REPLACE);
    assert_null(change_set_find(&set, "/etc/c"));
    change_set_free(&set);
    assert_int_equal(set.count, 0);
}

static void lines_put_in_are_shown_between_three_others(void **state)
{
    (void)state;
    shows(replacing("1\n2\n3\n4\n5\n6\n7\n8\n", "1\n2\n3\n4\nx\ny\n5\n6\n7\n8\n"),
        "--- /etc/a\n+++ /etc/a\n@@ -2,6 +2,8 @@\n 2\n 3\n 4\n+x\n+y\n 5\n 6\n 7\n");
    shows(replacing("1\n2\n", "1\nx\n"), "--- /etc/a\n+++ /etc/a\n@@ -1,2 +1,2 @@\n 1\n-2\n+x\n");
    shows(replacing("", "1\n"), "--- /etc/a\n+++ /etc/a\n@@ -0,0 +1,1 @@\n+1\n");
    shows(replacing("same\n", "same\n"), "--- /etc/a\n+++ /etc/a\n");
}

static void changes_that_are_far_apart_are_hunks_of_their_own(void **state)
{
    (void)state;
    shows(replacing("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "x\n1\n2\n3\n4\n5\n6\n7\n8\ny\n9\n"),
        "--- /etc/a\n+++ /etc/a\n@@ -1,3 +1,4 @@\n+x\n 1\n 2\n 3\n@@ -6,4 +7,5 @@\n 6\n 7\n 8\n+y\n 9\n");
    shows(replacing("1\n2\n3\n4\n5\n6\n", "x\n1\n2\n3\n4\n5\n6\ny\n"),
        "--- /etc/a\n+++ /etc/a\n@@ -1,6 +1,8 @@\n+x\n 1\n 2\n 3\n 4\n 5\n 6\n+y\n");
}

static void nothing_unclean_is_shown(void **state)
{
    (void)state;
    shows(replacing("a\r\n", "a\r\n\tb\x1b[2J\xff\xc3\xa4"), "--- /etc/a\n+++ /etc/a\n@@ -1,1 +1,2 @@\n a\n+ b?[2J?\xc3\xa4\n");
    shows(
        (struct change){
            .kind = CHANGE_LINK, .path = (char[]){"/etc/\x1b"}, .content = (char[]){"../\n"}, .content_len = 4, .is_link = true},
        "new link /etc/? -> ../?\n");
}

static void files_and_links_come_and_go(void **state)
{
    (void)state;
    shows((struct change){.kind = CHANGE_CREATE, .path = (char[]){"/a"}, .content = (char[]){"1\n2"}, .content_len = 3},
        "--- /dev/null\n+++ /a\n@@ -0,0 +1,2 @@\n+1\n+2\n");
    shows((struct change){.kind = CHANGE_REMOVE, .path = (char[]){"/a"}, .before = (char[]){"1\n"}, .before_len = 2},
        "--- /a\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-1\n");
    shows(
        (struct change){.kind = CHANGE_REMOVE, .path = (char[]){"/a"}, .before = (char[]){"b"}, .before_len = 1, .is_link = true},
        "removed link /a -> b\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_keeps_copies_in_order_and_one_change_a_path),
        cmocka_unit_test(lines_put_in_are_shown_between_three_others),
        cmocka_unit_test(changes_that_are_far_apart_are_hunks_of_their_own),
        cmocka_unit_test(nothing_unclean_is_shown),
        cmocka_unit_test(files_and_links_come_and_go),
    };

    return cmocka_run_group_tests_name("change_set", tests, NULL, NULL);
}
