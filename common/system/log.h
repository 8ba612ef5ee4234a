/* SPDX-License-Identifier: ISC */
/*
 * Owns: the lines that people read while something runs.
 * Runs in: every process.  The supervisor and the commands write to standard error; a child hands its lines to the
 *          supervisor over its channel (log_to).
 * Never: ends the process, or writes what text.h would not let through.
 */
#ifndef STAPLEGUARD_LOG_H
#define STAPLEGUARD_LOG_H

#include <stdbool.h>

#include "words/event.h"

/* Where a cleaned line goes instead of standard error.  Must not log itself. */
typedef void log_sink(enum severity severity, const char *text);

/* program: stands before each line on standard error (borrowed for ever). */
void log_init(const char *program, bool is_verbose);
/* Hand lines to sink from now on; NULL: standard error again. */
void log_to(log_sink *sink);

void log_line(enum severity severity, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define log_info(...) log_line(SEVERITY_INFO, __VA_ARGS__)
#define log_warning(...) log_line(SEVERITY_WARNING, __VA_ARGS__)
#define log_error(...) log_line(SEVERITY_ERROR, __VA_ARGS__)

/*
 * A line about an event that the journal was told of (is_told) by itself: left out where standard error is the journal, too, so that
 * nobody reads it twice.
 */
void log_unless_told(bool is_told, enum severity severity, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Is this descriptor the system journal?  systemd.exec(5), JOURNAL_STREAM. */
bool log_is_journal(int fd);

/* Only with -v. */
void log_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool log_is_verbose(void);

#endif
