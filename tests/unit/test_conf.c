/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of common/conf: keys, values, defaults, and the error for each mistake.
 * Runs in: the build.
 * Never: reads a file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bounds.h"
#include "conf/conf.h"
#include "conf/conf_keys.h"
#include "conf_scene.h"
#include "text/text.h"

#define CERT "[certificate \"shop\"]\ncert = /shop.pem\n"

static void expect_error(const char *text, const char *start, const char *part)
{
    conf_scene_expect_error_of(text, strlen(text), start, part);
}

static void has_the_defaults_of_the_contract(void **state)
{
    struct conf *conf = conf_scene_read_text("");

    (void)state;
    conf_scene_assert_same_but_certs(conf, &conf_scene_defaults);
    assert_int_equal(conf->cert_count, 0);
    conf_free(conf);
    conf_free(NULL);
}

/* Each key with another value than its default: the value arrives in its field and nowhere else. */
static void reads_every_key(void **state)
{
    struct conf *conf = conf_scene_read_text(
        "[stapleguard]\nstate_dir=/s\nrun_dir=/r\naudit_log=/a\nfetch_user=f\nwrite_user=1002\nrequire_sandbox=no\n"
        "audit_seal=yes\naudit_seal_interval=1m\njournal=no\n"
        "[apache]\ndbm=/d\npid_file=/p\ncontrol=/c\nprogram=/h\nlock_dir=/l\nuser=_apache-2.x\ndiscover=none\nscan_guard=no\n"
        "commit_delay=0\nshield=off\n"
        "[fetch]\nsafety_margin=1h\nmin_ttl=10m\nrefresh_every=2h\nunknown_grace=3h\nallow_sha1_signatures=yes\n"
        "timeout=1s\nconcurrency=1\nper_responder=1024\nmax_body=1m\nproxy=http://proxy.example:3128\nca_file=/ca\n"
        "allow_private=no\nallow_loopback=yes\n"
        "[certificate \"shop\"]\ncert=/shop.pem\nchain=/chain.pem\nresponder=https://ocsp.example/x\nsafety_margin=2h\n"
        "min_ttl=0\nrefresh_every=1m\nunknown_grace=4h\nallow_sha1_signatures=no\n");
    const struct conf expected = {
        .state_dir = TEXT("/s"),
        .run_dir = TEXT("/r"),
        .audit_log = TEXT("/a"),
        .fetch_user = TEXT("f"),
        .write_user = TEXT("1002"),
        .is_audit_sealed = true,
        .audit_seal_interval_sec = 60,
        .dbm = TEXT("/d"),
        .pid_file = TEXT("/p"),
        .control = TEXT("/c"),
        .program = TEXT("/h"),
        .lock_dir = TEXT("/l"),
        .apache_user = TEXT("_apache-2.x"),
        .policy = {.safety_margin_sec = 3600,
            .min_ttl_sec = 600,
            .refresh_every_sec = 7200,
            .unknown_grace_sec = 10800,
            .is_sha1_allowed = true},
        .timeout_sec = 1,
        .concurrency = 1,
        .per_responder = 1024,
        .max_body = 1048576,
        .proxy = TEXT("http://proxy.example:3128"),
        .ca_file = TEXT("/ca"),
        .is_loopback_allowed = true,
    };
    const struct conf_cert_policy own = {.safety_margin_sec = 7200, .refresh_every_sec = 60, .unknown_grace_sec = 14400};

    (void)state;
    conf_scene_assert_same_but_certs(conf, &expected);
    assert_int_equal(conf->cert_count, 1);
    assert_string_equal(conf->certs[0].name, "shop");
    assert_string_equal(conf->certs[0].cert, "/shop.pem");
    assert_string_equal(conf->certs[0].chain, "/chain.pem");
    assert_string_equal(conf->certs[0].responder, "https://ocsp.example/x");
    assert_int_equal(conf->certs[0].line, 36);
    conf_scene_assert_same_policy(&conf->certs[0].policy, &own);
    conf_free(conf);
}

