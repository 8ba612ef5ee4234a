/* SPDX-License-Identifier: ISC */
/* A file's lines and sections, and that augeas must see the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "apache_config/httpd_lens.h"
#include "apache_config/httpd_nodes.h"

struct fixture {
    struct httpd_arena arena;
    struct httpd_nodes nodes;
    struct httpd_lens *lens;
    unsigned line;
    char why[300];
};

static int set_up(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){.line = 0};
    fixture.lens = httpd_lens_open(fixture.why, sizeof fixture.why);
    *state = &fixture;
    return fixture.lens == NULL;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    httpd_arena_free(&fixture->arena);
    httpd_lens_close(fixture->lens);
    return 0;
}

static bool parses(struct fixture *fixture, const char *text, size_t len)
{
    return httpd_nodes_parse(&fixture->arena, text, len, &fixture->nodes, &fixture->line, fixture->why, sizeof fixture->why);
}

static bool agrees(struct fixture *fixture, const char *text, size_t len)
{
    return httpd_lens_agrees(fixture->lens, text, len, &fixture->nodes, &fixture->line, fixture->why, sizeof fixture->why);
}

static void lines_are_joined_and_trimmed(void **state)
{
    static const char text[] = "\n  Name  a \\\n  b\\\nc  \nOther\\\r\n x\r\n# comment \\\nName d\nLast e \\";
    struct fixture *fixture = *state;
    const struct httpd_node *node;

    assert_true(parses(fixture, text, strlen(text)));
    assert_int_equal(fixture->nodes.count, 3);
    node = fixture->nodes.items;
    assert_string_equal(node[0].name, "Name");
    assert_string_equal(node[0].args, "a   bc");
    assert_int_equal(node[0].line, 2);
    assert_memory_equal(text + node[0].begin, "  Name", 6);
    assert_memory_equal(text + node[0].text, "Name", 4);
    assert_memory_equal(text + node[0].end, "Other", 5);
    assert_string_equal(node[1].name, "Other");
    assert_string_equal(node[1].args, "x");
    assert_int_equal(node[1].line, 5);
    assert_string_equal(node[2].args, "e \\"); /* no line end, so it joins nothing */
    assert_int_equal(node[2].line, 9);
    assert_int_equal(node[2].end, strlen(text));
}

static void sections_know_what_is_in_them(void **state)
{
    static const char text[] = "<A x > y>\nOne\n  <b>\nTwo\n</B>\n\t</a> tail\nThree\n<C>\n</C>";
    struct fixture *fixture = *state;
    const struct httpd_node *node;

    assert_true(parses(fixture, text, strlen(text)));
    assert_int_equal(fixture->nodes.count, 6);
    node = fixture->nodes.items;
    assert_string_equal(node[0].name, "A");
    assert_string_equal(node[0].args, "x > y");
    assert_int_equal(node[0].next, 4);
    assert_memory_equal(text + node[0].close_begin, "\t</a> tail\nThree", 16);
    assert_memory_equal(text + node[0].close_text, "</a>", 4);
    assert_memory_equal(text + node[0].close_end, "Three", 5);
    assert_string_equal(node[2].name, "b");
    assert_string_equal(node[2].args, "");
    assert_int_equal(node[2].next, 4);
    assert_int_equal(node[3].depth, 2);
    assert_int_equal(node[5].next, 6);
    assert_int_equal(node[5].close_end, strlen(text));
}

static void what_is_wrong_has_its_line(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *why;
    } rows[] = {
        {"\n<A>\nOne\n", 2, "no end"},
        {"One\n</A>\n", 2, "not open"},
        {"<A>\n<B>\n</A>\n", 3, "is open"},
        {"<A>\n</A >\n", 2, "lacks its >"},
        {"<>\n</>\n", 1, "without a name"},
        {"< A>\n</A>\n", 1, "without a name"},
        {"One \\\ntwo\n</A>\n", 3, "not open"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_false(parses(fixture, rows[i].text, strlen(rows[i].text)));
        assert_int_equal(fixture->line, rows[i].line);
        assert_non_null(strstr(fixture->why, rows[i].why));
    }
    assert_false(parses(fixture, "One\nTwo\0x\n", 10));
    assert_int_equal(fixture->line, 2);
    assert_non_null(strstr(fixture->why, "NUL"));
}

