/* SPDX-License-Identifier: ISC */
/*
 * Owns: the number of records that a process could not write, kept (state_dir/audit.lost) for the gap that the next one records.
 * Runs in: supervisor.
 * Never: makes the audit log wait, or fail, for its own sake.
 */
#ifndef STAPLEGUARD_AUDIT_LOST_H
#define STAPLEGUARD_AUDIT_LOST_H

#include <stdint.h>

#define AUDIT_LOST_FILE "audit.lost"

struct audit_lost {
    char *path; /* owned; NULL: nothing is kept */
    uint64_t kept;
};

/* Read what was kept.  A file with room for a number is made now: later the disk may be full.  */
void audit_lost_open(struct audit_lost *lost, const char *state_dir);

/* Keep another number. */
void audit_lost_keep(struct audit_lost *lost, uint64_t count);

void audit_lost_close(struct audit_lost *lost);

#endif
