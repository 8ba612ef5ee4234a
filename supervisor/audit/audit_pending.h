/* SPDX-License-Identifier: ISC */
/*
 * Owns: the lines of the audit log that are not in its file yet.
 * Runs in: supervisor.
 * Never: holds more than AUDIT_PENDING_MAX bytes, or forgets a line that is not wholly in the file.
 */
#ifndef STAPLEGUARD_AUDIT_PENDING_H
#define STAPLEGUARD_AUDIT_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Records that wait: some 10,000 usual ones. */
#define AUDIT_PENDING_MAX (4u * 1024u * 1024u)

/* Begins as {0}. */
struct audit_pending {
    char *data; /* whole lines, the first of which may be in the file with its first `written` bytes */
    size_t len;
    size_t cap;
    size_t written;
};

/* Make room for this many bytes behind data + len, which the caller then fills and adds to len.  False: there is none. */
bool audit_pending_reserve(struct audit_pending *pending, size_t room);

/* Return how many lines are not wholly in the file. */
uint64_t audit_pending_lines(const struct audit_pending *pending);

/* Note that so many bytes more are in the file, and forget the lines that are there as a whole. */
void audit_pending_advance(struct audit_pending *pending, size_t written);

void audit_pending_free(struct audit_pending *pending);

#endif
