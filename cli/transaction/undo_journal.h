/* SPDX-License-Identifier: ISC */
/*
 * Owns: what is written down before Apache's files are changed: all that undoing it takes; and its text on disk.
 * Runs in: command line (enable, disable), as root.
 * Never: touches the disk itself; believes a text whose seal is not its own.
 *
 * One line a fact, words separated by a blank and percent-encoded, "=" for an empty one; the last line is "end" and the
 * SHA-256 over all lines before it, so that a journal that was cut off is never half believed.  The bytes of files are not
 * in it, they lie in the backup, where people can use them too.
 */
#ifndef STAPLEGUARD_UNDO_JOURNAL_H
#define STAPLEGUARD_UNDO_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transaction/snapshot.h"

#define JOURNAL_SHA256_LEN 32u
#define JOURNAL_ENTRIES_MAX 10000u

/* One path that is changed. */
struct journal_entry {
    char *path;
    struct snapshot before;                    /* read from disk: data of a file is NULL until the backup was read */
    uint8_t before_sha256[JOURNAL_SHA256_LEN]; /* of a file's bytes */
    enum snapshot_kind after;                  /* what it is to become: ABSENT, FILE or LINK */
    uint8_t after_sha256[JOURNAL_SHA256_LEN];  /* of the new bytes, or of the link's target */
};

/* "6f8d2c1e-…", with its end. */
#define JOURNAL_BOOT_ID_SIZE 40u

struct journal {
    char operation[16];                 /* "enable", "disable" */
    char boot_id[JOURNAL_BOOT_ID_SIZE]; /* of /proc/sys/kernel/random/boot_id: after a reboot Apache is not ours to start */
    char *backup;                       /* directory */
    bool is_way_back_full;              /* undoing it takes a stop and a start of Apache (apache_control.h) */
    bool is_service_ours;               /* stapleguard.service is enabled and started by this */
    struct journal_entry *entries;
    size_t count;
};

/* Copy path and take over *before (it is empty then).  after_data: the new bytes or the target; NULL: ABSENT.  False: no memory. */
bool journal_add(struct journal *journal, const char *path, struct snapshot *before, enum snapshot_kind after,
    const char *after_data, size_t after_len);
void journal_clear(struct journal *journal);

/* Is what stands there now what the entry says it was to become? */
bool journal_is_after(const struct journal_entry *entry, const struct snapshot *now);

/* The text; NULL: no memory.  The caller's to free. */
char *journal_text(const struct journal *journal, size_t *len);
/* Undo it: returns false for anything that journal_text did not write; *journal is empty then. */
bool journal_parse(const char *text, size_t len, struct journal *journal);

/* Of this boot; "": it cannot be told. */
void journal_boot_id(char boot_id[JOURNAL_BOOT_ID_SIZE]);

void journal_sha256(const void *data, size_t len, uint8_t sha256[JOURNAL_SHA256_LEN]);

#endif
