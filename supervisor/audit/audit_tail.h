/* SPDX-License-Identifier: ISC */
/*
 * Owns: the end of an audit log that is there already: the last sound record, and what lies behind it.
 * Runs in: supervisor.
 * Never: writes.
 */
#ifndef STAPLEGUARD_AUDIT_TAIL_H
#define STAPLEGUARD_AUDIT_TAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "audit/audit_record.h"

/* How much of a file's end is looked at: some fifteen of the longest records. */
#define AUDIT_TAIL_LEN 65536u

struct audit_tail {
    bool is_empty;
    bool is_line_open;        /* the last byte is no newline */
    bool has_record;          /* a sound record was found; chain is the end of the chain with it */
    struct audit_chain chain; /* all zero when there is none */
    size_t unsound_len;       /* bytes behind that record which are no record, as far as was looked */
    bool is_torn;             /* they are just one line that was not finished */
    bool is_sealed;           /* that record bears a seal, of this epoch */
    uint32_t epoch;
    bool is_kept_other; /* a record with the number of `kept` was found, but it is another one */
};

/*
 * Look at the len bytes that a file ends with.  kept: an end of the chain as somebody else knows it, to be looked for; may be NULL.
 * Pure.
 */
void audit_tail_scan(const char *data, size_t len, const struct audit_chain *kept, struct audit_tail *tail);

/* The same for the end of a regular file.  Returns 0, or -1 with errno set. */
int audit_tail_read(int fd, const struct audit_chain *kept, struct audit_tail *tail);

#endif
