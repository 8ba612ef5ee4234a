/* SPDX-License-Identifier: ISC */
/* What may reach a terminal, a message or the audit log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "text/text.h"

#define CLEAN(text) assert_true(text_is_clean(text, sizeof text - 1))
#define UNCLEAN(text) assert_false(text_is_clean(text, sizeof text - 1))

static void ordinary_text_is_clean(void **state)
{
    (void)state;
    CLEAN("");
    CLEAN("http://ocsp.example.net/ ~");
    CLEAN("b\xc3\xbcro \xe2\x82\xac \xf0\x9f\x90\x98"); /* two, three and four octets */
}

static void control_characters_are_not(void **state)
{
    (void)state;
    UNCLEAN("a\nb");
    UNCLEAN("a\tb");
    UNCLEAN("a\0b");
    UNCLEAN("\x1b[2J"); /* a terminal's clear screen */
    UNCLEAN("\x7f");
    UNCLEAN("\xc2\x9b");     /* U+009B, the one-character CSI */
    UNCLEAN("\xe2\x80\xa8"); /* U+2028 line separator */
    UNCLEAN("\xe2\x80\xae"); /* U+202E right-to-left override */
    UNCLEAN("\xe2\x81\xa6"); /* U+2066 isolate */
    UNCLEAN("\xe2\x80\x8e"); /* U+200E left-to-right mark */
    UNCLEAN("\xe2\x80\x8f"); /* U+200F right-to-left mark */
    UNCLEAN("\xd8\x9c");     /* U+061C Arabic letter mark */
    CLEAN("\xe2\x80\x8d");   /* U+200D, which is none */
}

static void invalid_utf8_is_not(void **state)
{
    (void)state;
    UNCLEAN("\x80");
    UNCLEAN("\xc3");             /* cut */
    UNCLEAN("\xc3(");            /* no continuation */
    UNCLEAN("\xc0\xaf");         /* overlong '/' */
    UNCLEAN("\xe0\x80\xaf");     /* overlong in three octets */
    UNCLEAN("\xed\xa0\x80");     /* a surrogate */
    UNCLEAN("\xf4\x90\x80\x80"); /* above U+10FFFF */
    UNCLEAN("\xf8\x88\x80\x80\x80");
}

static void cleaning_replaces_only_what_is_unclean(void **state)
{
    static const char raw[] = "a\x1b[1mb\xc3\xbc\xff";
    char out[32];

    (void)state;
    assert_int_equal(text_clean_copy(out, sizeof out, raw, sizeof raw - 1), 9);
    assert_string_equal(out, "a?[1mb\xc3\xbc?");
    assert_true(text_is_clean(out, strlen(out)));
}

static void cleaning_cuts_at_a_character(void **state)
{
    char out[4] = "zzz";

    (void)state;
    assert_int_equal(text_clean_copy(out, sizeof out, "ab\xc3\xbc", 4), 2); /* the third would need two octets and the end */
    assert_string_equal(out, "ab");
    assert_int_equal(text_clean_copy(out, 1, "ab", 2), 0);
    assert_string_equal(out, "");
}

static void every_octet_alone_is_cleaned_to_clean_text(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char raw = (char)c;
        char out[4];

        text_clean_copy(out, sizeof out, &raw, 1);
        assert_true(text_is_clean(out, strlen(out)));
        assert_int_equal(text_is_clean(&raw, 1), c >= 0x20 && c < 0x7f);
    }
}

/* Plain text goes by words of eight octets: what is unclean is found at each place in and behind them. */
static void an_octet_is_found_wherever_it_stands(void **state)
{
    char text[27];

    (void)state;
    for (size_t len = 1; len <= sizeof text; len++)
        for (size_t at = 0; at < len; at++)
            for (int c = 0; c < 256; c++) {
                memset(text, c % 2 == 0 ? ' ' : '~', sizeof text);
                text[at] = (char)c;
                assert_int_equal(text_is_clean(text, len), c >= 0x20 && c < 0x7f);
            }
    memset(text, 'x', sizeof text);
    for (size_t at = 0; at + 1 < sizeof text; at++) {
        memcpy(text + at, "\xc3\xbc", 2);
        assert_true(text_is_clean(text, sizeof text));
        assert_false(text_is_clean(text, at + 1));
        text[at] = text[at + 1] = 'x';
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_text_is_clean),
        cmocka_unit_test(control_characters_are_not),
        cmocka_unit_test(invalid_utf8_is_not),
        cmocka_unit_test(cleaning_replaces_only_what_is_unclean),
        cmocka_unit_test(cleaning_cuts_at_a_character),
        cmocka_unit_test(every_octet_alone_is_cleaned_to_clean_text),
        cmocka_unit_test(an_octet_is_found_wherever_it_stands),
    };

    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
