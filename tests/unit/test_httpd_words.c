/* SPDX-License-Identifier: ISC */
/* Directives are cut into words, and variables and a macro's arguments put in, as httpd does it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "apache_config/httpd_words.h"

/* The words of text, each in brackets. */
static const char *in_brackets(struct httpd_arena *arena, const char *text)
{
    const char *all = "";
    char *word;

    while ((word = httpd_word_next(arena, &text)) != NULL)
        all = httpd_arena_format(arena, "%s[%s]", all, word);
    assert_non_null(text);
    assert_string_equal(text, "");
    return all;
}

static void words_end_where_httpd_ends_them(void **state)
{
    static const char *const rows[][2] = {
        {"", ""},
        {"  \t", ""},
        {"a", "[a]"},
        {" a  b\tc ", "[a][b][c]"},
        {"\"a b\" c", "[a b][c]"},
        {"'a \" b' c", "[a \" b][c]"},
        {"\"a\"b", "[a][b]"},        /* a quote ends the word, without a blank */
        {"a\"b c\"", "[a\"b][c\"]"}, /* within a word a quote is a letter */
        {"\"a \\\" b\"", "[a \" b]"},
        {"\"a \\' b\"", "[a \\' b]"}, /* only its own quote needs the backslash */
        {"\"a\\\\\" b", "[a\\][b]"},
        {"a\\\\b \\\"", "[a\\b][\\\"]"},
        {"\"never ends", "[never ends]"},
        {"\"ends in \\", "[ends in \\]"},
        {"\"\" x", "[][x]"},
    };
    struct httpd_arena arena = {NULL};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(in_brackets(&arena, rows[i][0]), rows[i][1]);
    httpd_arena_free(&arena);
}

static const char *look_up(const void *context, const char *name, size_t len)
{
    (void)context;
    if (len == 1 && *name == 'A')
        return "${B}";
    if (len == 1 && *name == 'B')
        return "two words";
    return NULL;
}

static void variables_are_put_in_once(void **state)
{
    static const char *const rows[][2] = {
        {"", ""},
        {"x${B}y", "xtwo wordsy"},
        {"${A}", "${B}"}, /* what came in is not looked at again */
        {"${NOPE}${B}", "${NOPE}two words"},
        {"${B", "${B"},
        {"$B}", "$B}"},
        {"$${B}", "$two words"},
    };
    struct httpd_arena arena = {NULL};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(httpd_words_expand(&arena, rows[i][0], look_up, NULL), rows[i][1]);
    httpd_arena_free(&arena);
}

static void a_macros_arguments_are_put_in_once_and_the_longest_first(void **state)
{
    char *names[] = {(char[]){"$n"}, (char[]){"$name"}, (char[]){"%x"}};
    char *values[] = {(char[]){"1"}, (char[]){"$n"}, (char[]){""}};
    struct httpd_arena arena = {NULL};

    (void)state;
    assert_string_equal(httpd_words_substitute(&arena, "a $n $name.b %x$nx", names, values, 3), "a 1 $n.b 1x");
    assert_string_equal(httpd_words_substitute(&arena, "$name", names, values, 1), "1ame");
    assert_string_equal(httpd_words_substitute(&arena, "$n", names, values, 0), "$n");
    httpd_arena_free(&arena);
}

static const char *grow(const void *context, const char *name, size_t len)
{
    (void)name;
    (void)len;
    return context;
}

static void a_text_that_grows_without_end_is_refused(void **state)
{
    struct httpd_arena arena = {NULL};
    char *large = httpd_arena_alloc(&arena, HTTPD_TEXT_MAX + 1);

    (void)state;
    assert_non_null(large);
    memset(large, 'x', HTTPD_TEXT_MAX);
    assert_non_null(httpd_words_expand(&arena, "${A}", grow, large));
    assert_null(httpd_words_expand(&arena, "${A}${A}", grow, large));
    assert_null(httpd_words_substitute(&arena, "AA", (char *[]){(char[]){"A"}}, &large, 1));
    httpd_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_end_where_httpd_ends_them),
        cmocka_unit_test(variables_are_put_in_once),
        cmocka_unit_test(a_macros_arguments_are_put_in_once_and_the_longest_first),
        cmocka_unit_test(a_text_that_grows_without_end_is_refused),
    };

    return cmocka_run_group_tests_name("httpd_words", tests, NULL, NULL);
}
