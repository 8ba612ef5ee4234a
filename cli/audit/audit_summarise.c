/* SPDX-License-Identifier: ISC */
/*
 * Owns: a period of the audit log in numbers, as a table for people or as JSON.
 * Runs in: command line.
 * Never: counts: review_summary.h does.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/audit_show.h"
#include "audit/review_summary.h"
#include "audit/review_when.h"
#include "base/output.h"
#include "system/log.h"
#include "text/duration.h"
#include "text/escape.h"

#define NAME_WIDTH_MAX 48

struct adding {
    const struct audit_request *request;
    struct review_summary *summary;
    bool is_cert_seen[REVIEW_CERTS_MAX + 1];
};

static bool add_line(void *context, const struct review_line *line)
{
    struct adding *adding = context;
    const struct review_filter *filter = &adding->request->filter;
    struct review_record record;
    size_t cert;

    if (line->is_cut || !review_scan(line->text, line->len, &record)) {
        review_summary_add_unreadable(adding->summary);
        return true;
    }
    if (filter->cert_count > 0 && record.values[REVIEW_CERT].at != NULL) {
        cert = review_filter_cert_of(filter, &record);
        adding->is_cert_seen[cert] = true;
        if (cert == filter->cert_count)
            return true;
    }
    return review_summary_add(adding->summary, &record);
}

static void print_totals(const struct review_totals *totals, int64_t since, int64_t until)
{
    char from[REVIEW_WHEN_LEN + 1], to[REVIEW_WHEN_LEN + 1], away[32];

    review_when_local((since != 0 ? since : totals->first_usec) / REVIEW_USEC_PER_SEC, from);
    review_when_local(until / REVIEW_USEC_PER_SEC, to);
    printf("period       %s to %s, %" PRIu64 " records: %" PRIu64 " warnings, %" PRIu64 " errors\n", from, to, totals->records,
        totals->warnings, totals->errors);
    printf("stapleguard  started %" PRIu64 " times; forbidden calls or messages of its processes: %" PRIu64 "\n", totals->starts,
        totals->violations);
    snprintf(away, sizeof away, "%" PRId64 " ms", totals->longest_away_msec);
    printf("apache       restarts seen: %" PRIu64 ", asked for here: %" PRIu64 "; its cache was away for %s at most\n",
        totals->restarts_seen, totals->restarts_asked, totals->longest_away_msec == 0 ? "no time" : away);
    printf("cache        written %" PRIu64 " times, failed %" PRIu64 " times\n", totals->commits, totals->commits_failed);
    printf("audit log    gaps: %" PRIu64 ", lines that are no records: %" PRIu64 "\n", totals->gaps, totals->unreadable);
}

static void print_cert(const struct review_cert *cert, int width)
{
    char bare[32];
    char from[REVIEW_WHEN_LEN + 1];

    output_padded(cert->name, width);
    printf("  %8" PRIu64 "  %8" PRIu64 "  %8" PRIu64 "  ", cert->fetched, cert->failed, cert->commits);
    if (cert->bare_usec == 0) {
        puts("never");
        return;
    }
    /* What is shorter than a second is no less than one. */
    duration_format((cert->bare_usec + REVIEW_USEC_PER_SEC - 1) / REVIEW_USEC_PER_SEC, bare, sizeof bare);
    review_when_local(cert->bare_from / REVIEW_USEC_PER_SEC, from);
    printf("%s from %s on%s\n", bare, from, cert->is_bare ? "; without one at the end" : "");
}

static void print_table(const struct review_cert *const *certs, size_t count)
{
    int width = (int)strlen("certificate");

    for (size_t i = 0; i < count; i++)
        width = output_width(certs[i]->name) > width ? output_width(certs[i]->name) : width;
    width = width > NAME_WIDTH_MAX ? NAME_WIDTH_MAX : width;
    printf("\n%-*s  %8s  %8s  %8s  %s\n", width, "certificate", "fetched", "failed", "commits", "longest without a fresh staple");
    for (size_t i = 0; i < count; i++)
        print_cert(certs[i], width);
}

static void print_json_time(const char *name, int64_t usec)
{
    char text[REVIEW_TIME_LEN + 1];

    review_when_utc(usec, text, sizeof text);
    if (usec == 0)
        printf("\"%s\":null", name);
    else
        printf("\"%s\":\"%s\"", name, text);
}

static void print_json_cert(const struct review_cert *cert)
{
    printf("{\"name\":");
    escape_json(stdout, cert->name);
    printf(",\"fetched\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"commits\":%" PRIu64 ",\"longest_without_ms\":%" PRId64 ",",
        cert->fetched, cert->failed, cert->commits, cert->bare_usec / 1000);
    print_json_time("longest_without_from", cert->bare_usec == 0 ? 0 : cert->bare_from);
    printf(",\"without_at_end\":%s}", cert->is_bare ? "true" : "false");
}

static void print_json(
    const struct review_totals *totals, const struct review_cert *const *certs, size_t count, int64_t since, int64_t until)
{
    putchar('{');
    print_json_time("since", since != 0 ? since : totals->first_usec);
    putchar(',');
    print_json_time("until", until);
    printf(",\"records\":%" PRIu64 ",\"not_records\":%" PRIu64 ",\"warnings\":%" PRIu64 ",\"errors\":%" PRIu64
           ",\"starts\":%" PRIu64 ",\"violations\":%" PRIu64 ",\"gaps\":%" PRIu64,
        totals->records, totals->unreadable, totals->warnings, totals->errors, totals->starts, totals->violations, totals->gaps);
    printf(",\"restarts_seen\":%" PRIu64 ",\"restarts_asked\":%" PRIu64 ",\"longest_away_ms\":%" PRId64 ",\"commits\":%" PRIu64
           ",\"commits_failed\":%" PRIu64 ",\"certificates\":[",
        totals->restarts_seen, totals->restarts_asked, totals->longest_away_msec, totals->commits, totals->commits_failed);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            putchar(',');
        print_json_cert(certs[i]);
    }
    puts("]}");
}

int audit_summarise(const struct audit_request *request, const struct review_files *files)
{
    int64_t until = request->until_usec != 0 ? request->until_usec : (request->now_sec + 1) * REVIEW_USEC_PER_SEC;
    struct adding adding = {.request = request, .summary = review_summary_new(request->since_usec, until)};
    const struct review_totals *totals;
    const struct review_cert *const *certs;
    size_t unread, count;
    int code;

    if (adding.summary == NULL)
        return CLI_EXIT_ERROR;
    unread = review_files_walk(files, add_line, &adding);
    totals = review_summary_totals(adding.summary);
    code = totals->unreadable > 0 || unread > 0 ? AUDIT_EXIT_UNREADABLE : 0;
    for (size_t i = 0; i < request->filter.cert_count; i++)
        if (!adding.is_cert_seen[i]) {
            audit_say_unknown_cert(request->filter.certs[i], files);
            code = CLI_EXIT_ERROR;
        }
    count = review_summary_end(adding.summary, &certs);
    if (code != CLI_EXIT_ERROR && request->is_json) {
        print_json(totals, certs, count, request->since_usec, until);
    } else if (code != CLI_EXIT_ERROR) {
        print_totals(totals, request->since_usec, until);
        print_table(certs, count);
    }
    review_summary_free(adding.summary);
    return output_end(code);
}
