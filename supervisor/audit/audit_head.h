/* SPDX-License-Identifier: ISC */
/*
 * Owns: the end of the audit log's chain, kept in state_dir beside the log, so that a log that was cut off, replaced or rotated out
 *       of sight is noticed and its chain goes on.
 * Runs in: supervisor.
 * Never: runs ahead of what is on the disk in the log.
 *
 * One line of fixed length, written over in place: no rename, no wait.  After each batch it is only written (the kernel keeps it
 * when the process dies), and synced with each anchor: after a power loss it may lie behind the log, which is no contradiction.
 */
#ifndef STAPLEGUARD_AUDIT_HEAD_H
#define STAPLEGUARD_AUDIT_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "audit/audit_record.h"

/* In state_dir. */
#define AUDIT_HEAD_FILE "audit.head"

#define AUDIT_HEAD_LEN \
    (sizeof "stapleguard-audit-head 1 12345678901234567890 " - 1 + 2 * AUDIT_HASH_LEN + 1 + 2 * AUDIT_HASH_LEN + 1)

/* The line, and back; the sum at its end must fit. */
void audit_head_format(const struct audit_chain *chain, char line[AUDIT_HEAD_LEN + 1]);
bool audit_head_parse(const char *line, size_t len, struct audit_chain *chain);

enum audit_head_result {
    AUDIT_HEAD_OK,
    AUDIT_HEAD_NONE,    /* no file, or an empty one */
    AUDIT_HEAD_DAMAGED, /* also: cannot be read */
};

struct audit_head {
    const char *path; /* borrowed; NULL: nothing is kept */
    int fd;           /* -1 while there is no file */
    bool is_failing;  /* said */
};

/* Open it and read what was kept.  Always leaves *head usable. */
enum audit_head_result audit_head_open(struct audit_head *head, const char *path, struct audit_chain *chain);
/* Keep this one.  is_synced: on the disk when it returns.  That it fails is logged, once. */
void audit_head_keep(struct audit_head *head, const struct audit_chain *chain, bool is_synced);
void audit_head_close(struct audit_head *head);

#endif
