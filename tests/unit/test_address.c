/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of fetcher/address.c.
 * Runs in: the build.
 * Never: opens a socket.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "http/address.h"

struct row {
    const char *text;
    enum address_kind kind;
};

/* Each range: its first and last address, and the neighbours outside.  RFC 6890 tables, unless another is named. */
static const struct row rows[] = {
    {"0.0.0.0", ADDRESS_UNSPECIFIED},
    {"0.255.255.255", ADDRESS_UNSPECIFIED},
    {"1.0.0.0", ADDRESS_GLOBAL},
    {"9.255.255.255", ADDRESS_GLOBAL},
    {"10.0.0.0", ADDRESS_PRIVATE},
    {"10.255.255.255", ADDRESS_PRIVATE},
    {"11.0.0.0", ADDRESS_GLOBAL},
    {"100.63.255.255", ADDRESS_GLOBAL},
    {"100.64.0.0", ADDRESS_PRIVATE}, /* RFC 6598 */
    {"100.127.255.255", ADDRESS_PRIVATE},
    {"100.128.0.0", ADDRESS_GLOBAL},
    {"126.255.255.255", ADDRESS_GLOBAL},
    {"127.0.0.0", ADDRESS_LOOPBACK},
    {"127.0.0.1", ADDRESS_LOOPBACK},
    {"127.255.255.255", ADDRESS_LOOPBACK},
    {"128.0.0.0", ADDRESS_GLOBAL},
    {"169.253.255.255", ADDRESS_GLOBAL},
    {"169.254.0.0", ADDRESS_LINK_LOCAL}, /* RFC 3927 */
    {"169.254.169.254", ADDRESS_LINK_LOCAL},
    {"169.254.255.255", ADDRESS_LINK_LOCAL},
    {"169.255.0.0", ADDRESS_GLOBAL},
    {"172.15.255.255", ADDRESS_GLOBAL},
    {"172.16.0.0", ADDRESS_PRIVATE},
    {"172.31.255.255", ADDRESS_PRIVATE},
    {"172.32.0.0", ADDRESS_GLOBAL},
    {"192.0.2.1", ADDRESS_GLOBAL}, /* documentation: nobody is there, nothing is gained by refusing it */
    {"192.167.255.255", ADDRESS_GLOBAL},
    {"192.168.0.0", ADDRESS_PRIVATE},
    {"192.168.255.255", ADDRESS_PRIVATE},
    {"192.169.0.0", ADDRESS_GLOBAL},
    {"223.255.255.255", ADDRESS_GLOBAL},
    {"224.0.0.0", ADDRESS_MULTICAST}, /* RFC 5771 */
    {"239.255.255.255", ADDRESS_MULTICAST},
    {"240.0.0.0", ADDRESS_PRIVATE}, /* RFC 1112 */
    {"255.255.255.254", ADDRESS_PRIVATE},
    {"255.255.255.255", ADDRESS_BROADCAST}, /* RFC 919 */
    {"::", ADDRESS_UNSPECIFIED},
    {"::1", ADDRESS_LOOPBACK},
    {"::2", ADDRESS_UNSPECIFIED}, /* carries 0.0.0.2 */
    {"2000::1", ADDRESS_GLOBAL},
    {"2001:db8::1", ADDRESS_GLOBAL},
    {"fbff:ffff::1", ADDRESS_GLOBAL},
    {"fc00::", ADDRESS_PRIVATE}, /* RFC 4193 */
    {"fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ADDRESS_PRIVATE},
    {"fe00::1", ADDRESS_GLOBAL},
    {"fe7f::1", ADDRESS_GLOBAL},
    {"fe80::", ADDRESS_LINK_LOCAL}, /* RFC 4291 2.5.6 */
    {"febf:ffff::1", ADDRESS_LINK_LOCAL},
    {"fec0::1", ADDRESS_PRIVATE},
    {"feff::1", ADDRESS_PRIVATE},
    {"ff00::", ADDRESS_MULTICAST}, /* RFC 4291 2.7 */
    {"ff02::1", ADDRESS_MULTICAST},
};

/* IPv4 addresses in IPv6 clothes are what they are without. */
static const struct row embedded_rows[] = {
    {"::ffff:8.8.8.8", ADDRESS_GLOBAL}, /* IPv4-mapped, RFC 4291 2.5.5.2 */
    {"::ffff:127.0.0.1", ADDRESS_LOOPBACK},
    {"::ffff:169.254.169.254", ADDRESS_LINK_LOCAL},
    {"::ffff:10.1.2.3", ADDRESS_PRIVATE},
    {"::ffff:0.0.0.0", ADDRESS_UNSPECIFIED},
    {"::127.0.0.1", ADDRESS_LOOPBACK}, /* IPv4-compatible, RFC 4291 2.5.5.1 */
    {"::169.254.1.1", ADDRESS_LINK_LOCAL},
    {"::8.8.8.8", ADDRESS_GLOBAL},
    {"64:ff9b::8.8.8.8", ADDRESS_GLOBAL}, /* NAT64, RFC 6052 */
    {"64:ff9b::127.0.0.1", ADDRESS_LOOPBACK},
    {"64:ff9b::169.254.169.254", ADDRESS_LINK_LOCAL},
    {"64:ff9b::224.0.0.1", ADDRESS_MULTICAST},
    {"64:ff9b:1::127.0.0.1", ADDRESS_LOOPBACK}, /* RFC 8215 */
    {"64:ff9b:2::127.0.0.1", ADDRESS_GLOBAL},
    {"2002:7f00:1::1", ADDRESS_LOOPBACK}, /* 6to4, RFC 3056: 127.0.0.1 */
    {"2002:a9fe:a9fe::1", ADDRESS_LINK_LOCAL},
    {"2002:c0a8:101::1", ADDRESS_PRIVATE},
    {"2002:808:808::1", ADDRESS_GLOBAL},
};

static struct address parsed(const char *text)
{
    struct address address;

    assert_true(address_parse(text, &address));
    return address;
}

static void assert_kinds(const struct row *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct address address = parsed(table[i].text);

        if (address_kind(&address) != table[i].kind)
            fail_msg(
                "%s is %s, not %s", table[i].text, address_kind_text(address_kind(&address)), address_kind_text(table[i].kind));
    }
}

