/* SPDX-License-Identifier: ISC */
/*
 * Owns: what a look at the whole log may find, and where.
 * Runs in: command line.
 * Never: depends on how it is found.
 */
#ifndef STAPLEGUARD_REVIEW_VERDICT_H
#define STAPLEGUARD_REVIEW_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/audit_record.h"

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

struct review_place {
    size_t file;
    uint64_t line; /* 0: none */
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

#endif
