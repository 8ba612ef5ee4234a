/* SPDX-License-Identifier: ISC */
#include "status/metrics_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "system/save_file.h"

/* A family: its type, unit (or NULL) and help come before its samples. */
static void family(FILE *out, const char *name, const char *type, const char *unit, const char *help)
{
    fprintf(out, "# TYPE %s %s\n", name, type);
    if (unit != NULL)
        fprintf(out, "# UNIT %s %s\n", name, unit);
    fprintf(out, "# HELP %s %s\n", name, help);
}

/* In a label's value backslash, quote and newline are escaped; clean text has no newline. */
static void put_label(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            putc('\\', out);
        putc(*text, out);
    }
}

static void cert_sample(FILE *out, const char *name, const struct listed_cert *cert, int64_t value)
{
    fprintf(out, "%s{certificate=\"", name);
    put_label(out, cert->name);
    fprintf(out, "\"} %" PRId64 "\n", value);
}

static void put_service(FILE *out, const struct facts *facts)
{
    family(out, "stapleguard_build", "info", NULL, "The version that runs.");
    fprintf(out, "stapleguard_build_info{version=\"%s\"} 1\n", STAPLEGUARD_VERSION);
    family(out, "stapleguard_up", "gauge", NULL, "Whether the service runs.");
    fputs("stapleguard_up 1\n", out);
    family(out, "stapleguard_start_time_seconds", "gauge", "seconds", "When the service started, since 1970.");
    fprintf(out, "stapleguard_start_time_seconds %" PRId64 "\n", facts->started_at);
    family(out, "stapleguard_process_starts", "counter", NULL, "How often a process was started; more than once is a crash.");
    fprintf(out, "stapleguard_process_starts_total{process=\"fetcher\"} %" PRIu32 "\n", facts->fetcher.starts);
    fprintf(out, "stapleguard_process_starts_total{process=\"writer\"} %" PRIu32 "\n", facts->writer.starts);
    family(out, "stapleguard_fetches", "counter", NULL, "Attempts to get a response that ended.");
    fprintf(out, "stapleguard_fetches_total %" PRIu64 "\n", facts->fetches);
    family(out, "stapleguard_fetch_failures", "counter", NULL, "Attempts that brought none that was accepted.");
    fprintf(out, "stapleguard_fetch_failures_total %" PRIu64 "\n", facts->fetch_failures);
    family(out, "stapleguard_reload_failed", "gauge", NULL, "Whether the last reload of the configuration failed.");
    fprintf(out, "stapleguard_reload_failed %d\n", facts->reload_error[0] != '\0');
    family(out, "stapleguard_discovery_failed", "gauge", NULL, "Whether Apache did not tell its certificates when last asked.");
    fprintf(out, "stapleguard_discovery_failed %d\n", facts->discovery_error[0] != '\0');
}

static void put_apache(FILE *out, const struct facts *facts)
{
    family(out, "stapleguard_apache_up", "gauge", NULL, "Whether Apache runs.");
    fprintf(out, "stapleguard_apache_up %d\n", facts->apache_pid > 0);
    family(out, "stapleguard_apache_restarts", "counter", NULL, "Restarts of Apache that were seen.");
    fprintf(out, "stapleguard_apache_restarts_total %" PRIu32 "\n", facts->file.restarts);
    family(out, "stapleguard_apache_file_away_seconds", "gauge", "seconds",
        "How long the cache was away at the last restart; NaN when it could not be put back at once.");
    if (facts->file.away_usec == UINT32_MAX)
        fputs("stapleguard_apache_file_away_seconds NaN\n", out);
    else
        fprintf(out, "stapleguard_apache_file_away_seconds %.6f\n", (double)facts->file.away_usec / 1e6);
    family(out, "stapleguard_shield_up", "gauge", NULL, "Whether Apache's cache is shielded against its restarts.");
    fprintf(out, "stapleguard_shield_up %d\n", facts->file.shield == SHIELD_UP);
    family(out, "stapleguard_file_entries", "gauge", NULL, "Entries in Apache's cache.");
    fprintf(out, "stapleguard_file_entries{owner=\"own\"} %" PRIu32 "\n", facts->commit.entries - facts->commit.foreign);
    fprintf(out, "stapleguard_file_entries{owner=\"foreign\"} %" PRIu32 "\n", facts->commit.foreign);
    family(out, "stapleguard_file_failed", "gauge", NULL, "Whether Apache's cache could not be written the last time.");
    fprintf(out, "stapleguard_file_failed %d\n", facts->commit.reason != REASON_NONE);
    family(out, "stapleguard_commits", "counter", NULL, "Times Apache's cache was written.");
    fprintf(out, "stapleguard_commits_total %" PRIu64 "\n", facts->commits);
}

static void put_states(FILE *out, const struct cert_list *list)
{
    uint32_t counts[CERT_STATE_COUNT] = {0};

    for (size_t i = 0; i < list->count; i++)
        counts[list->certs[i].state]++;
    family(out, "stapleguard_certificates", "gauge", NULL, "Certificates by the state of their staple.");
    for (unsigned state = 0; state < CERT_STATE_COUNT; state++)
        fprintf(
            out, "stapleguard_certificates{state=\"%s\"} %" PRIu32 "\n", cert_state_word((enum cert_state)state), counts[state]);
}

static void put_certs(FILE *out, const struct cert_list *list)
{
    family(out, "stapleguard_staple_served_until_timestamp_seconds", "gauge", "seconds",
        "Until when Apache serves the staple, since 1970; 0: there is none.");
    for (size_t i = 0; i < list->count; i++)
        cert_sample(out, "stapleguard_staple_served_until_timestamp_seconds", &list->certs[i], list->certs[i].staple.expiry);
    family(out, "stapleguard_staple_next_update_timestamp_seconds", "gauge", "seconds", "nextUpdate of the staple, since 1970.");
    for (size_t i = 0; i < list->count; i++)
        cert_sample(out, "stapleguard_staple_next_update_timestamp_seconds", &list->certs[i], list->certs[i].staple.next_update);
    family(out, "stapleguard_fetch_failures_in_row", "gauge", NULL, "Failed attempts since the last success.");
    for (size_t i = 0; i < list->count; i++)
        cert_sample(out, "stapleguard_fetch_failures_in_row", &list->certs[i], list->certs[i].asked.failures);
    family(out, "stapleguard_must_staple", "gauge", NULL, "Whether clients refuse the certificate without a staple.");
    for (size_t i = 0; i < list->count; i++)
        cert_sample(out, "stapleguard_must_staple", &list->certs[i], list->certs[i].told.is_must_staple);
}

char *metrics_text(const struct facts *facts, const struct cert_list *list, size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);

    if (out == NULL)
        return NULL;
    put_service(out, facts);
    put_apache(out, facts);
    put_states(out, list);
    put_certs(out, list);
    fputs("# EOF\n", out);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

int metrics_save(const char *path, const struct facts *facts, const struct cert_list *list)
{
    size_t len = 0;
    char *text = metrics_text(facts, list, &len);
    int result;

    if (text == NULL) {
        errno = ENOMEM;
        return -1;
    }
    result = save_file(path, 0644, (gid_t)-1, text, len);
    free(text);
    return result;
}
