/* SPDX-License-Identifier: ISC */
/* Our lines in other people's files: put in, found again, and nothing else touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "apache_config/config_marks.h"

#define ADDED CONFIG_MARK_ADDED ", as the last such line, which counts; \"stapleguard disable\" takes it away"
#define ASIDE CONFIG_MARK_ASIDE "; \"stapleguard disable\" brings it back"

static struct config_bytes bytes_of(const char *text)
{
    return (struct config_bytes){text, strlen(text)};
}

static void assert_bytes(struct config_bytes bytes, const char *text)
{
    char copy[4096];

    assert_true(bytes.len < sizeof copy);
    memcpy(copy, bytes.data, bytes.len);
    copy[bytes.len] = '\0';
    assert_string_equal(copy, text);
}

/* Add our line before `at`; the file must become expected, and without it again what it was. */
static void add_and_strip(const char *text, size_t at, const char *expected)
{
    struct arena arena = {NULL};
    struct config_splice splice;
    struct config_bytes result;
    unsigned changed = 1;

    assert_true(config_marks_add(&arena, bytes_of(text), at, "SSLUseStapling on", &splice));
    assert_true(config_marks_apply(&arena, bytes_of(text), &splice, 1, &result));
    assert_bytes(result, expected);
    assert_false(config_marks_are_in(bytes_of(text), 0, strlen(text)));
    assert_true(config_marks_are_in(result, 0, result.len));
    assert_true(config_marks_strip(&arena, result, 0, result.len, &result, &changed));
    assert_bytes(result, text);
    assert_int_equal(changed, 0);
    arena_free(&arena);
}

static void a_line_is_added_as_the_lines_around_it_are(void **state)
{
    (void)state;
    add_and_strip("<V>\n\tA b\n</V>\n", 9, "<V>\n\tA b\n\t" ADDED "\n\tSSLUseStapling on\n</V>\n");
    add_and_strip("<V>\r\n  A b\r\n\r\n</V>\r\n", 14, "<V>\r\n  A b\r\n\r\n  " ADDED "\r\n  SSLUseStapling on\r\n</V>\r\n");
    add_and_strip("  <V>\n  </V>\n", 6, "  <V>\n      " ADDED "\n      SSLUseStapling on\n  </V>\n");
    add_and_strip("<V>\n <D>\n </D>\n</V>", 15, "<V>\n <D>\n </D>\n " ADDED "\n SSLUseStapling on\n</V>");
    add_and_strip("A b\n", 4, "A b\n" ADDED "\nSSLUseStapling on\n");
    add_and_strip("", 0, ADDED "\nSSLUseStapling on\n");
}

static void put_aside_and_strip(const char *text, size_t begin, size_t end, const char *expected)
{
    struct arena arena = {NULL};
    struct config_splice splice;
    struct config_bytes result;

    assert_true(config_marks_put_aside(&arena, bytes_of(text), begin, end, &splice));
    assert_true(config_marks_apply(&arena, bytes_of(text), &splice, 1, &result));
    assert_bytes(result, expected);
    assert_true(config_marks_strip(&arena, result, 0, result.len, &result, NULL));
    assert_bytes(result, text);
    arena_free(&arena);
}

static void a_line_is_put_aside_with_all_its_parts(void **state)
{
    (void)state;
    put_aside_and_strip("a\n\tC \\\n x\nb\n", 2, 10, "a\n\t" ASIDE "\n" CONFIG_MARK_WAS "\tC \\\n" CONFIG_MARK_WAS " x\nb\n");
    put_aside_and_strip("C x\r\n", 0, 5, ASIDE "\r\n" CONFIG_MARK_WAS "C x\r\n");
    put_aside_and_strip("C x", 0, 3, ASIDE "\n" CONFIG_MARK_WAS "C x");
}

static void several_splices_are_made_at_once_in_any_order(void **state)
{
    struct config_splice splices[] = {
        {4, 1, {"Y", 1}},
        {0, 0, {"X", 1}},
        {6, 0, {"Z", 1}},
        {1, 2, {"", 0}},
    };
    struct arena arena = {NULL};
    struct config_bytes result;

    (void)state;
    assert_true(config_marks_apply(&arena, bytes_of("012345"), splices, 4, &result));
    assert_bytes(result, "X03Y5Z");
    assert_true(config_marks_apply(&arena, bytes_of("012345"), splices, 0, &result));
    assert_bytes(result, "012345");
    arena_free(&arena);
}

static void strip(const char *text, const char *expected, unsigned expected_line)
{
    struct arena arena = {NULL};
    struct config_bytes result;
    unsigned changed;

    assert_true(config_marks_strip(&arena, bytes_of(text), 0, strlen(text), &result, &changed));
    assert_bytes(result, expected);
    assert_int_equal(changed, expected_line);
    arena_free(&arena);
}

static void lines_are_found_after_somebody_edited(void **state)
{
    (void)state;
    strip("a\n   " CONFIG_MARK_ADDED " (moved)\n\n# note\n\tsslusestapling\tON  # x\nb\n", "a\n\n# note\nb\n", 0);
    strip(CONFIG_MARK_ADDED "\nSSLUseStapling off\n", "SSLUseStapling off\n", 2);
    strip(CONFIG_MARK_ADDED "\n</V>\nSSLUseStapling on\n", "</V>\nSSLUseStapling on\n", 0); /* theirs, in another host */
    strip(CONFIG_MARK_ADDED "\nSSLUseStapling", "SSLUseStapling", 2);
    strip(CONFIG_MARK_ADDED, "", 0);
    strip(CONFIG_MARK_ADDED "\nInclude \"/etc/x/stapleguard.conf\"\n", "", 0);
    strip(CONFIG_MARK_ADDED "\nInclude \"/etc/x/other.conf\"\n", "Include \"/etc/x/other.conf\"\n", 0);
    strip("SSLUseStapling on\n", "SSLUseStapling on\n", 0);
    strip("  " CONFIG_MARK_WAS "C x\n" CONFIG_MARK_WAS "\n", "C x\n\n", 0);
    strip("# stapleguard: a comment of theirs\n", "# stapleguard: a comment of theirs\n", 0);
    strip(CONFIG_MARK_ADDED "\n" CONFIG_MARK_ADDED "\nSSLUseStapling on\n", "", 0);
}

static void only_lines_within_the_bounds_are_taken(void **state)
{
    static const char text[] = CONFIG_MARK_ADDED "\nSSLUseStapling on\n" CONFIG_MARK_ADDED "\nSSLUseStapling on\n";
    size_t half = (sizeof text - 1) / 2;
    struct arena arena = {NULL};
    struct config_bytes result;

    (void)state;
    assert_true(config_marks_strip(&arena, bytes_of(text), 0, half, &result, NULL));
    assert_bytes(result, CONFIG_MARK_ADDED "\nSSLUseStapling on\n");
    assert_true(config_marks_strip(&arena, bytes_of(text), half, sizeof text - 1, &result, NULL));
    assert_bytes(result, CONFIG_MARK_ADDED "\nSSLUseStapling on\n");
    assert_true(config_marks_are_in(bytes_of(text), half, half + 1));
    assert_false(config_marks_are_in(bytes_of(text), 1, half));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_added_as_the_lines_around_it_are),
        cmocka_unit_test(a_line_is_put_aside_with_all_its_parts),
        cmocka_unit_test(several_splices_are_made_at_once_in_any_order),
        cmocka_unit_test(lines_are_found_after_somebody_edited),
        cmocka_unit_test(only_lines_within_the_bounds_are_taken),
    };

    return cmocka_run_group_tests_name("httpd_marks", tests, NULL, NULL);
}
