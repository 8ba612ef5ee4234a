/* SPDX-License-Identifier: ISC */
/*
 * Owns: the audit log's file: opened and locked, appended to, followed when it is renamed, removed, cut off or written to by others.
 * Runs in: supervisor.
 * Never: changes a byte that is there.
 */
#ifndef STAPLEGUARD_AUDIT_FILE_H
#define STAPLEGUARD_AUDIT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "audit/audit_tail.h"

struct audit_file {
    char *path;         /* owned */
    int fd;             /* -1 while there is no file */
    int lock_fd;        /* of the lock file beside path; -1: not taken yet */
    bool is_line_open;  /* the file ends in a line that is not ours to finish: it wants a newline first */
    off_t size;         /* as we left it */
    uint64_t first_seq; /* of the first record in it; 0: there is none */
};

/* What became of the file since the last look. */
enum audit_change {
    AUDIT_FILE_SAME,
    AUDIT_FILE_OPENED,  /* there was none open before */
    AUDIT_FILE_ROTATED, /* another one is at the path; the one before has another name */
    AUDIT_FILE_REMOVED, /* another one is at the path; the one before has no name any more */
    AUDIT_FILE_CUT,     /* it is shorter than we left it */
    AUDIT_FILE_GROWN,   /* it is longer */
};

/*
 * Have the file open (made, mode 0640; locked) that is at the path now.  *change; unless SAME, *tail is its end and *before what the
 * struct was.  kept: as for audit_tail_read.  Returns 0 or an errno; then nothing has changed.
 */
int audit_file_follow(struct audit_file *file, const struct audit_chain *kept, enum audit_change *change, struct audit_tail *tail,
    struct audit_file *before);

/* The end of what is at the path, where it can be read but not written now.  Returns 0 or an errno. */
int audit_file_peek(const struct audit_file *file, const struct audit_chain *kept, struct audit_tail *tail);

/* Could it be opened and locked at this path?  Returns 0 or an errno. */
int audit_file_try(const char *path);

/* Append; a line of others that is open is closed first.  Returns how many bytes are in the file, with errno set when not all. */
size_t audit_file_write(struct audit_file *file, const char *data, size_t len);

/* The end of the file that was rotated away last, among those beside it that are not compressed (PATH.1, PATH-20260101 …). */
void audit_file_read_rotated(const struct audit_file *file, const struct audit_chain *kept, struct audit_tail *tail);

/* Go on at another path (owned by the file; the one before is the caller's again): it is opened and locked by the next look. */
void audit_file_move(struct audit_file *file, char *path);

void audit_file_close(struct audit_file *file);

/* errno's text, where that would lead nowhere in other words. */
const char *audit_file_error_text(int error);

#endif
