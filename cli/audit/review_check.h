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

#define REVIEW_WINDOW 64u
#define REVIEW_SENTENCE_MAX 400u

enum review_fault {
    REVIEW_SOUND,
    REVIEW_ALTERED,
    REVIEW_REMOVED,
    REVIEW_INSERTED,
    REVIEW_REORDERED,
    REVIEW_TRUNCATED, /* an anchor knows of more */
    REVIEW_REWRITTEN, /* the chain fits, an anchor or a seal does not */
    REVIEW_NEW_CHAIN, /* a second chain begins */
    REVIEW_UNSEALED,  /* a record without a seal after one with */
    REVIEW_MISSEALED, /* its epoch goes back, or has not come yet */
};

/* "altered", "removed" … */
const char *review_fault_word(enum review_fault fault);

struct review_place {
    size_t file;
    uint64_t line; /* 0: none */
};

/* What the log's record seq must have as its hash. */
struct review_anchor {
    uint64_t seq;
    uint8_t hash[AUDIT_HASH_LEN];
};

/* What came of it.  All borrowed from the check. */
struct review_verdict {
    enum review_fault fault;
    struct review_place place;              /* of the first record that is wrong; line 0: the end of the log */
    uint64_t seq;                           /* its number, or the number that belongs there */
    char sentence[REVIEW_SENTENCE_MAX + 1]; /* what is wrong */
    uint64_t records;                       /* that are sound, up to there */
    struct audit_chain before;              /* where the log begins: all zero for a whole one */
    struct audit_chain end;                 /* the last sound record */
    /* What is no fault. */
    uint64_t torn; /* lines that are no records, which an audit.gap behind them tells of, or a record that stands whole
                                  behind its unfinished beginning */
    struct review_place first_torn;
    bool is_tail_torn; /* the last line is not finished: it is being written, or was when the machine stopped */
    struct review_place tail;
    size_t anchors_met;
    size_t anchors_too_old; /* of records before the log's first */
    uint64_t last_anchor;   /* the last one that was met */
    /* With a key. */
    uint64_t sealed;       /* records whose seal is right */
    uint64_t first_sealed; /* the number of the first */
    uint64_t last_sealed;
    uint64_t early;    /* records of the key's first hour before the first seal */
    uint64_t unsealed; /* records after that before the first seal, or after a sealed audit.seal_off */
    uint64_t older;    /* records of before the key was made: it says nothing of them */
    uint64_t misdated; /* whose time lies outside of their seal's interval: the clock was set back, the next key could not
                                  be written down, or they are forged */
    uint64_t first_misdated;
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
