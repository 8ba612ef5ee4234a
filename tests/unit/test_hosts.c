/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of fetcher/hosts.c.
 * Runs in: the build.
 * Never: reads the machine's own hosts file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "http/hosts.h"

static struct hosts *parsed(const char *text)
{
    struct hosts *hosts = hosts_parse(text, strlen(text));

    assert_non_null(hosts);
    return hosts;
}

/* The addresses of name, one after the other with a blank each. */
static void assert_found(const struct hosts *hosts, const char *name, const char *expected)
{
    struct address addresses[NAME_ADDRESSES_MAX];
    size_t count = hosts_find(hosts, name, addresses);
    char all[NAME_ADDRESSES_MAX * (ADDRESS_TEXT_LEN + 1)] = "";

    for (size_t i = 0; i < count; i++) {
        char text[ADDRESS_TEXT_LEN];

        address_format(&addresses[i], false, text);
        strcat(all, text);
        strcat(all, " ");
    }
    assert_string_equal(all, expected);
}

static void finds_names_and_aliases_in_any_case(void **state)
{
    struct hosts *hosts = parsed("192.0.2.1 one.test one\n192.0.2.2\ttwo.test\n2001:db8::2 TWO.test two\n");

    (void)state;
    assert_found(hosts, "one.test", "192.0.2.1 ");
    assert_found(hosts, "ONE", "192.0.2.1 ");
    assert_found(hosts, "two.test", "192.0.2.2 2001:db8::2 ");
    assert_found(hosts, "three.test", "");
    assert_found(hosts, "one.tes", "");
    assert_found(hosts, "one.testx", "");
    hosts_free(hosts);
}

static void passes_over_what_it_does_not_understand(void **state)
{
    struct hosts *hosts = parsed(
        "# 192.0.2.1 comment.test\n"
        "192.0.2.300 broken.test\n"
        "just some words\n"
        "192.0.2.2\n"
        "\n"
        "   192.0.2.3   spaced.test   # and.a.comment\r\n"
        "192.0.2.4 half#way.test\n"
        "fe80::1%lo0 zoned.test\n"
        "192.0.2.5 last.test");

    (void)state;
    assert_found(hosts, "comment.test", "");
    assert_found(hosts, "broken.test", "");
    assert_found(hosts, "words", "");
    assert_found(hosts, "spaced.test", "192.0.2.3 ");
    assert_found(hosts, "and.a.comment", "");
    assert_found(hosts, "half", "192.0.2.4 ");
    assert_found(hosts, "way.test", "");
    assert_found(hosts, "zoned.test", "");
    assert_found(hosts, "last.test", "192.0.2.5 ");
    hosts_free(hosts);
}

static void a_nul_ends_only_its_line(void **state)
{
    static const char text[] = "192.0.2.1 a.test\0 b.test\n192.0.2.2 c.test\n";
    struct hosts *hosts = hosts_parse(text, sizeof text - 1);

    (void)state;
    assert_non_null(hosts);
    assert_found(hosts, "a.test", "192.0.2.1 ");
    assert_found(hosts, "b.test", "");
    assert_found(hosts, "c.test", "192.0.2.2 ");
    hosts_free(hosts);
}

static void keeps_the_files_order_and_a_bound(void **state)
{
    char text[64 * 40] = "";
    struct address addresses[NAME_ADDRESSES_MAX];
    struct hosts *hosts;

    (void)state;
    for (unsigned i = 40; i > 0; i--)
        sprintf(text + strlen(text), "192.0.2.%u many.test other%u.test\n", i, i);
    hosts = parsed(text);
    assert_int_equal(hosts_find(hosts, "many.test", addresses), NAME_ADDRESSES_MAX);
    for (unsigned i = 0; i < NAME_ADDRESSES_MAX; i++)
        assert_int_equal(addresses[i].octets[3], 40 - i);
    assert_found(hosts, "other17.test", "192.0.2.17 ");
    hosts_free(hosts);
}

/* RFC 6761 6.3: localhost is never asked of DNS. */
static void localhost_is_always_known(void **state)
{
    struct hosts *empty = parsed("");
    struct hosts *own = parsed("127.0.0.1 localhost\n");

    (void)state;
    assert_found(empty, "localhost", "::1 127.0.0.1 ");
    assert_found(empty, "LocalHost", "::1 127.0.0.1 ");
    assert_found(empty, "ocsp.localhost", "::1 127.0.0.1 ");
    assert_found(empty, ".localhost", "");
    assert_found(empty, "notlocalhost", "");
    assert_found(empty, "localhost.test", "");
    assert_found(own, "localhost", "127.0.0.1 ");
    hosts_free(empty);
    hosts_free(own);
}

static void reads_a_file_and_does_without(void **state)
{
    char path[64];
    int fd = memfd_create("hosts", MFD_CLOEXEC);
    struct hosts *hosts;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "192.0.2.9 file.test\n", 20), 20);
    sprintf(path, "/proc/self/fd/%d", fd);
    hosts = hosts_read(path);
    assert_non_null(hosts);
    assert_found(hosts, "file.test", "192.0.2.9 ");
    hosts_free(hosts);
    close(fd);
    hosts = hosts_read(path);
    assert_non_null(hosts);
    assert_found(hosts, "file.test", "");
    hosts_free(hosts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_names_and_aliases_in_any_case),
        cmocka_unit_test(passes_over_what_it_does_not_understand),
        cmocka_unit_test(a_nul_ends_only_its_line),
        cmocka_unit_test(keeps_the_files_order_and_a_bound),
        cmocka_unit_test(localhost_is_always_known),
        cmocka_unit_test(reads_a_file_and_does_without),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
