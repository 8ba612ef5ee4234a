/* SPDX-License-Identifier: ISC */
/*
 * Owns: what `stapleguard audit` prints of the records themselves: the story, their lines, or the numbers of a period.
 * Runs in: command line.
 * Never: judges whether the log is whole: audit_verify.h does.
 */
#ifndef STAPLEGUARD_AUDIT_SHOW_H
#define STAPLEGUARD_AUDIT_SHOW_H

#include "audit/audit_request.h"
#include "audit/review_files.h"

/* Lines that are no records, or a file that cannot be read to its end. */
#define AUDIT_EXIT_UNREADABLE 1

/* Each returns the exit code. */
int audit_show(const struct audit_request *request, const struct review_files *files);
int audit_summarise(const struct audit_request *request, const struct review_files *files);

/*
 * Say that the log names no certificate of that name, and which it names; for people who mistyped one.  Reads the files again.
 */
void audit_say_unknown_cert(const char *name, const struct review_files *files);

#endif
