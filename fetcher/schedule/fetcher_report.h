/* SPDX-License-Identifier: ISC */
/*
 * Owns: what the fetcher tells the supervisor: log lines, events, progress.
 * Runs in: fetcher.
 * Never: decides; lets text through that is not clean.
 *
 * The supervisor is waited for.  When its channel breaks, what is told here goes nowhere; the loop sees the end of the
 * channel.
 */
#ifndef STAPLEGUARD_FETCHER_REPORT_H
#define STAPLEGUARD_FETCHER_REPORT_H

#include <stdint.h>

#include "http/exchange.h"
#include "proto/ipc.h"

/* Log lines go there too from now on.  supervisor: borrowed for ever. */
void report_init(struct ipc *supervisor);

void report_ready(uint32_t missing_layers);

/* fetch.failed or response.rejected: one exchange, with the URL that was asked. */
void report_failure(uint32_t cert_no, const char *url, const struct exchange_outcome *outcome);

void report_clock_wrong(int64_t now);
/* The writer sent what the protocol does not allow. */
void report_protocol_violation(const char *what);
void report_progress(const struct msg_progress *progress);

/* CERT_NEXT. */
void report_next(uint32_t cert_no, uint32_t failures, int64_t next_at, int64_t asked_at);
/* A certificate is not looked after for want of memory. */
void report_no_memory(void);

#endif
