/* SPDX-License-Identifier: ISC */
#include "conf/conf_keys.h"

#include <stdio.h>
#include <string.h>

#include "bounds.h"
#include "conf/conf_settings.h"

/* clang-format off */
#define MINUTE 60
#define HOUR 3600
#define DAY 86400

#define IN_CONF(field) CONF_PLACE_CONF, offsetof(struct conf, field)
#define IN_CERT(field) CONF_PLACE_CERT, offsetof(struct conf_cert, field)
#define IN_POLICY(field) CONF_PLACE_POLICY, offsetof(struct conf_cert_policy, field)
#define CHOICE(yes, no) {.type = CONF_CHOICE, .word_true = (yes), .word_false = (no)}
#define YES_OR_NO CHOICE("yes", "no")
#define BETWEEN(value_type, low, high) {.type = (value_type), .min = (low), .max = (high)}
#define OF(value_type) {.type = (value_type)}

/*
 * Bounds: a response lives for days, seldom longer than a month, so a margin or an interval above one means a typing error.
 * timeout: a hung responder occupies a place of per_responder for so long.  max_body: a response of STAPLE_DER_MAX must
 * fit; ten megabytes are no response.  audit_seal_interval: whoever breaks in can alter what is younger than that; below a minute
 * the key's file would be written more often than the log.
 */
const struct conf_key_row conf_key_rows[] = {
    {"stapleguard", "state_dir", "/var/lib/stapleguard", IN_CONF(state_dir), OF(CONF_PATH)},
    {"stapleguard", "run_dir", "/run/stapleguard", IN_CONF(run_dir), OF(CONF_PATH)},
    {"stapleguard", "audit_log", "/var/log/stapleguard/audit.jsonl", IN_CONF(audit_log), OF(CONF_PATH)},
    {"stapleguard", "audit_seal", "no", IN_CONF(is_audit_sealed), YES_OR_NO},
    {"stapleguard", "audit_seal_interval", "15m", IN_CONF(audit_seal_interval_sec), BETWEEN(CONF_DURATION, MINUTE, DAY)},
    {"stapleguard", "journal", "yes", IN_CONF(is_journal_on), YES_OR_NO},
    {"stapleguard", "fetch_user", "stapleguard-fetch", IN_CONF(fetch_user), OF(CONF_USER)},
    {"stapleguard", "write_user", "stapleguard-write", IN_CONF(write_user), OF(CONF_USER)},
    {"stapleguard", "metrics_file", "", IN_CONF(metrics_file), OF(CONF_OPTIONAL_PATH)},
    {"stapleguard", "require_sandbox", "yes", IN_CONF(is_sandbox_required), YES_OR_NO},

    {"apache", "dbm", "/run/stapleguard/apache/ocsp_cache.db", IN_CONF(dbm), OF(CONF_PATH)},
    {"apache", "pid_file", "/run/apache2/apache2.pid", IN_CONF(pid_file), OF(CONF_PATH)},
    {"apache", "control", "/usr/sbin/apache2ctl", IN_CONF(control), OF(CONF_PATH)},
    {"apache", "program", "", IN_CONF(program), OF(CONF_OPTIONAL_PATH)},
    {"apache", "lock_dir", "/run/stapleguard/lock", IN_CONF(lock_dir), OF(CONF_PATH)},
    {"apache", "user", "www-data", IN_CONF(apache_user), OF(CONF_USER)},
    {"apache", "discover", "apache", IN_CONF(is_discovery_on), CHOICE("apache", "none")},
    {"apache", "scan_guard", "yes", IN_CONF(is_scan_guard_on), YES_OR_NO},
    {"apache", "commit_delay", "60s", IN_CONF(commit_delay_sec), BETWEEN(CONF_DURATION, 0, HOUR)},
    {"apache", "shield", "auto", IN_CONF(is_shield_auto), CHOICE("auto", "off")},

    {"fetch", "safety_margin", "30h", IN_POLICY(safety_margin_sec), BETWEEN(CONF_DURATION, 0, 30 * DAY)},
    {"fetch", "min_ttl", "1h", IN_POLICY(min_ttl_sec), BETWEEN(CONF_DURATION, 0, 30 * DAY)},
    {"fetch", "refresh_every", "24h", IN_POLICY(refresh_every_sec), BETWEEN(CONF_DURATION, MINUTE, 30 * DAY)},
    {"fetch", "unknown_grace", "24h", IN_POLICY(unknown_grace_sec), BETWEEN(CONF_DURATION, 0, 30 * DAY)},
    {"fetch", "allow_sha1_signatures", "no", IN_POLICY(is_sha1_allowed), YES_OR_NO},
    {"fetch", "timeout", "10s", IN_CONF(timeout_sec), BETWEEN(CONF_DURATION, 1, 5 * MINUTE)},
    {"fetch", "concurrency", "64", IN_CONF(concurrency), BETWEEN(CONF_COUNT, 1, 1024)},
    {"fetch", "per_responder", "8", IN_CONF(per_responder), BETWEEN(CONF_COUNT, 1, 1024)},
    {"fetch", "max_body", "64k", IN_CONF(max_body), BETWEEN(CONF_SIZE, STAPLE_DER_MAX, 10 * 1024 * 1024)},
    {"fetch", "proxy", "", IN_CONF(proxy), OF(CONF_PROXY)},
    {"fetch", "ca_file", "/etc/ssl/certs/ca-certificates.crt", IN_CONF(ca_file), OF(CONF_PATH)},
    {"fetch", "allow_private", "yes", IN_CONF(is_private_allowed), YES_OR_NO},
    {"fetch", "allow_loopback", "no", IN_CONF(is_loopback_allowed), YES_OR_NO},

    {CONF_SECTION_CERT, "cert", NULL, IN_CERT(cert), OF(CONF_PATH)},
    {CONF_SECTION_CERT, "chain", "", IN_CERT(chain), OF(CONF_OPTIONAL_PATH)},
    {CONF_SECTION_CERT, "responder", "", IN_CERT(responder), OF(CONF_RESPONDER)},
};
/* clang-format on */

