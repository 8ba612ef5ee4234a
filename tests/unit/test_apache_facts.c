/* SPDX-License-Identifier: ISC */
/* P2: what Apache says of itself, where its sites listen, what kind of file it made, what enable remembers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enable/apache_facts.h"
#include "enable/dbm_trial.h"
#include "enable/sites.h"
#include "temp_dir.h"
#include "transaction/enabled_record.h"

static void the_version_is_read(void **state)
{
    static const char output[] = "Server version: Apache/2.4.71 (Debian)\nServer built:   x\nServer compiled with....\n";
    struct apache_facts facts = {.pid = 0};

    (void)state;
    assert_true(apache_facts_parse_build(output, &facts));
    assert_string_equal(facts.version, "2.4.71");
    assert_true(apache_facts_is_new_enough(&facts));
    assert_false(apache_facts_parse_build("nginx version: nginx/1.22\n", &facts));
}

static void an_old_apache_is_too_old(void **state)
{
    static const struct {
        const char *version;
        bool is_new_enough;
    } cases[]
        = {{"2.2.34", false}, {"1.3.42", false}, {"2.4.0", true}, {"2.5.1", true}, {"3.0.0", true}, {"", false}, {"x", false}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct apache_facts facts = {.pid = 0};

        snprintf(facts.version, sizeof facts.version, "%s", cases[i].version);
        assert_int_equal(apache_facts_is_new_enough(&facts), cases[i].is_new_enough);
    }
}

static void the_command_line_is_read(void **state)
{
    static const char words[] = "/usr/sbin/apache2\0-d\0/srv/a\0-f\0conf/b.conf\0-DONE\0-D\0TWO=2\0-k\0start\0-f";
    static const char *const expected[] = {"-d", "/srv/a", "-f", "conf/b.conf", "-D", "ONE", "-D", "TWO=2"};
    struct apache_facts facts = {.pid = 0};

    (void)state;
    assert_true(apache_facts_parse_command(words, sizeof words, &facts));
    assert_int_equal(facts.options.count, sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < facts.options.count; i++)
        assert_string_equal(facts.options.items[i], expected[i]);
    apache_facts_clear(&facts);
}

/* proc(5), /proc/net/tcp: addresses in the machine's byte order, state 0A is LISTEN. */
#define HEADER "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
#define V4_LOOPBACK_8443 "   0: 0100007F:20FB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0\n"
#define V4_ANY_443 "   1: 00000000:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0\n"
#define V4_CONNECTED_444 "   2: 0100007F:01BC 0100007F:8888 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0\n"
#define V6_ANY_443 \
    "   0: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:0 0\n"
#define V6_LOOPBACK_444 \
    "   1: 00000000000000000000000001000000:01BC 00000000000000000000000000000000:0000 0A 00000000:00000000 00:0 0\n"

/* /proc/net/if_inet6: address, interface, length of its prefix, scope, flags, name. */
#define IF_LO "00000000000000000000000000000001 01 80 10 80       lo\n"
#define IF_ETH0 "fe800000000000000000000000000001 02 40 20 80     eth0\n"

static void a_site_is_visited_where_it_listens(void **state)
{
    static const struct site_listeners listeners
        = {HEADER V4_LOOPBACK_8443 V4_ANY_443 V4_CONNECTED_444, HEADER V6_LOOPBACK_444, IF_ETH0 IF_LO};
    static const struct {
        const char *address;
        const char *target; /* NULL: nobody listens there */
    } cases[] = {{"*:443", "127.0.0.1:443"}, {"_default_:443", "127.0.0.1:443"}, {"*", "127.0.0.1:443"},
        {"*:8443", "127.0.0.1:8443"}, {"*:444", "[::1]:444"}, {"[::]:443", NULL}, {"0.0.0.0:443", "127.0.0.1:443"},
        {"192.0.2.7:443", "192.0.2.7:443"}, {"[2001:db8::1]:444", "[2001:db8::1]:444"},
        {"www.example.net:8443", "www.example.net:8443"}, {"*:445", NULL}, {"*:99999", NULL}, {":443", NULL}, {"*:x", NULL}};
    char target[SITE_TARGET_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(sites_target(cases[i].address, &listeners, target), cases[i].target != NULL);
        assert_string_equal(target, cases[i].target == NULL ? "" : cases[i].target);
    }
}

/* What listens on every address of IPv6 takes IPv4 too, and is met by the address that there is. */
static void a_site_on_every_address_is_visited_on_loopback(void **state)
{
    static const struct site_listeners both = {HEADER, HEADER V6_ANY_443, IF_LO IF_ETH0},
                                       one = {HEADER, HEADER V6_ANY_443, IF_ETH0};
    static const struct {
        const char *address;
        const struct site_listeners *listeners;
        const char *target;
    } cases[] = {{"*:443", &both, "[::1]:443"}, {"[::]:443", &both, "[::1]:443"}, {"0.0.0.0:443", &both, "127.0.0.1:443"},
        {"*:443", &one, "127.0.0.1:443"}};
    char target[SITE_TARGET_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(sites_target(cases[i].address, cases[i].listeners, target));
        assert_string_equal(target, cases[i].target);
    }
}

static void another_kind_of_file_is_named(void **state)
{
    uint8_t berkeley[64] = {0};
    char error[1024] = "";

    (void)state;
    memcpy(berkeley + 12, "\x61\x15\x06\x00", 4);
    temp_file_write("db", berkeley, sizeof berkeley);
    assert_int_equal(dbm_trial_look("db", error, sizeof error), DBM_TRIAL_BERKELEY);
    temp_file_write("db", "\xce\x9a\x57\x13 and so on", 14);
    assert_int_equal(dbm_trial_look("db", error, sizeof error), DBM_TRIAL_OTHER);
    assert_non_null(strstr(error, "GDBM"));
    assert_int_equal(dbm_trial_look("missing", error, sizeof error), DBM_TRIAL_FAILED);
    assert_non_null(strstr(error, "missing"));
}

static void what_enable_did_is_remembered(void **state)
{
    struct record record = {.is_service_ours = true}, back;
    size_t len = 0;
    char *text;

    (void)state;
    assert_true(text_list_add(&record.modules, "socache_dbm", 11));
    text = record_text(&record, &len);
    temp_file_write("enabled", text, len);
    record_read("enabled", &back);
    assert_true(back.is_service_ours);
    assert_int_equal(back.modules.count, 1);
    assert_string_equal(back.modules.items[0], "socache_dbm");
    record_clear(&back);
    temp_file_write("enabled", "stapleguard-enabled 1\nmodule ../../etc/passwd\nmodule -x\nmodule \nservice ours?\n", 76);
    record_read("enabled", &back);
    assert_int_equal(back.modules.count, 0);
    assert_false(back.is_service_ours);
    record_read("missing", &back);
    assert_int_equal(back.modules.count, 0);
    record_clear(&record);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_version_is_read),
        cmocka_unit_test(an_old_apache_is_too_old),
        cmocka_unit_test(the_command_line_is_read),
        cmocka_unit_test(a_site_is_visited_where_it_listens),
        cmocka_unit_test(a_site_on_every_address_is_visited_on_loopback),
        cmocka_unit_test_setup_teardown(another_kind_of_file_is_named, temp_dir_setup, temp_dir_teardown),
        cmocka_unit_test_setup_teardown(what_enable_did_is_remembered, temp_dir_setup, temp_dir_teardown),
    };

    return cmocka_run_group_tests_name("setup_facts", tests, NULL, NULL);
}