static void a_certificate_follows_fetch_wherever_that_stands(void **state)
{
    struct conf *conf = conf_scene_read_text(
        "[certificate \"a\"]\ncert = /a\nmin_ttl = 5m\n"
        "[fetch]\nsafety_margin = 2h\nmin_ttl = 20m\n"
        "[certificate \"b\"]\ncert = /b\nchain =\nresponder =\nallow_sha1_signatures = yes\n"
        "[fetch]\nunknown_grace = 3h\n");
    const struct conf_cert_policy a = {7200, 300, 86400, 10800, false};
    const struct conf_cert_policy b = {7200, 1200, 86400, 10800, true};

    (void)state;
    assert_int_equal(conf->cert_count, 2);
    conf_scene_assert_same_policy(&conf->certs[0].policy, &a);
    conf_scene_assert_same_policy(&conf->certs[1].policy, &b);
    assert_null(conf->certs[0].chain);
    assert_null(conf->certs[1].chain);
    assert_null(conf->certs[1].responder);
    assert_false(conf->policy.is_sha1_allowed);
    conf_free(conf);
}

static void tolerates_what_files_look_like(void **state)
{
    struct conf *conf = conf_scene_read_text(
        "\xef\xbb\xbf[fetch] ; about fetching\r\n"
        "\r\n"
        "  # an indented comment\r\n"
        "\ttimeout\t=\t20s\t; indented, with tabs\r\n"
        "   concurrency : 5\r\n"
        " [certificate  \"d\xc3\xbcrer ] ; x\"] # with a comment\r\n"
        "    cert = /etc/ssl/d\xc3\xbcrer;a.pem ; not part of it\r\n"
        "    chain=/etc/with blank.pem   ");

    (void)state;
    assert_int_equal(conf->timeout_sec, 20);
    assert_int_equal(conf->concurrency, 5);
    assert_string_equal(conf->certs[0].name, "d\xc3\xbcrer ] ; x");
    assert_string_equal(conf->certs[0].cert, "/etc/ssl/d\xc3\xbcrer;a.pem");
    assert_string_equal(conf->certs[0].chain, "/etc/with blank.pem");
    assert_int_equal(conf->certs[0].line, 6);
    conf_free(conf);
}

