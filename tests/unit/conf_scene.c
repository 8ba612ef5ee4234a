/* SPDX-License-Identifier: ISC */
#include "conf_scene.h"

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
#include "text/text.h"

struct conf *conf_scene_read_bytes(const char *text, size_t len, char *error)
{
    FILE *stream = tmpfile();
    struct conf *conf;

    assert_non_null(stream);
    assert_int_equal(fwrite(text, 1, len, stream), len);
    rewind(stream);
    conf = conf_read_stream(stream, "x.conf", error, ERROR_CAP);
    fclose(stream);
    return conf;
}

struct conf *conf_scene_read_text(const char *text)
{
    char error[ERROR_CAP] = "";
    struct conf *conf = conf_scene_read_bytes(text, strlen(text), error);

    assert_string_equal(error, "");
    assert_non_null(conf);
    return conf;
}

void conf_scene_expect_error_of(const char *text, size_t len, const char *start, const char *part)
{
    char error[ERROR_CAP] = "";

    assert_null(conf_scene_read_bytes(text, len, error));
    if (strncmp(error, start, strlen(start)) != 0)
        assert_string_equal(error, start);
    if (strstr(error, part) == NULL)
        assert_string_equal(error, part);
    assert_true(text_is_clean(error, strlen(error)));
}

void conf_scene_assert_same_text(const char *a, const char *b)
{
    assert_string_equal(a == NULL ? "(none)" : a, b == NULL ? "(none)" : b);
}

void conf_scene_assert_same_policy(const struct conf_cert_policy *a, const struct conf_cert_policy *b)
{
    assert_int_equal(a->safety_margin_sec, b->safety_margin_sec);
    assert_int_equal(a->min_ttl_sec, b->min_ttl_sec);
    assert_int_equal(a->refresh_every_sec, b->refresh_every_sec);
    assert_int_equal(a->unknown_grace_sec, b->unknown_grace_sec);
    assert_int_equal(a->is_sha1_allowed, b->is_sha1_allowed);
}

void conf_scene_assert_same_but_certs(const struct conf *a, const struct conf *b)
{
    conf_scene_assert_same_text(a->state_dir, b->state_dir);
    conf_scene_assert_same_text(a->run_dir, b->run_dir);
    conf_scene_assert_same_text(a->audit_log, b->audit_log);
    conf_scene_assert_same_text(a->fetch_user, b->fetch_user);
    conf_scene_assert_same_text(a->write_user, b->write_user);
    assert_int_equal(a->is_sandbox_required, b->is_sandbox_required);
    assert_int_equal(a->is_audit_sealed, b->is_audit_sealed);
    assert_int_equal(a->audit_seal_interval_sec, b->audit_seal_interval_sec);
    assert_int_equal(a->is_journal_on, b->is_journal_on);
    conf_scene_assert_same_text(a->dbm, b->dbm);
    conf_scene_assert_same_text(a->pid_file, b->pid_file);
    conf_scene_assert_same_text(a->control, b->control);
    conf_scene_assert_same_text(a->program, b->program);
    conf_scene_assert_same_text(a->lock_dir, b->lock_dir);
    conf_scene_assert_same_text(a->apache_user, b->apache_user);
    assert_int_equal(a->is_discovery_on, b->is_discovery_on);
    assert_int_equal(a->is_scan_guard_on, b->is_scan_guard_on);
    assert_int_equal(a->is_shield_auto, b->is_shield_auto);
    assert_int_equal(a->commit_delay_sec, b->commit_delay_sec);
    conf_scene_assert_same_policy(&a->policy, &b->policy);
    assert_int_equal(a->timeout_sec, b->timeout_sec);
    assert_int_equal(a->concurrency, b->concurrency);
    assert_int_equal(a->per_responder, b->per_responder);
    assert_int_equal(a->max_body, b->max_body);
    conf_scene_assert_same_text(a->proxy, b->proxy);
    conf_scene_assert_same_text(a->ca_file, b->ca_file);
    assert_int_equal(a->is_private_allowed, b->is_private_allowed);
    assert_int_equal(a->is_loopback_allowed, b->is_loopback_allowed);
}

/* The contract's table of defaults, written out once more. */
const struct conf conf_scene_defaults = {
    .state_dir = TEXT("/var/lib/stapleguard"),
    .run_dir = TEXT("/run/stapleguard"),
    .audit_log = TEXT("/var/log/stapleguard/audit.jsonl"),
    .fetch_user = TEXT("stapleguard-fetch"),
    .write_user = TEXT("stapleguard-write"),
    .is_sandbox_required = true,
    .audit_seal_interval_sec = 900,
    .is_journal_on = true,
    .dbm = TEXT("/run/stapleguard/apache/ocsp_cache.db"),
    .pid_file = TEXT("/run/apache2/apache2.pid"),
    .control = TEXT("/usr/sbin/apache2ctl"),
    .lock_dir = TEXT("/run/stapleguard/lock"),
    .apache_user = TEXT("www-data"),
    .is_discovery_on = true,
    .is_scan_guard_on = true,
    .is_shield_auto = true,
    .commit_delay_sec = 60,
    .policy = {.safety_margin_sec = 108000, .min_ttl_sec = 3600, .refresh_every_sec = 86400, .unknown_grace_sec = 86400},
    .timeout_sec = 10,
    .concurrency = 64,
    .per_responder = 8,
    .max_body = 65536,
    .proxy = TEXT(""),
    .ca_file = TEXT("/etc/ssl/certs/ca-certificates.crt"),
    .is_private_allowed = true,
};
