/* SPDX-License-Identifier: ISC */
/* What Apache prints about its configuration, captured from httpd 2.4.71, and what must not be taken for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/apache_dump.h"

static char *captured(const char *name, size_t *len)
{
    char path[512];
    char *text = NULL;
    size_t cap = 0;
    ssize_t got;
    FILE *file;

    snprintf(path, sizeof path, SAMPLES "/%s", name);
    file = fopen(path, "re");
    assert_non_null(file);
    got = getdelim(&text, &cap, '\0', file);
    fclose(file);
    assert_true(got > 0);
    *len = (size_t)got;
    return text;
}

static void parse(struct apache_dump *dump, const char *text)
{
    assert_true(apache_dump_parse(dump, text, strlen(text)));
}

static void parse_captured(struct apache_dump *dump, const char *name)
{
    size_t len;
    char *text = captured(name, &len);

    assert_true(apache_dump_parse(dump, text, len));
    free(text);
}

/* The words of a line, or the addresses, aliases or certificates of a site, with a bar between. */
static void has_words(char *const *words, size_t count, const char *expected)
{
    char text[512] = "";

    for (size_t i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i == 0 ? "" : "|", words[i]);
    assert_string_equal(text, expected);
}

static const struct apache_site *site_at(const struct apache_dump *dump, const char *name, unsigned line)
{
    for (size_t i = 0; i < dump->site_count; i++)
        if (dump->sites[i].server_name != NULL && strcmp(dump->sites[i].server_name, name) == 0
            && dump->sites[i].place.line == line)
            return &dump->sites[i];
    fail_msg("no %s at line %u", name, line);
    return NULL;
}

static void debian_s_layout_is_read(void **state)
{
    struct apache_dump dump;
    const struct apache_site *shop;

    (void)state;
    parse_captured(&dump, "debian");
    assert_true(dump.has_config);
    assert_string_equal(dump.server_root, "/srv/debian");
    assert_string_equal(dump.pid_file, "/srv/a.pid");
    assert_string_equal(dump.user, "www-data");
    assert_true(apache_dump_has_module(&dump, "ssl") && apache_dump_has_module(&dump, "core"));
    assert_false(apache_dump_has_module(&dump, "md") || apache_dump_has_module(&dump, "ss"));
    assert_int_equal(dump.site_count, 12);
    assert_int_equal(dump.file_count, 27);
    assert_string_equal(dump.files[0], "/srv/debian/apache2.conf");
    assert_string_equal(dump.files[24], "/srv/debian/snippets/hsts.conf");
    shop = site_at(&dump, "shop.example", 7);
    assert_string_equal(shop->place.source, "/srv/debian/sites-enabled/shop.conf");
    assert_true(shop->is_tls && shop->has_own_name);
    has_words(shop->addresses, shop->address_count, "*:443");
    has_words(shop->aliases, shop->alias_count, "www.shop.example|*.img.shop.example|cdn?.shop.example");
    has_words(shop->certificates, shop->certificate_count, "/srv/debian/ssl/shop.pem");
    assert_null(shop->chain_file);
    assert_false(site_at(&dump, "shop.example", 3)->is_tls);
    assert_true(site_at(&dump, "implicit.shop.example", 31)->is_tls); /* by Listen 443 and a certificate alone */
    assert_false(site_at(&dump, "optional.shop.example", 37)->is_tls);
    assert_string_equal(site_at(&dump, "main.example", 2)->addresses[0], "_default_:443"); /* the server's name */
    assert_int_equal(dump.certificate_count, 10);
    assert_string_equal(dump.certificates[1].path,
        "/srv/debian/ssl/b\xc3\xbc"
        "cher.pem");
    apache_dump_free(&dump);
}