static void knows_every_range(void **state)
{
    (void)state;
    assert_kinds(rows, sizeof rows / sizeof rows[0]);
}

static void looks_through_embedded_addresses(void **state)
{
    (void)state;
    assert_kinds(embedded_rows, sizeof embedded_rows / sizeof embedded_rows[0]);
}

/* Which kinds each policy lets through: four policies, all kinds. */
static void policy_decides_on_private_and_loopback_alone(void **state)
{
    static const struct {
        const char *text;
        bool allowed[4]; /* nothing, private, loopback, both */
    } cases[] = {
        {"8.8.8.8", {true, true, true, true}},
        {"10.0.0.1", {false, true, false, true}},
        {"fd00::1", {false, true, false, true}},
        {"127.0.0.1", {false, false, true, true}},
        {"::1", {false, false, true, true}},
        {"::ffff:127.0.0.1", {false, false, true, true}},
        {"0.0.0.0", {false, false, false, false}},
        {"169.254.169.254", {false, false, false, false}},
        {"fe80::1", {false, false, false, false}},
        {"224.0.0.1", {false, false, false, false}},
        {"ff02::1", {false, false, false, false}},
        {"255.255.255.255", {false, false, false, false}},
        {"64:ff9b::a9fe:a9fe", {false, false, false, false}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (unsigned bits = 0; bits < 4; bits++) {
            struct address address = parsed(cases[i].text);
            struct address_policy policy = {.is_private_allowed = (bits & 1) != 0, .is_loopback_allowed = (bits & 2) != 0};

            if (address_is_allowed(&address, &policy) != cases[i].allowed[bits])
                fail_msg("%s under policy %u", cases[i].text, bits);
        }
    }
}

static void another_family_is_refused(void **state)
{
    const struct address_policy everything = {.is_private_allowed = true, .is_loopback_allowed = true};
    struct sockaddr_storage unix_address = {.ss_family = AF_UNIX};
    struct sockaddr_in short_address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x08080808)};
    struct address address;

    (void)state;
    address_of_sockaddr((const struct sockaddr *)&unix_address, sizeof unix_address, &address);
    assert_int_equal(address_kind(&address), ADDRESS_OTHER_FAMILY);
    assert_false(address_is_allowed(&address, &everything));
    address_of_sockaddr((const struct sockaddr *)&short_address, sizeof short_address - 1, &address);
    assert_false(address_is_allowed(&address, &everything));
    address_of_sockaddr((const struct sockaddr *)&short_address, sizeof short_address, &address);
    assert_true(address_is_allowed(&address, &everything));
}

static void socket_addresses_and_text_go_both_ways(void **state)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    struct address address;
    char text[ADDRESS_TEXT_LEN];

    (void)state;
    assert_int_equal(inet_pton(AF_INET6, "2001:db8::53", &in6.sin6_addr), 1);
    address_of_sockaddr((const struct sockaddr *)&in6, sizeof in6, &address);
    address_format(&address, true, text);
    assert_string_equal(text, "[2001:db8::53]");
    address_format(&address, false, text);
    assert_string_equal(text, "2001:db8::53");
    address = parsed("192.0.2.7");
    address_format(&address, true, text);
    assert_string_equal(text, "192.0.2.7");
    assert_false(address_parse("localhost", &address));
    assert_false(address_parse("[::1]", &address));
    assert_false(address_parse("fe80::1%eth0", &address));
    assert_false(address_parse("127.1", &address));
    assert_false(address_parse("", &address));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_every_range),
        cmocka_unit_test(looks_through_embedded_addresses),
        cmocka_unit_test(policy_decides_on_private_and_loopback_alone),
        cmocka_unit_test(another_family_is_refused),
        cmocka_unit_test(socket_addresses_and_text_go_both_ways),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
