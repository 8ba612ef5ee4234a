/* SPDX-License-Identifier: ISC */
#include "status/once_report.h"

#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "text/duration.h"

/* A person reads a screen full; the audit log has them all. */
#define LINES_MAX 20u

enum outcome {
    OUTCOME_FRESH,
    OUTCOME_KEPT,    /* the fetch failed, the old staple stays */
    OUTCOME_MISSING, /* has no staple */
    OUTCOME_QUIET,   /* nothing to staple: names no responder, or is past its end */
    OUTCOME_COUNT
};

void report_progress(const struct report *report, const struct msg_progress *progress, int64_t elapsed_msec)
{
    int64_t rate = elapsed_msec > 0 ? (int64_t)progress->done * 1000 / elapsed_msec : 0;

    if (report->is_terminal && progress->due > 0)
        fprintf(stderr, "\r\033[K%" PRIu32 "/%" PRIu32 " asked, %" PRIu32 " failed, %" PRId64 "/s", progress->done, progress->due,
            progress->failed, rate);
}

void report_progress_clear(const struct report *report, const struct msg_progress *progress)
{
    if (report->is_terminal && progress->due > 0)
        fputs("\r\033[K", stderr);
}

static enum outcome outcome_of(const struct listed_cert *cert)
{
    switch (cert->state) {
    case CERT_STATE_NO_OCSP:
    case CERT_STATE_EXPIRED:
        return OUTCOME_QUIET;
    case CERT_STATE_GOOD:
        return cert->trouble.has_failed && !cert->staple.is_refreshed ? OUTCOME_KEPT : OUTCOME_FRESH;
    default:
        return OUTCOME_MISSING;
    }
}

static void format_time(int64_t when, char *out, size_t cap)
{
    time_t seconds = (time_t)when;
    struct tm utc;

    if (when == 0 || gmtime_r(&seconds, &utc) == NULL || strftime(out, cap, "%Y-%m-%d %H:%M UTC", &utc) == 0)
        snprintf(out, cap, "?");
}

static void print_reason(const struct listed_cert *cert, FILE *out)
{
    if (cert->trouble.reason == REASON_NONE)
        fputs("not fetched yet", out);
    else
        fprintf(out, "%s: %s", reason_word(cert->trouble.reason),
            cert->trouble.detail != NULL ? cert->trouble.detail : reason_sentence(cert->trouble.reason));
}

static void print_cert(const struct listed_cert *cert, enum outcome outcome, FILE *out)
{
    char until[32];

    if (outcome == OUTCOME_KEPT) {
        format_time(cert->staple.expiry, until, sizeof until);
        fprintf(out, "  kept     %s (old staple serves until %s): ", cert->name, until);
    } else {
        fprintf(
            out, "  %-8s %s%s: ", cert_state_word(cert->state), cert->name, cert->told.is_must_staple ? " (must-staple)" : "");
    }
    print_reason(cert, out);
    fputs(cert->state == CERT_STATE_REVOKED || cert->state == CERT_STATE_UNKNOWN
            ? "; not asked for again until its file changes, or with --force\n"
            : "\n",
        out);
}

/* Those without a staple first: they are why somebody reads this. */
static void print_certs(const struct cert_list *list, const size_t counts[OUTCOME_COUNT], const char *audit_log, FILE *out)
{
    static const enum outcome shown[] = {OUTCOME_MISSING, OUTCOME_KEPT};
    size_t lines = 0;

    for (size_t o = 0; o < 2; o++)
        for (size_t i = 0; i < list->count && lines < LINES_MAX; i++)
            if (outcome_of(&list->certs[i]) == shown[o]) {
                print_cert(&list->certs[i], shown[o], out);
                lines++;
            }
    if (counts[OUTCOME_MISSING] + counts[OUTCOME_KEPT] > lines)
        fprintf(out, "  ... and %zu more, see %s\n", counts[OUTCOME_MISSING] + counts[OUTCOME_KEPT] - lines, audit_log);
}

static void print_counts(
    const struct msg_progress *progress, const struct cert_list *list, const size_t counts[OUTCOME_COUNT], FILE *out)
{
    fprintf(out, "%zu certificate%s: %zu fresh, %zu kept after a failed fetch, %zu without a staple", list->count,
        list->count == 1 ? "" : "s", counts[OUTCOME_FRESH], counts[OUTCOME_KEPT], counts[OUTCOME_MISSING]);
    if (counts[OUTCOME_QUIET] > 0)
        fprintf(out, ", %zu with nothing to staple", counts[OUTCOME_QUIET]);
    fprintf(out, " (%" PRIu32 " asked for, %" PRIu32 " not due)\n", progress->due, progress->not_due);
}

static void print_file(const struct msg_write_done *written, FILE *out)
{
    if (written->reason != REASON_NONE)
        fprintf(out, "Apache's file was NOT written: %s: %s\n", reason_word(written->reason),
            written->detail[0] != '\0' ? written->detail : reason_sentence(written->reason));
    else
        fprintf(out, "Apache's file has %" PRIu32 " entr%s%s%s\n", written->entries, written->entries == 1 ? "y" : "ies",
            written->detail[0] != '\0' ? ": " : "", written->detail);
}

enum exit_code report_summary(
    const struct report *report, const struct facts *facts, const struct cert_list *list, const char *audit_log, FILE *out)
{
    size_t counts[OUTCOME_COUNT] = {0};

    for (size_t i = 0; i < list->count; i++)
        counts[outcome_of(&list->certs[i])]++;
    if (report->is_interrupted)
        fputs("interrupted: what was fetched until then is kept\n", out);
    print_counts(&facts->progress, list, counts, out);
    if (!report->is_told)
        print_certs(list, counts, audit_log, out);
    if (counts[OUTCOME_MISSING] + counts[OUTCOME_KEPT] > 0)
        fputs("  what failed is tried again in the next pass\n", out);
    print_file(&facts->commit, out);
    if (facts->discovery_error[0] != '\0')
        return EXIT_CONFIGURATION;
    if (counts[OUTCOME_MISSING] > 0 || facts->commit.reason != REASON_NONE)
        return EXIT_NO_STAPLE;
    if (counts[OUTCOME_KEPT] > 0 || report->has_child_failed || report->is_interrupted)
        return EXIT_FETCH_FAILED;
    return EXIT_ALL_FRESH;
}
