/* SPDX-License-Identifier: ISC */
/* Request lines of the control socket, and how words travel in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/control_request.h"
#include "text/escape.h"

static size_t split(const char *line, char *words[CONTROL_WORDS_MAX])
{
    static char copy[8192];

    snprintf(copy, sizeof copy, "%s", line);
    return control_request_split(copy, words);
}

static void words_are_taken_apart(void **state)
{
    char *words[CONTROL_WORDS_MAX];

    (void)state;
    assert_int_equal(split("status", words), 1);
    assert_string_equal(words[0], "status");
    assert_int_equal(split("deploy 30 /etc/letsencrypt/live/a%20b /x", words), 4);
    assert_string_equal(words[2], "/etc/letsencrypt/live/a b");
}

static void what_is_no_request_is_none(void **state)
{
    static const char *const wrong[] = {"", " ", "a  b", " a", "a ", "%", "%2", "%zz", "%00", "a %0a", "a%1b", "%ff", "a\tb"};
    char *words[CONTROL_WORDS_MAX];
    char many[2 * CONTROL_WORDS_MAX + 8];

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(split(wrong[i], words), 0);
    memset(many, 0, sizeof many);
    for (size_t i = 0; i <= CONTROL_WORDS_MAX; i++)
        strcat(many, i == 0 ? "a" : " a");
    assert_int_equal(split(many, words), 0);
    many[strlen(many) - 2] = '\0';
    assert_int_equal(split(many, words), CONTROL_WORDS_MAX);
}

static void every_octet_goes_there_and_back(void **state)
{
    char text[256];
    char *encoded = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&encoded, &len);

    (void)state;
    for (int i = 1; i < 256; i++)
        text[i - 1] = (char)i;
    text[255] = '\0';
    assert_non_null(out);
    escape_percent(out, text);
    fclose(out);
    assert_null(strchr(encoded, ' '));
    assert_null(strchr(encoded, '\n'));
    assert_true(escape_percent_decode(encoded));
    assert_string_equal(encoded, text);
    free(encoded);
}

static void json_strings_are_escaped(void **state)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    (void)state;
    escape_json(out, "a\"b\\c\x1b\x7f\xc3\xa4");
    fclose(out);
    assert_string_equal(text, "\"a\\\"b\\\\c\\u001b\\u007f\xc3\xa4\"");
    free(text);
}

static void seconds_are_digits_alone(void **state)
{
    int seconds = -1;

    (void)state;
    assert_true(control_request_seconds("90", &seconds));
    assert_int_equal(seconds, 90);
    assert_false(control_request_seconds("", &seconds));
    assert_false(control_request_seconds("-1", &seconds));
    assert_false(control_request_seconds("1s", &seconds));
    assert_false(control_request_seconds("86401", &seconds));
    assert_false(control_request_seconds("99999999999999999999", &seconds));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_taken_apart),
        cmocka_unit_test(what_is_no_request_is_none),
        cmocka_unit_test(every_octet_goes_there_and_back),
        cmocka_unit_test(json_strings_are_escaped),
        cmocka_unit_test(seconds_are_digits_alone),
    };

    return cmocka_run_group_tests_name("control_request", tests, NULL, NULL);
}
