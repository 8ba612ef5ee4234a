/* SPDX-License-Identifier: ISC */
/*
 * Owns: a line of the log as far as the chain is concerned.
 * Runs in: command line.
 * Never: keeps the line itself.
 */
#ifndef STAPLEGUARD_REVIEW_ITEM_H
#define STAPLEGUARD_REVIEW_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/audit_record.h"
#include "audit/review_lines.h"
#include "audit/review_verdict.h"

struct review_item {
    struct review_place place;
    enum audit_result result; /* by itself: AUDIT_OK, AUDIT_NOT_A_RECORD or AUDIT_WRONG_HASH */
    bool is_ended;
    bool could_be_torn;    /* it may be the beginning of a record that was never finished */
    bool is_gap;           /* audit.gap */
    bool is_gap_of_bytes;  /* and without a count: what the service writes behind a line that is no record */
    bool is_seal_off;      /* audit.seal_off */
    bool is_seal_failed;   /* audit.seal_failed */
    bool is_whole_of_torn; /* it begins as the line before it, which was not ended */
    /* Of a record. */
    struct audit_chain before;
    struct audit_chain after;
    int64_t time_sec;
    bool is_sealed;
    struct audit_seal seal;
    /* What can still be read of one that is none. */
    uint64_t claimed_seq; /* 0: nothing */
    bool has_claimed_prev;
    uint8_t claimed_prev[AUDIT_HASH_LEN];
};

/* Look at a line by itself.  torn: the text of the line before when that was not ended, else NULL. */
void review_item_read(const struct review_line *line, const char *torn, size_t torn_len, struct review_item *item);

/* May this be a record that was cut off while it was written? */
bool review_item_could_be_torn(const char *text, size_t len);

#endif
