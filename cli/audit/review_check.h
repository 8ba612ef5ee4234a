/* SPDX-License-Identifier: ISC */
/*
 * Owns: whether the log is whole: the chain of hashes over all its lines, anchors that it must agree with, and seals.
 * Runs in: command line.
 * Never: reads a file; keeps more than a window of the log.
 *
 * The first record that is wrong is named, with what was done to it.  To tell an insertion from a removal, an exchange or an
 * alteration, the lines behind are looked at (REVIEW_WINDOW of them), and where the chain was some records ago: the rest of the log
 * links to the records that were there, not to those that were made up.
 */
#ifndef STAPLEGUARD_REVIEW_CHECK_H
#define STAPLEGUARD_REVIEW_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/audit_record.h"
#include "audit/review_lines.h"
#include "audit/review_verdict.h"

#define REVIEW_WINDOW 64u
/* "altered", "removed" … */
const char *review_fault_word(enum review_fault fault);

/* What the log's record seq must have as its hash. */
struct review_anchor {
    uint64_t seq;
    uint8_t hash[AUDIT_HASH_LEN];
};

struct review_check;

/*
 * anchors: count of them, sorted by seq (borrowed).  keys: key_count of them, of epoch 0 (copied); none: seals are not looked at.
 * now_sec bounds the epochs that are believed.  NULL: no memory.
 */
struct review_check *review_check_new(
    const struct review_anchor *anchors, size_t count, const struct audit_key *keys, size_t key_count, int64_t now_sec);

/* The next line.  False: something is wrong, and no more is looked at. */
bool review_check_line(struct review_check *check, const struct review_line *line);

/* After the last. */
const struct review_verdict *review_check_end(struct review_check *check);

void review_check_free(struct review_check *check);

#endif