static void macros_have_their_places(void **state)
{
    static const char file[] = "/srv/macros/httpd.conf";
    struct apache_dump dump;
    struct apache_macro macro, inner;
    const struct apache_line *line;

    (void)state;
    parse_captured(&dump, "macros");
    assert_int_equal(dump.site_count, 6);
    line = apache_dump_effective(&dump, 1, APACHE_CERTIFICATE);
    assert_non_null(line);
    has_words(line->words, line->word_count, "ssl/first.pem");
    assert_int_equal(line->place.line, 2);
    assert_true(apache_macro_parse(line->place.source, strlen(line->place.source), &macro));
    assert_int_equal(macro.defined_line, 12);
    assert_int_equal(macro.defined_in_len, strlen(file));
    assert_memory_equal(macro.defined_in, file, strlen(file));
    assert_int_equal(macro.used_line, 7);
    assert_true(apache_macro_parse(macro.used_in, macro.used_in_len, &inner));
    assert_int_equal(inner.defined_line, 17);
    assert_int_equal(inner.used_line, 34);
    assert_memory_equal(inner.used_in, file, strlen(file));
    apache_dump_free(&dump);
}

static void what_is_no_macro_is_refused(void **state)
{
    static const char *const rows[] = {
        "/etc/apache2/apache2.conf",
        "-c/-C directives",
        "",
        "macro 'x'",
        "macro 'x' (defined on line  of \"/a\") used on line 2 of \"/b\"",
        "macro 'x' (defined on line 1 of \"/a) used on line 2 of \"/b\"",
        "macro 'x' (defined on line 1 of \"/a\") used on line 2 of \"/b",
        "macro 'x' (defined on line 1 of \"/a\") used on line 2 of \"/b\" and more",
        "macro 'x' (defined on line 1 of \"/a\"b\") used on line 2 of \"/b\"",
    };
    char deep[4096] = "/a";
    struct apache_macro macro;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_false(apache_macro_parse(rows[i], strlen(rows[i]), &macro));
    for (int i = 0; i < 15; i++) {
        char outer[4096];

        assert_true(
            (size_t)snprintf(outer, sizeof outer, "macro 'm' (defined on line 1 of \"/a\") used on line 2 of \"%.3900s\"", deep)
            < sizeof outer);
        memcpy(deep, outer, sizeof deep);
    }
    assert_true(apache_macro_parse(deep, strlen(deep), &macro));
    for (size_t len = 0; len < strlen(deep); len++)
        assert_false(apache_macro_parse(deep, len, &macro));
}

static void conditions_count_as_apache_decided(void **state)
{
    static const char *const names[] = {"inherited.example", "off.example", "defined.example", "event.example", "nofile.example",
        "directive.example", "version.example"};
    struct apache_dump dump;

    (void)state;
    parse_captured(&dump, "conditions");
    assert_int_equal(dump.site_count, sizeof names / sizeof names[0]);
    for (size_t i = 0; i < dump.site_count; i++) {
        assert_string_equal(dump.sites[i].server_name, names[i]);
        assert_int_equal(dump.sites[i].is_tls, strcmp(names[i], "off.example") != 0); /* SSLEngine is the server's */
        has_words(dump.sites[i].certificates, dump.sites[i].certificate_count, "/srv/conditions/ssl/server.pem");
    }
    apache_dump_free(&dump);
}

static void what_counts_is_the_site_s_own_or_the_server_s(void **state)
{
    struct apache_dump dump;

    (void)state;
    parse_captured(&dump, "plain");
    assert_int_equal(dump.site_count, 5);
    for (size_t i = 0; i < dump.site_count; i++) {
        const struct apache_line *line = apache_dump_effective(&dump, i, APACHE_USE_STAPLING);

        assert_true(apache_line_is(line, "off"));
        assert_int_equal(line->site, i < 3 ? APACHE_SERVER : i);
    }
    assert_true(apache_line_is(apache_dump_effective(&dump, 4, APACHE_STAPLING_CACHE), "shmcb:logs/ssl_stapling(32768)"));
    assert_null(apache_dump_effective(&dump, APACHE_SERVER, APACHE_FAKE_TRY_LATER));
    assert_null(apache_dump_mutex(&dump));
    assert_string_equal(dump.files[5], dump.files[6]); /* read by two sites */
    apache_dump_free(&dump);
}

