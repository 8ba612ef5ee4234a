/*
 * Owns: the end of an audit log that is there already: the last sound record, and what lies behind it.
 * Runs in: supervisor.
 * Never: writes.
 */
#ifndef STAPLEGUARD_AUDIT_TAIL_H
#define STAPLEGUARD_AUDIT_TAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "audit_record.h"

/* How much of a file's end is looked at: some fifteen of the longest records. */
#define AUDIT_TAIL_LEN 65536u

struct audit_tail {
    bool is_empty;
    bool is_line_open;        /* the last byte is no newline */
    bool has_record;          /* a sound record was found; chain is the end of the chain with it */
    struct audit_chain chain; /* all zero when there is none */
    size_t unsound_len;       /* bytes behind that record which are no record, as far as was looked */
    bool is_torn;             /* they are just one line that was not finished */
};

/* Look at the len bytes that a file ends with.  Pure. */
void audit_tail_scan(const char *data, size_t len, struct audit_tail *tail);

/* The same for the end of a regular file.  Returns 0, or -1 with errno set. */
int audit_tail_read(int fd, struct audit_tail *tail);

#endif
