/* SPDX-License-Identifier: ISC */
/*
 * Owns: hashes of the log that are kept elsewhere: given as SEQ:HASH, or found in the system journal.
 * Runs in: command line.
 * Never: takes an anchor from a journal entry that somebody else than the service may have written.
 */
#ifndef STAPLEGUARD_REVIEW_ANCHORS_H
#define STAPLEGUARD_REVIEW_ANCHORS_H

#include <stdbool.h>
#include <stddef.h>

#include "audit/review_check.h"

struct review_anchors {
    struct review_anchor *all; /* owned */
    size_t count;
};

/* "SEQ:HASH" as the service writes it: a number from 1 on, and 64 lower-case hexadecimal digits. */
bool review_anchor_parse(const char *text, struct review_anchor *anchor);

/* False: memory ends. */
bool review_anchors_add(struct review_anchors *anchors, const struct review_anchor *anchor);
void review_anchors_sort(struct review_anchors *anchors);
void review_anchors_clear(struct review_anchors *anchors);

enum review_journal_result {
    REVIEW_JOURNAL_READ,   /* those that there were are added, perhaps none */
    REVIEW_JOURNAL_NONE,   /* there is no journal on this machine, or this program was built without: error says so */
    REVIEW_JOURNAL_FAILED, /* error says why it cannot be read, or what in it is ambiguous */
};

/*
 * Add what the service said of the log at path (NULL: of whichever log, as long as it is one).  directory: a journal's, for instance
 * one that systemd-journal-remote wrote; NULL: that of this machine.  *found: how many there were.
 */
enum review_journal_result review_journal_read(
    const char *directory, const char *path, struct review_anchors *anchors, size_t *found, char *error, size_t cap);

#endif