static void sections_have_a_greatest_depth(void **state)
{
    struct fixture *fixture = *state;
    char text[16 * (HTTPD_DEPTH_MAX + 1)] = "";

    for (unsigned i = 0; i < HTTPD_DEPTH_MAX; i++)
        memcpy(text + strlen(text), "<A>\n", 5);
    for (unsigned i = 0; i < HTTPD_DEPTH_MAX; i++)
        memcpy(text + strlen(text), "</A>\n", 6);
    assert_true(parses(fixture, text, strlen(text)));
    assert_true(agrees(fixture, text, strlen(text)));
    memmove(text + 4, text, strlen(text) + 1);
    assert_false(parses(fixture, text, strlen(text)));
    assert_int_equal(fixture->line, HTTPD_DEPTH_MAX + 1);
}

/* What httpd takes, the lens alone does not: the reasons why it does not get the files as they are. */
static void the_lens_agrees_about_all_that_httpd_takes(void **state)
{
    static const char *const rows[] = {
        "",
        "# a comment alone",
        "ServerName x",
        "\xef\xbb\xbf# a mark of byte order before a comment is a word to httpd, and not one to the lens",
        "# a comment \\\r\nthat goes on\r\n<A>\r\nB c\r\n</A>\r\n",
        "A b \\\r\n  c\r\n<A x>\r\n</A>",
        "<V *:443>\n\f\nA b\v\n</V> tail # more\n",
        "<IfVersion !>= 2.4>\nA b\n</IfVersion>\n",
        "Header set X {a\nFoo {a,b} {\n",
        "<Location \"/a>b\">\nA b\n</Location>\n<If \"%{A} == 'b' && 1 > 0\">\n</If>\n",
        "ErrorDocument 404 \"not here\nA it's\n",
        "# caf\xe9\nA caf\xe9 \xff\n<D \"/\xc3\xa4\">\n</D>\n",
        "$directive x\n%{other} y\n",
        "<virtualhost *:443>\nsslengine ON\n</VIRTUALHOST>\n",
        "<Perl>\nmy $x = \"</nothing>\";\n<b>\n</Perl>\nA b\n",
        "A1 x\n<S1>\nB1 x\n<T1>\nC1 x\n</T1>\nB2 x\n</S1>\nA2 x\n<S2>\nB3 x\n<T2>\nC2 x\n<U>\nD1\n</U>\n</T2>\n</S2>\nA3 x\n",
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(parses(fixture, rows[i], strlen(rows[i])));
        if (!agrees(fixture, rows[i], strlen(rows[i])))
            fail_msg("row %zu, line %u: %s", i, fixture->line, fixture->why);
    }
}

/* As if httpd_nodes had made something else of the text. */
static void a_file_that_the_lens_reads_in_another_way_is_refused(void **state)
{
    static char other_name[] = "Too";
    static const char text[] = "One a\n<S>\nTwo b\n</S>\nThree c\n";
    struct fixture *fixture = *state;

    for (int wrong = 0; wrong <= 3; wrong++) {
        assert_true(parses(fixture, text, strlen(text)));
        if (wrong == 1)
            fixture->nodes.items[2].name = other_name;
        if (wrong == 2)
            fixture->nodes.items[2].depth = 0;
        if (wrong == 3)
            fixture->nodes.items[3].depth = 1;
        assert_int_equal(agrees(fixture, text, strlen(text)), wrong == 0);
        if (wrong == 1) {
            assert_int_equal(fixture->line, 3);
            assert_non_null(strstr(fixture->why, "in another way"));
        }
    }
}

static void a_name_that_the_lens_does_not_know_is_refused(void **state)
{
    static const char text[] = "A b\n<Virtual+Host *:443>\n</Virtual+Host>\n";
    struct fixture *fixture = *state;

    assert_true(parses(fixture, text, strlen(text)));
    assert_false(agrees(fixture, text, strlen(text)));
    assert_int_equal(fixture->line, 2);
    assert_non_null(strstr(fixture->why, "nothing is touched"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_are_joined_and_trimmed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sections_know_what_is_in_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_wrong_has_its_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sections_have_a_greatest_depth, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_lens_agrees_about_all_that_httpd_takes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_the_lens_reads_in_another_way_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_name_that_the_lens_does_not_know_is_refused, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("httpd_nodes", tests, NULL, NULL);
}