static void takes_values_up_to_their_bounds(void **state)
{
    static const char *const rows[] = {
        "[fetch]\nsafety_margin = 0",
        "[fetch]\nsafety_margin = 30d",
        "[fetch]\nrefresh_every = 60s",
        "[fetch]\ntimeout = 5m",
        "[fetch]\nconcurrency = 1024",
        "[fetch]\nmax_body = 10239",
        "[fetch]\nmax_body = 10240k",
        "[fetch]\nproxy = http://10.0.0.1:65535",
        "[fetch]\nproxy = http://[fd00::1]:3128",
        "[fetch]\nproxy = HTTP://p:1",
        "[apache]\ncommit_delay = 1h",
        "[apache]\nuser = 0",
        "[stapleguard]\nfetch_user = 4294967294\nwrite_user = 4294967293",
        "[stapleguard]\nfetch_user = a2345678901234567890123456789012",
        CERT "responder = http://[::1]:8888/a/b?c=d",
        CERT "responder = HTTPS://x?y",
        CERT "responder = http://ocsp_1.example",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        conf_free(conf_scene_read_text(rows[i]));
}

/* What is wrong, how the error begins, and what else it says. */
static const struct {
    const char *text;
    const char *start;
    const char *part;
} mistakes[] = {
    /* where a key may stand */
    {"[fetch]\n\nfoo = 1", "x.conf:3: unknown key `foo` in [fetch]; known keys: safety_margin, min_ttl, refresh_every, ",
        ", allow_loopback"},
    {"[fetch]\nTimeout = 1s", "x.conf:2: unknown key `Timeout` in [fetch]; did you mean `timeout`?  known keys: ", ""},
    {"[fetch]\nmin_tll = 1s", "x.conf:2: unknown key `min_tll`", "did you mean `min_ttl`?"},
    {"[fetch]\nproxy http://x:1\n", "x.conf:2: unknown key `proxy http`", ""},
    {"[fetch]\n= 1", "x.conf:2: unknown key ``", ""},
    {"[fetch]\ndbm = /x", "x.conf:2: unknown key `dbm` in [fetch]; it belongs in [apache]", ""},
    {"[fetch]\ncert = /x", "x.conf:2: unknown key `cert` in [fetch]; it belongs in [certificate \"NAME\"]", ""},
    {CERT "timeout = 1s", "x.conf:3: unknown key `timeout` in [certificate]; it belongs in [fetch]", ""},
    {CERT "certt = /x", "x.conf:3: unknown key `certt`", "did you mean `cert`?  known keys: safety_margin, "},
    {"# x\ntimeout = 1s\n[fetch]", "x.conf:2: `timeout` stands before the first section", ""},
    {"[fetch]\ntimeout = 1s\n[apache]\n[fetch]\ntimeout = 1s", "x.conf:5: `timeout` stands in [fetch] already, in line 2", ""},
    {CERT "cert = /x", "x.conf:3: `cert` stands twice in this certificate's section", ""},
    /* sections */
    {"[fetcher]", "x.conf:1: unknown section [fetcher]; known: [stapleguard], [apache], [fetch], [certificate \"NAME\"]", ""},
    {"[ fetch]", "x.conf:1: unknown section [ fetch]", ""},
    {"[]", "x.conf:1: unknown section []", ""},
    {"\n[fetch", "x.conf:2: the section's name has no ]", ""},
    {"[fetch] timeout = 1s", "x.conf:1: text follows the section's ]", ""},
    {"[certificate]", "x.conf:1: a certificate's section is written [certificate \"NAME\"]", ""},
    {"[certificate shop]", "x.conf:1: a certificate's section is written", ""},
    {"[certificate \"shop]", "x.conf:1: a certificate's section is written", ""},
    {"[certificate \"shop\" ]", "x.conf:1: a certificate's section is written", ""},
    {"[certificate \"sh\"op\"]", "x.conf:1: a certificate's section is written", ""},
    {"[certificate \"shop\"] x", "x.conf:1: text follows the section's ]", ""},
    {"[certificate \"\"]", "x.conf:1: a certificate's name must have 1 to 255 bytes", ""},
    {"[certificate \" shop\"]", "x.conf:1: a certificate's name must not begin or end with a blank", ""},
    {"[certificate \"shop \"]", "x.conf:1: a certificate's name must not begin or end with a blank", ""},
    {"[certificate \"sh\top\"]", "x.conf:1: a certificate's name must not", "tab"},
    {"[fetch]\n[certificate \"shop\"]\nchain = /x\n[apache]", "x.conf:2: certificate \"shop\" has no `cert`", "cert = FILE"},
    {CERT "[certificate \"b\"]\ncert=/b\n" CERT CERT,
        "x.conf:5: certificate \"shop\" has a section already, in line 1; give this one another name", ""},
    /* lines */
    {"[fetch]\nhello\n", "x.conf:2: this is no section, no `key = value` and no comment", ""},
    {"[fetch]\ntimeout = 1s\n  2s\n", "x.conf:3: this is no section", ""},
    {"[fetch]\nhello\nfoo = 1\n", "x.conf:2: this is no section", ""},
    {"[fetch]\nfoo = 1\nhello\n", "x.conf:2: unknown key", ""},
    {"[fetch]\nproxy = \x1b[1m", "x.conf:2: there is a control character", ""},
    {"# caf\xe9", "x.conf:1: there is a control character, or a byte that is not UTF-8", ""},
    {"# \xe2\x80\xae", "x.conf:1: there is a control character", ""},
    {CERT "chain = /a\tb", "x.conf:3: `chain` has a tab in its value", ""},
    /* values */
    {"[stapleguard]\nrequire_sandbox = maybe", "x.conf:2: `require_sandbox` must be yes or no, not `maybe`", ""},
    {"[stapleguard]\naudit_seal_interval = 59s", "x.conf:2: `audit_seal_interval` must be from 1m to 1d", ""},
    {"[stapleguard]\naudit_seal_interval = 25h", "x.conf:2: `audit_seal_interval` must be from 1m to 1d", ""},
    {"[stapleguard]\nrequire_sandbox =", "x.conf:2: `require_sandbox` must be yes or no, not ``", ""},
    {"[apache]\nscan_guard = YES", "x.conf:2: `scan_guard` must be yes or no", ""},
    {"[apache]\nshield = on", "x.conf:2: `shield` must be auto or off", ""},
    {"[apache]\ndiscover = yes", "x.conf:2: `discover` must be apache or none", ""},
    {"[apache]\ndbm = run/x", "x.conf:2: `dbm` must be an absolute path", ""},
    {"[apache]\ndbm = \"/run/x\"", "x.conf:2: `dbm` must be an absolute path, without quotes", ""},
    {"[apache]\ndbm =", "x.conf:2: `dbm` must be an absolute path", ""},
    {"[apache]\ndbm = /run/x # here", "x.conf:2: `dbm` must be a path; behind a value only ; begins a comment", ""},
    {CERT "chain = chain.pem", "x.conf:3: `chain` must be an absolute path", ""},
    {"[apache]\ncommit_delay = 61m", "x.conf:2: `commit_delay` must be from 0s to 1h, not `61m`", ""},
    {"[fetch]\ntimeout = 0", "x.conf:2: `timeout` must be from 1s to 5m, not `0`", ""},
    {"[fetch]\ntimeout = 301s", "x.conf:2: `timeout` must be from 1s to 5m", ""},
    {"[fetch]\ntimeout = 10", "x.conf:2: `timeout` must be a duration: digits and one of s, m, h, d, as in 90s", ""},
    {"[fetch]\ntimeout = -1s", "x.conf:2: `timeout` must be a duration", ""},
    {"[fetch]\nsafety_margin = 31d", "x.conf:2: `safety_margin` must be from 0s to 30d", ""},
    {"[fetch]\nmin_ttl = 721h", "x.conf:2: `min_ttl` must be from 0s to 30d", ""},
    {"[fetch]\nrefresh_every = 59s", "x.conf:2: `refresh_every` must be from 1m to 30d", ""},
    {CERT "refresh_every = 59s", "x.conf:3: `refresh_every` must be from 1m to 30d", ""},
    {"[fetch]\nunknown_grace = 31d", "x.conf:2: `unknown_grace` must be from 0s to 30d", ""},
    {"[fetch]\nconcurrency = 0", "x.conf:2: `concurrency` must be a whole number from 1 to 1024, not `0`", ""},
    {"[fetch]\nconcurrency = 1025", "x.conf:2: `concurrency` must be a whole number", ""},
    {"[fetch]\nconcurrency = 1k", "x.conf:2: `concurrency` must be a whole number", ""},
    {"[fetch]\nconcurrency = 4294967297", "x.conf:2: `concurrency` must be", ""},
    {"[fetch]\nconcurrency = 18446744073709551617", "x.conf:2: `concurrency` must be", ""},
    {"[fetch]\nconcurrency = 00000000000000000000000000000000008", "x.conf:2: `concurrency` must be", ""},
    {"[fetch]\nper_responder = x", "x.conf:2: `per_responder` must be a whole number from 1 to 1024", ""},
    {"[fetch]\nmax_body = 10238", "x.conf:2: `max_body` must be a number of bytes from 10239 to 10485760", "64k"},
    {"[fetch]\nmax_body = 11m", "x.conf:2: `max_body` must be", ""},
    {"[fetch]\nmax_body = k", "x.conf:2: `max_body` must be", ""},
    {"[fetch]\nmax_body =", "x.conf:2: `max_body` must be", ""},
    {"[fetch]\nproxy = proxy:3128", "x.conf:2: `proxy` must be http://HOST:PORT, or empty", ""},
    {"[fetch]\nproxy = https://proxy:3128", "x.conf:2: `proxy` must be", ""},
    {"[fetch]\nproxy = http://proxy", "x.conf:2: `proxy` must be", ""},
    {"[fetch]\nproxy = http://proxy:0", "x.conf:2: `proxy` must be", ""},
    {"[fetch]\nproxy = http://proxy:65536", "x.conf:2: `proxy` must be", ""},
    {"[fetch]\nproxy = http://proxy:3128/", "x.conf:2: `proxy` must be", ""},
    {"[fetch]\nproxy = http://me:secret@proxy:3128", "x.conf:2: `proxy` must be", ""},
    {"[fetch]\nproxy = http://:3128", "x.conf:2: `proxy` must be", ""},
    {CERT "responder = ldap://x/", "x.conf:3: `responder` must be a URL", "http or https"},
    {CERT "responder = ocsp.example", "x.conf:3: `responder` must be a URL", ""},
    {CERT "responder = http://", "x.conf:3: `responder` must be a URL", ""},
    {CERT "responder = http:///x", "x.conf:3: `responder` must be a URL", ""},
    {CERT "responder = http://a b/", "x.conf:3: `responder` must be a URL", ""},
    {CERT "responder = http://\xc3\xbc/", "x.conf:3: `responder` must be a URL", ""},
    {CERT "responder = http://x/#y", "x.conf:3: `responder` must be a URL", ""},
    {CERT "responder = http://me@x/", "x.conf:3: `responder` must be a URL", ""},
    {CERT "responder = http://x:/", "x.conf:3: `responder` must be a URL", ""},
    {CERT "responder = http://[]/", "x.conf:3: `responder` must be a URL", ""},
    {CERT "responder = http://[::1/", "x.conf:3: `responder` must be a URL", ""},
    {CERT "responder = http://[::1]x/", "x.conf:3: `responder` must be a URL", ""},
    /* users */
    {"[apache]\nuser =", "x.conf:2: `user` must be a user's name", ""},
    {"[apache]\nuser = a b", "x.conf:2: `user` must be a user's name", ""},
    {"[apache]\nuser = -x", "x.conf:2: `user` must be a user's name", ""},
    {"[apache]\nuser = 33x", "x.conf:2: `user` must be a user's name or a numeric uid", ""},
    {"[apache]\nuser = 4294967295", "x.conf:2: `user` must be a user's name or a numeric uid", ""},
    {"[apache]\nuser = a23456789012345678901234567890123", "x.conf:2: `user` must be a user's name", ""},
    {"[stapleguard]\nfetch_user = root", "x.conf:2: fetch_user must not be root", ""},
    {"[stapleguard]\n\nwrite_user = 00", "x.conf:3: write_user must not be root", ""},
    {"[stapleguard]\nfetch_user = a\nwrite_user = a", "x.conf:3: fetch_user and write_user must differ", ""},
    {"[stapleguard]\nwrite_user = 7\nfetch_user = 007", "x.conf:3: fetch_user and write_user must differ", ""},
    {"[stapleguard]\nwrite_user = stapleguard-fetch", "x.conf:2: fetch_user and write_user must differ", ""},
    {"[stapleguard]\nfetch_user = www-data", "x.conf:2: fetch_user must not be Apache's user", ""},
    {"[apache]\nuser = stapleguard-write", "x.conf:2: write_user must not be Apache's user", ""},
};

static void names_file_line_and_remedy(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++)
        expect_error(mistakes[i].text, mistakes[i].start, mistakes[i].part);
}

