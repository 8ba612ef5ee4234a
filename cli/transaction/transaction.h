/* SPDX-License-Identifier: ISC */
/*
 * Owns: changing files of Apache's as one: the lock, the backup and the journal before the first change, the changes, and
 *       undoing them, also those of a run that was killed.
 * Runs in: command line (enable, disable), as root.
 * Never: changes a path that is not in the journal on disk; writes over what somebody else changed meanwhile.
 *
 * STATE_DIR/setup/ (root's alone): lock; journal, while something is under way; backup-TIME/, the former files in a tree
 * like the real one; enabled (record.h).
 */
#ifndef STAPLEGUARD_TRANSACTION_H
#define STAPLEGUARD_TRANSACTION_H

#include <stdbool.h>
#include <stddef.h>

#include "bounds.h"
#include "transaction/undo_journal.h"

struct transaction {
    char directory[FILE_PATH_MAX + 1];
    int lock_fd; /* owned; -1 */
    struct journal journal;
};

enum transaction_lock {
    TRANSACTION_LOCKED,
    TRANSACTION_BUSY,   /* another enable or disable is under way */
    TRANSACTION_FAILED, /* error says why */
};

/* Make STATE_DIR/setup where it is missing, and lock it without waiting.  transaction_close it always. */
enum transaction_lock transaction_open(const char *state_dir, struct transaction *transaction, char *error, size_t cap);
void transaction_close(struct transaction *transaction);

/* Is there a journal in STATE_DIR/setup?  Looks, and makes nothing. */
bool transaction_is_pending(const char *state_dir);
/* Read the journal of a run that did not come to its end.  Returns 1 when there was one, 0 when not, -1 with error. */
int transaction_resume(struct transaction *transaction, char *error, size_t cap);

/*
 * A path that will be changed to be a FILE of these bytes, a LINK to this target, or ABSENT (content NULL).  Remembers what
 * stands there now.  Only before transaction_begin.  Returns 0, or -1 with error.
 */
int transaction_add(struct transaction *transaction, const char *path, enum snapshot_kind after, const char *content,
    size_t content_len, char *error, size_t cap);

/* Write backup and journal; when this returned 0 they are on disk. */
int transaction_begin(struct transaction *transaction, char *error, size_t cap);

/*
 * Make the change that transaction_add announced for path, with the content it was announced with.  A file keeps its mode,
 * owner and attributes; a new one is root's and 0644.  Refuses when the path is not as it was.
 */
int transaction_apply(
    struct transaction *transaction, const char *path, const char *content, size_t content_len, char *error, size_t cap);

/* What came of an undoing. */
struct undo {
    size_t restored;           /* paths that were put back */
    size_t edited;             /* paths that somebody else changed: left alone */
    char text[4 * DETAIL_MAX]; /* names those, and what could not be put back and why; "" when all is as before */
    bool has_failed;           /* something could not be put back: the journal stays */
};

/* Put every path back that is as we made it.  Goes on after a failure. */
void transaction_undo(struct transaction *transaction, struct undo *undo);

/* It is done, or undone: the journal goes.  The backup stays when is_backup_kept.  Returns 0, or -1 with errno. */
int transaction_end(struct transaction *transaction, bool is_backup_kept);

#endif
