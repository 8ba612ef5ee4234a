/* SPDX-License-Identifier: ISC */
/*
 * Owns: `stapleguard check`: a monitoring plugin: one line, performance data, exit code 0, 1, 2 or 3.
 * Runs in: command line.
 * Never: is quieter than the trouble deserves: the worst finding decides.
 *
 * Source: Monitoring Plugins Development Guidelines (exit codes, `| label=value[UOM];warn;crit`).
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/client.h"
#include "base/command.h"
#include "base/handshake.h"
#include "base/output.h"
#include "base/status_view.h"
#include "cert/cert_load.h"
#include "ocsp/ocsp_verify.h"
#include "system/log.h"
#include "text/duration.h"
#include "text/hex.h"

#define WARNING_DEFAULT_SEC (24 * 3600)
#define CRITICAL_DEFAULT_SEC (6 * 3600)
/* A timer that runs every ten minutes has missed several turns. */
#define SAVED_MAX_SEC 7200
#define CONNECT_TIMEOUT_SEC 10
#define FINDINGS_SHOWN 3

enum { OPTION_CONNECT = OPTION_OWN, OPTION_SERVERNAME, OPTION_WARNING, OPTION_CRITICAL };

enum level {
    LEVEL_OK,
    LEVEL_WARNING,
    LEVEL_CRITICAL,
    LEVEL_UNKNOWN,
};

struct check {
    const char *config_path;
    const char *target; /* --connect; or NULL */
    const char *server_name;
    int64_t warning_sec;
    int64_t critical_sec;
    enum level level;
    char text[1024]; /* the first findings */
    unsigned findings;
    size_t certs, good, missing;
    int64_t shortest_sec;    /* -1: no staple at all */
    struct status_view view; /* as far as there is one */
};

