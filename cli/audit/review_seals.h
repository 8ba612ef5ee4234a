/* SPDX-License-Identifier: ISC */
/*
 * Owns: whether each record's seal (audit_seal.h) is right, with keys that are evolved from the first.
 * Runs in: command line.
 * Never: goes back in the epochs, or to the key before.
 */
#ifndef STAPLEGUARD_REVIEW_SEALS_H
#define STAPLEGUARD_REVIEW_SEALS_H

#include "audit/review_item.h"

/* One key, and those that took its place (--setup-seal --replace). */
#define REVIEW_KEYS_MAX 16u

struct review_seals {
    struct audit_key keys[REVIEW_KEYS_MAX]; /* by their start */
    size_t count;
    bool is_spent[REVIEW_KEYS_MAX]; /* another one took its place */
    size_t at;                      /* the one that seals now */
    int64_t now_sec;
    bool has_begun; /* a record with a right seal was seen */
    bool is_off;    /* the last of them says that it is the last: audit.seal_off */
};

/* keys: count of them, of epoch 0, in any order; at most REVIEW_KEYS_MAX. */
void review_seals_init(struct review_seals *seals, const struct audit_key *keys, size_t count, int64_t now_sec);

/* The next record of the chain.  Counts in *verdict; a fault has its sentence there, too. */
enum review_fault review_seals_check(struct review_seals *seals, const struct review_item *item, struct review_verdict *verdict);

#endif