static void oddities_are_understood(void **state)
{
    struct apache_dump dump;
    const struct apache_site *site;

    (void)state;
    parse_captured(&dump, "odd");
    assert_int_equal(dump.site_count, 5);
    site = &dump.sites[0];
    has_words(site->aliases, site->alias_count, "one|two|x y|q"); /* Define SP "one two" became two words */
    has_words(site->certificates, site->certificate_count, "/tmp/ab/c.pem|/tmp/b \"c\"/c.pem|/tmp/d \\e/c.pem");
    assert_string_equal(site->chain_file, "/srv/odd/chain.pem");
    assert_string_equal(site->ca_path, "/tmp");
    assert_null(site->ca_file);
    assert_true(apache_line_is(apache_dump_effective(&dump, 0, APACHE_FORCE_URL), "http://x/"));
    assert_true(apache_line_is(apache_dump_effective(&dump, 0, APACHE_RESPONDER_TIMEOUT), "3"));
    assert_null(dump.sites[2].server_name); /* only DNS could tell */
    has_words(dump.sites[2].certificates, dump.sites[2].certificate_count, "/a \\b/c'd");
    /* An empty section has no end in the dump. */
    has_words(dump.sites[3].addresses, dump.sites[3].address_count, "*:445");
    has_words(dump.sites[4].addresses, dump.sites[4].address_count, "*:446");
    assert_true(apache_line_is(apache_dump_effective(&dump, APACHE_SERVER, APACHE_USE_STAPLING), "on")); /* -c */
    assert_true(apache_line_is(apache_dump_mutex(&dump), "flock:/tmp"));
    for (size_t i = 0; i < dump.certificate_count; i++)
        assert_int_equal(dump.certificates[i].chain_file != NULL, dump.certificates[i].path[1] == 't');
    apache_dump_free(&dump);
}

static void what_stands_in_mdomainset_counts_for_it_alone(void **state)
{
    struct apache_dump dump;
    size_t in_set = 0, domains = 0;

    (void)state;
    parse_captured(&dump, "odd");
    assert_true(apache_line_is(apache_dump_effective(&dump, 1, APACHE_MD_STAPLING), "on"));
    for (size_t i = 0; i < dump.line_count; i++) {
        in_set += dump.lines[i].setting == APACHE_MD_STAPLING && dump.lines[i].is_in_md_set;
        domains += dump.lines[i].setting == APACHE_MD_DOMAIN;
    }
    assert_int_equal(in_set, 1);
    assert_int_equal(domains, 2);
    apache_dump_free(&dump);
}

static void without_mod_info_there_are_certificates(void **state)
{
    struct apache_dump dump;

    (void)state;
    parse_captured(&dump, "certs");
    assert_false(dump.has_config);
    assert_int_equal(dump.certificate_count, 2);
    assert_string_equal(dump.certificates[1].path, "/etc/ssl/with space.pem");
    apache_dump_free(&dump);
    parse(&dump,
        "AH00558: apache2: Could not determine the server's name\nServer certificates:\n  /fine.pem\r\n\nThe end\n  /not.pem\n");
    assert_int_equal(dump.certificate_count, 1);
    assert_string_equal(dump.certificates[0].path, "/fine.pem");
    apache_dump_free(&dump);
}

static void what_is_not_apache_s_is_passed_over(void **state)
{
    static const char *const rows[] = {
        "",
        "\n",
        "#  1:\nSSLUseStapling on\n",
        "# In file: /a\n#   :\nSSLUseStapling on\n",
        "# In file: /a\n#  0:\nSSLUseStapling on\n",
        "# In file: /a\n#  1\nSSLUseStapling on\n",
        "# In file: /a\n    #  1:\n    SSLUseStapling on\n", /* in sections that nobody opened */
        "# In file: /a\n#  1:\n<Directory />\n  #  2:\n  SSLUseStapling on\n",
        "# In file: /a\n#  1:\n<Directory />\n  #  2:\n  <VirtualHost *:1>\n    #  3:\n    SSLUseStapling on\n",
        "# In file: /a\n#  1:",
        "Loaded Modules:\n",
        "ServerRoot: \"/a\nUser: name=\"x\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct apache_dump dump;

        parse(&dump, rows[i]);
        assert_int_equal(dump.line_count + dump.site_count + dump.certificate_count + dump.module_count, 0);
        assert_null(dump.server_root);
        assert_null(dump.user);
        apache_dump_free(&dump);
    }
}

