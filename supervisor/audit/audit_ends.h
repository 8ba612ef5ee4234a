/* SPDX-License-Identifier: ISC */
/*
 * Owns: what it means when the end of the audit log's file is not where its chain ended: what is missing, and where the chain goes on.
 * Runs in: supervisor.
 * Never: touches a file.
 */
#ifndef STAPLEGUARD_AUDIT_ENDS_H
#define STAPLEGUARD_AUDIT_ENDS_H

#include "audit/audit_file.h"

struct audit_ends {
    const char *path;
    const struct audit_tail *own;
    const struct audit_tail *rotated; /* at the start; is_empty: there is none */
    const struct audit_chain *kept;   /* where the chain ended; NULL: nobody knows */
    enum audit_change change;
    uint64_t first_seq;   /* of the file before */
    uint64_t strange_len; /* bytes of others: by which it grew, or with which the new one begins */
};

/* A sentence for a record audit.gap; "" for none. */
struct audit_gap {
    uint64_t count; /* records that are missing; 0: none, or nobody knows how many */
    char detail[DETAIL_MAX + 1];
};

/* At the start: *chain is where to go on, missing what is gone, unsound what stands behind the last record. */
void audit_ends_at_start(
    const struct audit_ends *ends, struct audit_chain *chain, struct audit_gap *missing, struct audit_gap *unsound);

/* While it runs; the chain goes on from what is in memory. */
void audit_ends_while_running(const struct audit_ends *ends, struct audit_gap *gap);

#endif