/* `[section]`, then `key`, then as many x as fill the line to len bytes. */
static char *long_line(const char *before, const char *key, size_t len, const char *after)
{
    size_t start = strlen(before);
    char *text = calloc(1, start + len + strlen(after) + 1);

    assert_non_null(text);
    strcpy(text, before);
    memset(text + start, 'x', len);
    memcpy(text + start, key, strlen(key));
    strcat(text, after);
    return text;
}

static void takes_long_values_and_never_cuts(void **state)
{
    char *path = long_line("", "/", FILE_PATH_MAX, "");
    char *path_line = long_line(CERT, "chain = /", strlen("chain = ") + FILE_PATH_MAX, "\n");
    char *long_path = long_line(CERT, "chain = /", strlen("chain = ") + FILE_PATH_MAX + 1, "\n");
    char *url_line = long_line(CERT, "responder = http://x/", strlen("responder = ") + URL_MAX, "");
    char *long_url = long_line(CERT, "responder = http://x/", strlen("responder = ") + URL_MAX + 1, "");
    char *long_comment = long_line("[fetch]\n", "# ", 100000, "\n");
    char *long_word = long_line("[fetch]\n", "", 5000, " = 1\n");
    char *long_section = long_line("\n[", "", 5000, "]\n");
    char *name_line = long_line("[certificate \"", "", CERT_NAME_MAX, "\"]\ncert = /x\n");
    char *long_name = long_line("[certificate \"", "", CERT_NAME_MAX + 1, "\"]\ncert = /x\n");
    struct conf *conf = conf_scene_read_text(path_line);

    (void)state;
    assert_string_equal(conf->certs[0].chain, path);
    conf_free(conf);
    conf = conf_scene_read_text(url_line);
    assert_int_equal(strlen(conf->certs[0].responder), URL_MAX);
    conf_free(conf);
    conf = conf_scene_read_text(name_line);
    assert_int_equal(strlen(conf->certs[0].name), CERT_NAME_MAX);
    conf_free(conf);
    expect_error(long_path, "x.conf:3: `chain` must be a path of at most 4095 bytes, not `/xxx", "");
    expect_error(long_url, "x.conf:3: `responder` must be a URL of at most 1024 bytes", "");
    expect_error(long_comment, "x.conf:2: the line is longer than 8191 bytes", "");
    expect_error(long_word, "x.conf:2: unknown key `xxxx", "xxx` in [fetch]; known keys: ");
    expect_error(long_section, "x.conf:2: unknown section [xxx", "xxx]; known: ");
    expect_error(long_name, "x.conf:1: a certificate's name must have 1 to 255 bytes", "");
    free(path);
    free(path_line);
    free(long_path);
    free(url_line);
    free(long_url);
    free(long_comment);
    free(long_word);
    free(long_section);
    free(name_line);
    free(long_name);
}

/* Names that agree in their first 49 bytes, which is all inih keeps, are different names. */
static void tells_long_names_apart(void **state)
{
    struct conf *conf = conf_scene_read_text(
        "[certificate \"/etc/letsencrypt/live/a.very.long.name.example/one\"]\ncert = /1\n"
        "[certificate \"/etc/letsencrypt/live/a.very.long.name.example/two\"]\ncert = /2\n");

    (void)state;
    assert_int_equal(conf->cert_count, 2);
    assert_string_equal(conf->certs[0].cert, "/1");
    assert_string_equal(conf->certs[1].cert, "/2");
    conf_free(conf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_defaults_of_the_contract),
        cmocka_unit_test(reads_every_key),
        cmocka_unit_test(a_certificate_follows_fetch_wherever_that_stands),
        cmocka_unit_test(tolerates_what_files_look_like),
        cmocka_unit_test(takes_values_up_to_their_bounds),
        cmocka_unit_test(names_file_line_and_remedy),
        cmocka_unit_test(takes_long_values_and_never_cuts),
        cmocka_unit_test(tells_long_names_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
