/* SPDX-License-Identifier: ISC */
/* Certificates in what Apache prints of itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apache/apache_certs.h"

struct found {
    struct cert_source *sources;
    size_t count;
    size_t skipped;
};

static struct found parse(const char *output)
{
    struct apache_dump dump;
    struct found found = {0};

    assert_true(apache_dump_parse(&dump, output, strlen(output)));
    assert_int_equal(discover_take(&dump, &found.sources, &found.count, &found.skipped), 0);
    apache_dump_free(&dump);
    return found;
}

static void forget(struct found *found)
{
    cert_sources_free(found->sources, found->count);
}

static void apache_s_own_output_is_understood(void **state)
{
    /* As httpd 2.4.71 prints it, with a warning before. */
    struct found found = parse(
        "AH00558: apache2: Could not determine the server's name\nServerRoot: \"/etc/apache2\"\n"
        "Server certificates:\n  /etc/ssl/shop.pem\n  /etc/ssl/with space.pem\n  ssl/relative.pem\n");

    (void)state;
    assert_int_equal(found.count, 3);
    assert_string_equal(found.sources[0].path, "/etc/ssl/shop.pem");
    assert_string_equal(found.sources[1].path, "/etc/ssl/with space.pem");
    assert_string_equal(found.sources[2].path, "/etc/apache2/ssl/relative.pem");
    assert_null(found.sources[2].chain);
    assert_int_equal(found.skipped, 0);
    forget(&found);
}

static void a_chain_file_comes_with_its_certificate(void **state)
{
    struct found found = parse(
        "# In file: /a.conf\n#   1:\n<VirtualHost *:443>\n  #   2:\n  SSLEngine on\n  #   3:\n"
        "  SSLCertificateFile /shop.pem\n  #   4:\n  SSLCertificateChainFile ca/chain.pem\n</VirtualHost>\n"
        "ServerRoot: \"/etc/apache2\"\nServer certificates:\n  /other.pem\n  /shop.pem\n"
        "  /kept.pem\t/kept-chain.pem\n  /odd.pem\tchain.pem\n");

    (void)state;
    assert_int_equal(found.count, 4);
    assert_null(found.sources[0].chain);
    assert_string_equal(found.sources[1].chain, "/etc/apache2/ca/chain.pem");
    assert_string_equal(found.sources[2].path, "/kept.pem"); /* from the list of the last time */
    assert_string_equal(found.sources[2].chain, "/kept-chain.pem");
    assert_null(found.sources[3].chain);
    forget(&found);
}

static void no_certificate_is_no_error(void **state)
{
    struct found none = parse("");
    struct found empty = parse("Server certificates:\n");
    struct found other = parse("/etc/ssl/shop.pem\n");

    (void)state;
    assert_int_equal(none.count + empty.count + other.count, 0);
    forget(&none);
    forget(&empty);
    forget(&other);
}

static void what_is_no_path_is_counted_and_left_out(void **state)
{
    char output[1024] = "Server certificates:\n  relative.pem\n  /a\x1b[2J.pem\n  /fine.pem\r\n  /";
    struct found found;

    (void)state;
    memset(output + strlen(output), 'x', 300);
    found = parse(output);
    assert_int_equal(found.count, 1);
    assert_string_equal(found.sources[0].path, "/fine.pem");
    assert_int_equal(found.skipped, 3);
    forget(&found);
}

static void many_are_kept_in_order(void **state)
{
    size_t many = 5000;
    char *output = malloc(32 + many * 16);
    size_t len;
    struct found found;

    (void)state;
    assert_non_null(output);
    len = (size_t)sprintf(output, "Server certificates:\n");
    for (size_t i = 0; i < many; i++)
        len += (size_t)sprintf(output + len, "  /%zu.pem\n", i);
    found = parse(output);
    assert_int_equal(found.count, many);
    assert_string_equal(found.sources[4999].path, "/4999.pem");
    forget(&found);
    free(output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(apache_s_own_output_is_understood),
        cmocka_unit_test(a_chain_file_comes_with_its_certificate),
        cmocka_unit_test(no_certificate_is_no_error),
        cmocka_unit_test(what_is_no_path_is_counted_and_left_out),
        cmocka_unit_test(many_are_kept_in_order),
    };

    return cmocka_run_group_tests_name("discover", tests, NULL, NULL);
}