static void sections_deeper_than_any_are_passed_over(void **state)
{
    struct apache_dump dump;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    (void)state;
    assert_non_null(out);
    fprintf(out, "# In file: /a\n#  1:\n<VirtualHost *:443>\n");
    for (int i = 1; i < 100; i++)
        fprintf(out, "%*s#  1:\n%*s<If x>\n", 2 * i, "", 2 * i, "");
    fprintf(out, "%*s#  1:\n%*sSSLUseStapling on\n", 200, "", 200, "");
    fprintf(out, "  #  1:\n  SSLUseStapling off\n");
    assert_int_equal(fclose(out), 0);
    parse(&dump, text);
    assert_int_equal(dump.line_count, 1);
    assert_true(apache_line_is(apache_dump_effective(&dump, 0, APACHE_USE_STAPLING), "off"));
    apache_dump_free(&dump);
    free(text);
}

/* Cut anywhere, and with any byte changed, a dump is parsed to its end. */
static void a_damaged_dump_is_parsed_too(void **state)
{
    size_t len;
    char *text = captured("odd", &len);
    struct apache_dump dump;

    (void)state;
    for (size_t at = 0; at < len; at++) {
        assert_true(apache_dump_parse(&dump, text, at));
        apache_dump_free(&dump);
        text[at] ^= 0x10;
        assert_true(apache_dump_parse(&dump, text, len));
        apache_dump_free(&dump);
        text[at] ^= 0x10;
    }
    free(text);
}

static void words_end_where_httpd_ends_them(void **state)
{
    static const char *const rows[][2] = {
        {"", ""},
        {"  \t", ""},
        {"a", "a"},
        {" a  b\tc ", "a|b|c"},
        {"\"a b\" c", "a b|c"},
        {"'a \" b' c", "a \" b|c"},
        {"\"a\"b", "a|b"},        /* a quote ends the word, without a blank */
        {"a\"b c\"", "a\"b|c\""}, /* within a word a quote is a letter */
        {"\"a \\\" b\"", "a \" b"},
        {"\"a \\' b\"", "a \\' b"}, /* only its own quote needs the backslash */
        {"\"a\\\\\" b", "a\\|b"},
        {"a\\\\b \\\"", "a\\b|\\\""},
        {"\"never ends", "never ends"},
        {"\"ends in \\", "ends in \\"},
        {"\"\" x", "|x"},
    };
    struct arena arena = {NULL};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *rest = rows[i][0];
        char *words[8];
        size_t count = 0;

        while (count < 8 && (words[count] = apache_word_next(&arena, &rest)) != NULL)
            count++;
        assert_string_equal(rest, "");
        has_words(words, count, rows[i][1]);
    }
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(debian_s_layout_is_read),
        cmocka_unit_test(macros_have_their_places),
        cmocka_unit_test(what_is_no_macro_is_refused),
        cmocka_unit_test(conditions_count_as_apache_decided),
        cmocka_unit_test(what_counts_is_the_site_s_own_or_the_server_s),
        cmocka_unit_test(oddities_are_understood),
        cmocka_unit_test(what_stands_in_mdomainset_counts_for_it_alone),
        cmocka_unit_test(without_mod_info_there_are_certificates),
        cmocka_unit_test(what_is_not_apache_s_is_passed_over),
        cmocka_unit_test(sections_deeper_than_any_are_passed_over),
        cmocka_unit_test(a_damaged_dump_is_parsed_too),
        cmocka_unit_test(words_end_where_httpd_ends_them),
    };

    return cmocka_run_group_tests_name("apache_dump", tests, NULL, NULL);
}
