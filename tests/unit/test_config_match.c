/* SPDX-License-Identifier: ISC */
/* Which virtual hosts serve a name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apache_config/config_match.h"
#include "host/apache_address.h"
#include "host/apache_dump.h"

#define HOST(address, lines) "<VirtualHost " address ">\nSSLEngine on\n" lines "</VirtualHost>\n"

/* As mod_info prints it: each line with its number above it, indented in a section. */
static void load(struct apache_dump *dump, const char *text)
{
    char *printed = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&printed, &len);
    bool is_inside = false;

    assert_non_null(out);
    fprintf(out, "# In file: /httpd.conf\n");
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1) {
        const char *indent = is_inside && *line != '<' ? "  " : "";

        if (strncmp(line, "</", 2) != 0)
            fprintf(out, "%s#   1:\n%s%.*s\n", indent, indent, (int)strcspn(line, "\n"), line);
        is_inside = *line == '<' ? line[1] != '/' : is_inside;
    }
    assert_int_equal(fclose(out), 0);
    assert_true(apache_dump_parse(dump, printed, len));
    free(printed);
}

/* Which hosts serve the name, as letters: "ac" for the first and the third. */
static void serves(const char *text, const char *name, const char *expected)
{
    struct apache_dump dump;
    bool selected[8] = {false};
    char found[9] = "";
    size_t count;

    load(&dump, text);
    count = config_match_name(&dump, name, selected);
    for (size_t i = 0; i < dump.site_count; i++)
        if (selected[i])
            found[strlen(found)] = (char)('a' + i);
    assert_string_equal(found, expected);
    assert_int_equal(count, strlen(expected));
    apache_dump_free(&dump);
}

static void names_and_aliases(void **state)
{
    static const char text[] = HOST("*:443", "ServerName HTTPS://A.example:443\nServerAlias b.example *.c.example\n")
        HOST("*:443", "ServerName d.example.\nServerAlias ?.e.example f*g*.example\nServerAlias *\\x.example\n")
        "<VirtualHost *:80>\nServerName plain.example\n</VirtualHost>\n"
        "<VirtualHost *:443>\nSSLEngine optional\nServerName optional.example\n</VirtualHost>\n"
        HOST("192.0.2.1:443", "ServerName a.example\n");

    (void)state;
    serves(text, "a.example", "ae");
    serves(text, "A.EXAMPLE.", "ae");
    serves(text, "B.example", "a");
    serves(text, "x.y.c.example", "a");
    serves(text, "c.example", "");
    serves(text, "d.example", "b");
    serves(text, "1.e.example", "b");
    serves(text, "12.e.example", "");
    serves(text, "fxgyg.z.example", "b");
    serves(text, "fx.example", "");
    serves(text, "plain.example", "");
    serves(text, "optional.example", "");
    serves(text, "nobody.example", "");
}

static void names_that_nobody_wrote_down(void **state)
{
    (void)state;
    serves(HOST("_default_:443", ""), "x.example", "a");
    serves(HOST("*:443", "ServerName a.example\n"), "x.example", "");
    serves(HOST("192.0.2.1:443", "ServerName a.example\n"), "x.example", "a");
    serves(HOST("192.0.2.1:443", "ServerName a.example\n") HOST("192.0.2.2:443", ""), "x.example", "b");
    serves(HOST("192.0.2.1:443", "") HOST("192.0.2.2:443", ""), "x.example", "");
    serves(HOST("192.0.2.1:443", "") HOST("192.0.2.1:*", "ServerName b.example\n"), "x.example", "");
    serves(HOST("192.0.2.1:443", "") HOST("192.0.2.1:444", "ServerName b.example\n"), "x.example", "a");
    serves(HOST("[2001:db8::1]:443", "") HOST("[2001:DB8::1]", "ServerName b.example\n"), "x.example", "");
    serves(HOST("*:443", "") "<VirtualHost _default_:443>\n</VirtualHost>\n", "x.example", "");
    serves("ServerName main.example\n" HOST("*:443", ""), "main.example", "a");
    serves("ServerName main.example\n" HOST("*:443", "ServerAlias b.example\n"), "main.example", "a");
    serves("ServerName main.example\n" HOST("*:443", "ServerAlias b.example\n"), "x.example", "");
}

static void names_that_may_be_asked_for(void **state)
{
    static const char *const good[] = {"a", "a.example", "a.example.", "xn--bcher-kva.example", "_x.a-b.example", "192.0.2.1"};
    static const char *const bad[] = {"", ".", "a..b", ".a", "*.a", "a b", "a:443", "https://a", "a/", "b\xc3\xbc", "a,b",
        "[::1]", "l234567890123456789012345678901234567890123456789012345678901234.example"};
    char longest[256];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(config_match_name_is_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(config_match_name_is_valid(bad[i]));
    for (size_t i = 0; i < 255; i++)
        longest[i] = i % 2 == 0 ? 'a' : '.';
    longest[253] = '\0';
    assert_true(config_match_name_is_valid(longest));
    longest[253] = 'x';
    longest[254] = '\0';
    assert_false(config_match_name_is_valid(longest));
}

static void addresses_are_taken_apart(void **state)
{
    static const struct {
        const char *text;
        const char *host;
        unsigned port;
    } rows[] = {
        {"*:443", "", 443},
        {"_default_:*", "", 0},
        {"*", "", 0},
        {"443", "", 443},
        {"192.0.2.1", "192.0.2.1", 0},
        {"192.0.2.1:80", "192.0.2.1", 80},
        {"[::1]:443", "[::1]", 443},
        {"[2001:db8::1]", "[2001:db8::1]", 0},
        {"[::]:443", "", 443},
        {"a.example:x", "a.example:x", 0},
        {"a.example:99999", "a.example:99999", 0},
        {"0.0.0.0:443", "", 443},
        {"", "", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct apache_address address = apache_address_parse(rows[i].text);

        assert_int_equal(address.port, rows[i].port);
        assert_int_equal(address.host_len, strlen(rows[i].host));
        assert_memory_equal(address.host, rows[i].host, strlen(rows[i].host));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_aliases),
        cmocka_unit_test(names_that_nobody_wrote_down),
        cmocka_unit_test(names_that_may_be_asked_for),
        cmocka_unit_test(addresses_are_taken_apart),
    };

    return cmocka_run_group_tests_name("httpd_match", tests, NULL, NULL);
}