static void find(struct check *check, enum level level, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The worst come first: a worse finding drops the milder ones from the line. */
static void find(struct check *check, enum level level, const char *format, ...)
{
    size_t len;
    va_list arguments;

    if (level > check->level) {
        check->level = level;
        check->text[0] = '\0';
        check->findings = 0;
    } else if (level < check->level) {
        return;
    }
    if (check->findings++ >= FINDINGS_SHOWN)
        return;
    len = strlen(check->text);
    len += (size_t)snprintf(check->text + len, sizeof check->text - len, "%s", len > 0 ? "; " : "");
    if (len >= sizeof check->text)
        return;
    va_start(arguments, format);
    vsnprintf(check->text + len, sizeof check->text - len, format, arguments);
    va_end(arguments);
}

/*
 * A must-staple certificate without a staple is down for its visitors.  A staple that is about to end counts only when
 * getting a newer one fails: short-lived ones are short all the time.
 */
static void check_cert(struct check *check, const struct cert_view *cert, int64_t now)
{
    int64_t left_sec = cert->served_until > now ? cert->served_until - now : 0;
    char left[32];

    if (cert_view_is_missing(cert) || (strcmp(cert->state, "good") == 0 && left_sec == 0)) {
        check->missing++;
        find(check, cert->is_must_staple ? LEVEL_CRITICAL : LEVEL_WARNING, "%.100s%s has no staple (%s%s%s)", cert->name,
            cert->is_must_staple ? " (must-staple)" : "", cert->state, cert->error_reason[0] != '\0' ? ", " : "",
            cert->error_reason);
        return;
    }
    if (strcmp(cert->state, "good") != 0)
        return;
    check->good++;
    if (check->shortest_sec < 0 || left_sec < check->shortest_sec)
        check->shortest_sec = left_sec;
    if (cert->failures == 0 || left_sec >= check->warning_sec)
        return;
    duration_format(left_sec, left, sizeof left);
    find(check, left_sec < check->critical_sec && cert->is_must_staple ? LEVEL_CRITICAL : LEVEL_WARNING,
        "the staple of %.100s ends in %s and no newer one can be had (%s)", cert->name, left, cert->error_reason);
}

static void check_service(struct check *check, const struct status_view *view, bool is_saved, int64_t now)
{
    char age[32];

    duration_format(now - view->at, age, sizeof age);
    if (is_saved && view->service_pid != 0)
        find(check, LEVEL_WARNING, "stapleguardd is not running (its status is from %s ago)", age);
    else if (is_saved && now - view->at > SAVED_MAX_SEC)
        find(check, LEVEL_WARNING, "the last pass was %s ago; does the timer run?", age);
    if (!is_saved && view->apache_pid == 0)
        find(check, LEVEL_WARNING, "Apache is not running");
    if (view->file_error[0] != '\0')
        find(check, LEVEL_CRITICAL, "Apache's cache cannot be written (%s)", view->file_error);
    if (view->discovery_error[0] != '\0')
        find(check, LEVEL_WARNING, "Apache does not tell its certificates");
    if (view->reload_error[0] != '\0')
        find(check, LEVEL_WARNING, "the configuration was not reloaded");
}

static void check_status(struct check *check, bool is_optional)
{
    char error[DETAIL_MAX + 1];
    char conf_error[1024];
    struct conf *conf = conf_read(check->config_path, conf_error, sizeof conf_error);
    struct status_view *view = &check->view;
    int64_t now = (int64_t)time(NULL);
    bool is_saved = false;
    char *text;

    if (conf == NULL) {
        if (!is_optional)
            find(check, LEVEL_UNKNOWN, "%.300s", conf_error);
        return;
    }
    text = client_status(conf, &is_saved, error, sizeof error);
    conf_free(conf);
    if (text == NULL) {
        if (!is_optional)
            find(check, LEVEL_UNKNOWN, "%s", error);
        return;
    }
    if (status_view_parse(text, view)) {
        check_service(check, view, is_saved, now);
        for (size_t i = 0; i < view->cert_count; i++)
            check_cert(check, &view->certs[i], now);
        check->certs = view->cert_count;
    } else {
        find(check, LEVEL_UNKNOWN, "the status cannot be understood");
        status_view_clear(view);
    }
    free(text);
}

/* What the server serves, beside what stapleguard holds for the same certificate. */
static void compare(struct check *check, const struct cert *cert, bool has_staple, int64_t this_update)
{
    char sha256[2 * sizeof cert->sha256 + 1];
    const struct cert_view *held;

    hex_format(cert->sha256, sizeof cert->sha256, sha256);
    held = status_view_find(&check->view, sha256);
    if (held == NULL || strcmp(held->state, "good") != 0)
        return;
    if (!has_staple)
        find(check, cert->is_must_staple ? LEVEL_CRITICAL : LEVEL_WARNING,
            "stapleguard has put one into the cache: does SSLStaplingCache of %s name that file?", check->target);
    else if (this_update < held->this_update)
        find(check, LEVEL_WARNING, "%s serves an older staple than stapleguard holds", check->target);
}

/* What a client was served, judged as a strict client does, with what the server itself sent. */
static void judge_staple(struct check *check, const struct handshake *handshake, const struct cert *cert, int64_t now)
{
    static const struct ocsp_policy policy = {0};
    struct ocsp_verdict verdict;
    enum level missing_level = cert->is_must_staple ? LEVEL_CRITICAL : LEVEL_WARNING;

    if (handshake->staple == NULL) {
        find(check, missing_level, "%s serves no staple%s", check->target, cert->is_must_staple ? " (must-staple)" : "");
        compare(check, cert, false, 0);
        return;
    }
    ocsp_verify(handshake->staple, handshake->staple_len, cert, &policy, now, &verdict);
    if (verdict.status == OCSP_STATUS_GOOD) {
        int64_t left_sec = verdict.effective_end - now;

        if (check->shortest_sec < 0 || left_sec < check->shortest_sec)
            check->shortest_sec = left_sec;
        compare(check, cert, true, verdict.this_update);
    } else if (verdict.status == OCSP_STATUS_NONE) {
        find(check, missing_level, "%s serves a staple that clients refuse (%s: %.200s)", check->target,
            reason_word(verdict.reason), verdict.detail);
    } else {
        find(check, LEVEL_CRITICAL, "%s serves a staple that says %s", check->target, ocsp_status_word(verdict.status));
    }
}

static void check_handshake(struct check *check)
{
    struct issuer_table *issuers = issuer_table_new();
    struct handshake handshake;
    struct cert cert = {0};
    char detail[DETAIL_MAX + 1] = "";
    int64_t now = (int64_t)time(NULL);
    enum reason reason;

    if (handshake_make(check->target, check->server_name, NULL, CONNECT_TIMEOUT_SEC, &handshake) != 0) {
        find(check, LEVEL_CRITICAL, "%s: %.300s", check->target, handshake.error);
    } else {
        enum cert_state state
            = cert_load_text(handshake.chain_pem, handshake.chain_len, 1, "", now, issuers, &cert, &reason, detail);

        if (state == CERT_STATE_UNUSABLE)
            find(check, LEVEL_CRITICAL, "%s: its certificate: %s: %.200s", check->target, reason_word(reason), detail);
        else
            judge_staple(check, &handshake, &cert, now);
    }
    handshake_clear(&handshake);
    cert_clear(&cert);
    issuer_table_free(issuers);
}

static int print(const struct check *check)
{
    static const char *const words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

    printf("STAPLEGUARD %s - ", words[check->level]);
    if (check->level == LEVEL_OK && check->target != NULL)
        printf("%s serves a good staple", check->target);
    else if (check->level == LEVEL_OK)
        printf("%zu certificate%s, %zu with a fresh staple", check->certs, check->certs == 1 ? "" : "s", check->good);
    else
        printf("%s", check->text);
    if (check->findings > FINDINGS_SHOWN)
        printf("; and %u more", check->findings - FINDINGS_SHOWN);
    printf(" | certificates=%zu;;;0 good=%zu;;;0 missing=%zu;;;0", check->certs, check->good, check->missing);
    if (check->shortest_sec >= 0)
        printf(" shortest=%" PRId64 "s;%" PRId64 ";%" PRId64 ";0", check->shortest_sec, check->warning_sec, check->critical_sec);
    putchar('\n');
    return output_end((int)check->level);
}

static int run(const struct command *command, int argc, char **argv)
{
    struct check check = {.config_path = CONF_DEFAULT_PATH,
        .warning_sec = WARNING_DEFAULT_SEC,
        .critical_sec = CRITICAL_DEFAULT_SEC,
        .shortest_sec = -1};
    int option, code;

    while ((option = command_option(command, argc, argv, &check.config_path, &code)) != OPTION_END) {
        bool is_well = true;

        if (option == OPTION_CONNECT)
            check.target = optarg;
        else if (option == OPTION_SERVERNAME)
            check.server_name = optarg;
        else
            is_well = duration_parse(optarg, option == OPTION_WARNING ? &check.warning_sec : &check.critical_sec);
        if (!is_well) {
            log_error("`%s` is not a duration; write 90s, 10m, 30h or 7d", optarg);
            return command_usage_error(command);
        }
    }
    if (code >= 0)
        return code;
    if (optind < argc || (check.server_name != NULL && check.target == NULL))
        return command_usage_error(command);
    check_status(&check, check.target != NULL);
    if (check.target != NULL)
        check_handshake(&check);
    code = print(&check);
    status_view_clear(&check.view);
    return code;
}

const struct command command_check = {
    .name = "check",
    .help = {
        .usage = "[--connect HOST:PORT [--servername NAME]] [-w DURATION] [--critical DURATION] [-c FILE]",
        .summary = "Check that all staples are present and fresh (a monitoring plugin)",
        .note = "A must-staple certificate without a staple is critical; any other is a warning.",
        .options = (const struct help_option[]){
            {OPTION_CONNECT, 0, "connect", "HOST:PORT",
                "also make a handshake with a status request and verify the staple that is served; works without stapleguardd"},
            {OPTION_SERVERNAME, 0, "servername", "NAME", "the server name to request there (SNI)"},
            {OPTION_WARNING, 'w', "warning", "D",
                "warn about a staple that expires within D while renewing it fails (24h)"},
            {OPTION_CRITICAL, 0, "critical", "D", "report it as critical for a must-staple certificate (6h)"},
            HELP_OPTION_CONFIG,
            {0},
        },
        .exits = (const struct help_exit[]){
            {NULL, "0", "OK"},
            {NULL, "1", "WARNING"},
            {NULL, "2", "CRITICAL"},
            {NULL, "3", "UNKNOWN"},
            {0},
        },
    },
    .run = run,
};