const size_t conf_key_count = sizeof conf_key_rows / sizeof conf_key_rows[0];

_Static_assert(sizeof conf_key_rows / sizeof conf_key_rows[0] <= CONF_KEYS_MAX, "more keys than a section has bits");

/* A key's name, for a suggestion: longer input is not compared. */
#define NAME_MAX_COMPARED 31u
/* How many changes a typing error is. */
#define DISTANCE_MAX 3u

static bool is_of(const struct conf_key_row *row, const char *section)
{
    return strcmp(row->section, section) == 0 || (row->place == CONF_PLACE_POLICY && strcmp(section, CONF_SECTION_CERT) == 0);
}

const struct conf_key_row *conf_key_find(const char *section, const char *name)
{
    for (size_t i = 0; i < conf_key_count; i++)
        if (strcmp(conf_key_rows[i].name, name) == 0 && is_of(&conf_key_rows[i], section))
            return &conf_key_rows[i];
    return NULL;
}

static size_t min_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters must be put in, left out or replaced to make b of a (Levenshtein's distance), row by row. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_COMPARED + 1];
    size_t b_len = strlen(b);

    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);

            diagonal = row[j];
            row[j] = min_of(replaced, min_of(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_len];
}

static const char *nearest_key(const char *section, const char *name)
{
    const char *nearest = NULL;
    size_t best = DISTANCE_MAX + 1;

    if (strlen(name) > NAME_MAX_COMPARED)
        return NULL;
    for (size_t i = 0; i < conf_key_count; i++)
        if (is_of(&conf_key_rows[i], section) && distance(conf_key_rows[i].name, name) < best) {
            best = distance(conf_key_rows[i].name, name);
            nearest = conf_key_rows[i].name;
        }
    return nearest;
}

/* The section of a key that stands in a wrong one, or NULL. */
static const char *section_of(const char *name)
{
    for (size_t i = 0; i < conf_key_count; i++)
        if (strcmp(conf_key_rows[i].name, name) == 0)
            return conf_key_rows[i].section;
    return NULL;
}

void conf_key_suggest(const char *section, const char *name, char *out, size_t cap)
{
    const char *right_section = section_of(name);
    const char *nearest = nearest_key(section, name);
    const char *separator = "";
    size_t len = 0;

    if (right_section != NULL) {
        snprintf(
            out, cap, "; it belongs in [%s%s]", right_section, strcmp(right_section, CONF_SECTION_CERT) == 0 ? " \"NAME\"" : "");
        return;
    }
    if (nearest != NULL)
        snprintf(out, cap, "; did you mean `%s`?  known keys: ", nearest);
    else
        snprintf(out, cap, "; known keys: ");
    for (size_t i = 0; i < conf_key_count; i++)
        if (is_of(&conf_key_rows[i], section)) {
            len = strlen(out);
            snprintf(out + len, cap - len, "%s%s", separator, conf_key_rows[i].name);
            separator = ", ";
        }
}
