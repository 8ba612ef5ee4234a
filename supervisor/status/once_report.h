/* SPDX-License-Identifier: ISC */
/*
 * Owns: what --once came to: progress while it runs, a summary that a person reads, the exit code.
 * Runs in: supervisor.
 * Never: decides about a staple; it counts what fetcher and writer reported.
 */
#ifndef STAPLEGUARD_ONCE_REPORT_H
#define STAPLEGUARD_ONCE_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "certs/cert_list.h"
#include "status/service_facts.h"

/* Exit codes of stapleguardd --once: a contract (DESIGN.md "Modes"). */
enum exit_code {
    EXIT_ALL_FRESH = 0,
    EXIT_FETCH_FAILED = 1,  /* but every certificate still has a valid staple */
    EXIT_NO_STAPLE = 2,     /* a certificate is without one */
    EXIT_CONFIGURATION = 3, /* usage or configuration */
    EXIT_ALREADY_RUNNING = 4,
};

struct report {
    bool is_terminal; /* standard error shows progress */
    bool is_told;     /* standard output is the journal, and the journal has each event: what failed is not listed again */
    bool is_interrupted;
    bool has_child_failed;
};

/* Rewrite the progress line: done/total, failures, rate. */
void report_progress(const struct report *report, const struct msg_progress *progress, int64_t elapsed_msec);
/* Take the progress line away before anything else is printed. */
void report_progress_clear(const struct report *report, const struct msg_progress *progress);

/* Print the summary and return the exit code.  audit_log: where to read more. */
enum exit_code report_summary(
    const struct report *report, const struct facts *facts, const struct cert_list *list, const char *audit_log, FILE *out);

#endif
