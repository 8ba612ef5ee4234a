/* SPDX-License-Identifier: ISC */
/*
 * Owns: `stapleguard status`: how each certificate stands, trouble first.
 * Runs in: command line.
 * Never: asks anybody but the daemon, or what it saved.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/client.h"
#include "base/command.h"
#include "base/output.h"
#include "base/status_view.h"
#include "system/log.h"
#include "text/duration.h"

#define NAME_WIDTH_MAX 48

enum { OPTION_JSON = OPTION_OWN };

enum status_exit {
    STATUS_EXIT_FINE = 0,
    STATUS_EXIT_MISSING = 1, /* a certificate has no staple */
    STATUS_EXIT_DOWN = 2,    /* the daemon does not run; what is shown is what it saved */
};

/* "in 4d 18h", "3m ago", "-". */
static void format_when(int64_t when, int64_t now, char *out, size_t cap)
{
    char distance[32];

    if (when == 0) {
        snprintf(out, cap, "-");
        return;
    }
    duration_format(when > now ? when - now : now - when, distance, sizeof distance);
    snprintf(out, cap, when > now ? "in %s" : "%s ago", distance);
}

static int rank(const struct cert_view *cert)
{
    if (cert_view_is_missing(cert))
        return cert->is_must_staple ? 0 : 1;
    if (cert->error_reason[0] != '\0' && strcmp(cert->state, "good") == 0)
        return 2;
    return strcmp(cert->state, "good") == 0 ? 3 : 4;
}

static int compare(const void *a, const void *b)
{
    const struct cert_view *left = a;
    const struct cert_view *right = b;

    return rank(left) != rank(right) ? rank(left) - rank(right) : strcmp(left->name, right->name);
}

static void print_cert(const struct cert_view *cert, int name_width, int64_t now)
{
    char until[40], next[40];

    format_when(cert->served_until, now, until, sizeof until);
    format_when(cert->next_refresh, now, next, sizeof next);
    output_padded(cert->name, name_width);
    printf("  %-8s  %-14s  %-14s  ", cert->state, until, next);
    if (cert->error_reason[0] != '\0')
        printf("%s%s: %s", cert->is_must_staple ? "(must-staple) " : "", cert->error_reason, cert->error_detail);
    else
        printf("%s", cert->is_must_staple ? "(must-staple)" : "");
    putchar('\n');
}

static void print_certs(struct status_view *view, int64_t now)
{
    int width = (int)strlen("certificate");

    qsort(view->certs, view->cert_count, sizeof *view->certs, compare);
    for (size_t i = 0; i < view->cert_count; i++)
        width = output_width(view->certs[i].name) > width ? output_width(view->certs[i].name) : width;
    width = width > NAME_WIDTH_MAX ? NAME_WIDTH_MAX : width;
    putchar('\n');
    output_padded("certificate", width);
    printf("  %-8s  %-14s  %-14s  %s\n", "state", "served until", "next refresh", "last error");
    for (size_t i = 0; i < view->cert_count; i++)
        print_cert(&view->certs[i], width, now);
}

