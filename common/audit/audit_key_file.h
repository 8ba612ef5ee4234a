/* SPDX-License-Identifier: ISC */
/*
 * Owns: the file that holds the present key of the seals: its text, and replacing it so that no key before it is left.
 * Runs in: supervisor (moves the key on), command line (puts the first one there).
 * Never: takes a file that is damaged, or that anybody but its owner could have read.
 *
 * Five lines and a sum over them:
 *     stapleguard-audit-seal 1
 *     start N          seconds since 1970
 *     interval N       seconds
 *     epoch N
 *     secret HEX       the key of that epoch
 *     check HEX        SHA-256 of everything before this line
 */
#ifndef STAPLEGUARD_AUDIT_KEY_FILE_H
#define STAPLEGUARD_AUDIT_KEY_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#include "audit/audit_seal.h"

/* In state_dir. */
#define AUDIT_KEY_FILE "audit.seal"

/* With a NUL. */
#define AUDIT_KEY_FILE_MAX 320u

/* Returns the length.  text: holds the secret, to be wiped by the caller. */
size_t audit_key_file_format(const struct audit_key *key, char text[AUDIT_KEY_FILE_MAX]);
/* Takes only what audit_key_file_format writes; *key is set on success. */
bool audit_key_file_parse(const char *text, size_t len, struct audit_key *key);

enum audit_key_file_result {
    AUDIT_KEY_FILE_OK,
    AUDIT_KEY_FILE_MISSING,
    AUDIT_KEY_FILE_UNSAFE, /* no regular file of ours that nobody else may read */
    AUDIT_KEY_FILE_DAMAGED,
    AUDIT_KEY_FILE_FAILED, /* errno */
};

/* Which file it was; whoever replaces it makes another. */
struct audit_key_mark {
    dev_t device;
    ino_t inode;
    struct timespec changed;
};

/* OK: *key and *mark (may be NULL) are set. */
enum audit_key_file_result audit_key_file_read(const char *path, struct audit_key *key, struct audit_key_mark *mark);
/* What is wrong, for people. */
const char *audit_key_file_result_text(enum audit_key_file_result result, int error);

/* Is it still that file?  False also when there is none. */
bool audit_key_file_is(const char *path, const struct audit_key_mark *mark);

enum audit_key_file_write {
    AUDIT_KEY_FILE_NEW,     /* EEXIST when there is one */
    AUDIT_KEY_FILE_REPLACE, /* whatever is there */
    AUDIT_KEY_FILE_FOLLOW,  /* ESTALE when it is not the one of *mark any more; EWOULDBLOCK when somebody writes it now */
};

/*
 * Put the key into the file at path, mode 0600: written beside it, on the disk, renamed, and that on the disk; then the bytes of
 * the file before, and of one that a crash left beside it, are overwritten.  *mark: the new file; may be NULL unless FOLLOW.
 * Returns 0, or -1 with errno set: the old file is there, or the new one, never anything else.
 */
int audit_key_file_write(
    const char *path, const struct audit_key *key, enum audit_key_file_write how, struct audit_key_mark *mark);

#endif