static void print_service(const struct status_view *view, bool is_saved, int64_t now)
{
    char when[40], age[40];

    format_when(view->at, now, age, sizeof age);
    if (is_saved && view->service_pid == 0)
        printf("stapleguardd   runs from a timer; this is from %s\n", age);
    else if (is_saved)
        printf("stapleguardd   IS NOT RUNNING; this is from %s.  Start it: systemctl start stapleguard\n", age);
    else
        printf("stapleguardd   %s runs as process %" PRId64 "\n", view->service_version, view->service_pid);
    if (view->service_pid != 0 && view->apache_pid != 0)
        printf("apache         runs as process %" PRId64 ", %" PRId64 " restart%s seen", view->apache_pid, view->restarts_seen,
            view->restarts_seen == 1 ? "" : "s");
    else if (view->service_pid != 0)
        printf("apache         DOES NOT RUN (see pid_file), %" PRId64 " restart%s seen", view->restarts_seen,
            view->restarts_seen == 1 ? "" : "s");
    if (view->last_restart != 0) {
        format_when(view->last_restart, now, when, sizeof when);
        printf(", the last %s: its cache was ", when);
        if (view->last_away_usec < 0)
            printf("away until it was built anew");
        else if (view->last_away_usec == 0)
            printf("never away");
        else
            printf("away for %.1f ms", (double)view->last_away_usec / 1000);
    }
    if (view->service_pid != 0)
        putchar('\n');
    format_when(view->committed, now, when, sizeof when);
    printf("cache          %" PRId64 " entr%s (%" PRId64 " foreign), written %s; shield %s%s%s%s\n", view->entries,
        view->entries == 1 ? "y" : "ies", view->foreign, when, view->shield, view->shield_reason[0] != '\0' ? " (" : "",
        view->shield_reason, view->shield_reason[0] != '\0' ? ")" : "");
    if (view->file_error[0] != '\0')
        printf("cache          COULD NOT BE WRITTEN: %s: %s\n", view->file_error, view->file_detail);
    if (view->discovery_error[0] != '\0')
        printf("discovery      FAILED: %s\n", view->discovery_error);
    if (view->reload_error[0] != '\0')
        printf("configuration  NOT RELOADED: %s\n", view->reload_error);
}

static int show(const char *text, bool is_saved, bool is_json)
{
    struct status_view view;
    int64_t now = (int64_t)time(NULL);
    int code = is_saved ? STATUS_EXIT_DOWN : STATUS_EXIT_FINE;

    if (!status_view_parse(text, &view)) {
        status_view_clear(&view);
        log_error("the status cannot be understood; are stapleguard and stapleguardd of the same version?");
        return CLI_EXIT_ERROR;
    }
    if (is_saved && view.service_pid == 0)
        code = STATUS_EXIT_FINE;
    if (is_json) {
        fputs(text, stdout);
    } else {
        print_service(&view, is_saved, now);
        print_certs(&view, now);
    }
    for (size_t i = 0; i < view.cert_count && code == STATUS_EXIT_FINE; i++)
        if (cert_view_is_missing(&view.certs[i]))
            code = STATUS_EXIT_MISSING;
    status_view_clear(&view);
    return output_end(code);
}

static int run(const struct command *command, int argc, char **argv)
{
    const char *config_path = CONF_DEFAULT_PATH;
    char error[DETAIL_MAX + 1];
    bool is_json = false;
    bool is_saved;
    struct conf *conf;
    char *text;
    int code;

    while (command_option(command, argc, argv, &config_path, &code) == OPTION_JSON)
        is_json = true;
    if (code >= 0)
        return code;
    if (optind < argc)
        return command_usage_error(command);
    conf = client_conf(config_path);
    if (conf == NULL)
        return CLI_EXIT_ERROR;
    text = client_status(conf, &is_saved, error, sizeof error);
    conf_free(conf);
    if (text == NULL) {
        log_error("%s", error);
        return CLI_EXIT_ERROR;
    }
    code = show(text, is_saved, is_json);
    free(text);
    return code;
}

const struct command command_status = {
    .name = "status",
    .help = {
        .usage = "[--json] [-c FILE]",
        .summary = "Show the state of each certificate, those with problems first",
        .options = (const struct help_option[]){
            {OPTION_JSON, 0, "json", NULL, "print everything as JSON (docs/status.md describes it)"},
            HELP_OPTION_CONFIG,
            {0},
        },
        .exits = (const struct help_exit[]){
            {NULL, "0", "every certificate that needs a staple has one"},
            {NULL, "1", "a certificate that needs a staple has none"},
            {NULL, "2", "stapleguardd is not running; the last saved status is shown"},
            {NULL, "3", "usage error, or no status is available"},
            {0},
        },
    },
    .run = run,
};
