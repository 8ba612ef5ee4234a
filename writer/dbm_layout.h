/*
 * Owns: how many buckets Apache's file gets, so that the scan guard's empty key is the first record of it.
 * Runs in: writer.
 * Never: touches a file or Berkeley DB; asks for more buckets than DBM_LAYOUT_BITS_MAX says.
 *
 * Why: mod_ssl walks the whole file at nearly every handshake, and a record with an empty key that comes first ends the
 * walk at once.  The empty key hashes to 0, so it stands in bucket 0; within a page it sorts last.  So bucket 0 must hold
 * nothing else: with 2^bits buckets no other key may have `hash & (2^bits - 1) == 0`.  More buckets cost nothing but
 * holes in a sparse file.
 */
#ifndef STAPLEGUARD_DBM_LAYOUT_H
#define STAPLEGUARD_DBM_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fewer would let what Apache adds by itself fall into bucket 0 too often (once in 2^bits entries). */
#define DBM_LAYOUT_BITS_MIN 10u

/*
 * The most: 2^22 pages of 8 KiB are a sparse file of 32 GiB, which every file system that Apache runs on can hold, and
 * walking its empty buckets (what we do once a commit) stays within FOREIGN_READ_SEC.  With 100,000 certificates a key of
 * ours stands in the way by chance once in 40 sites; with 10,000 once in 400.
 */
#define DBM_LAYOUT_BITS_MAX 22u

/*
 * How far entries that are not ours may push: whoever can write to Apache's file can choose their keys, and each bit
 * doubles the walk. 6 bits more than their number needs, or 16 in any case (0.1 s): an honest one is then in the way once
 * in 64 files.
 */
#define DBM_LAYOUT_FOREIGN_RAISE 6u
#define DBM_LAYOUT_FOREIGN_BITS 16u

/* What must be known of a set of keys; zeroed, then one dbm_layout_count for each key. */
struct dbm_layout_sum {
    size_t count;
    unsigned own_zeros;        /* most low zero bits of the hash among keys of ours */
    size_t foreign_zeros[33];  /* how many foreign keys have exactly so many */
    bool has_own;
};

struct dbm_layout {
    unsigned bits;    /* 2^bits buckets */
    bool has_guard;
    size_t displaced; /* foreign keys that stand in bucket 0 and so must be left out */
};

/*
 * The hash of a Berkeley DB hash file, version 5 and later: h = h * 16777619 ^ byte, from 0.
 * Source: Berkeley DB src/hash/hash_func.c, __ham_func5.
 */
uint32_t dbm_layout_hash(const uint8_t *key, size_t len);

uint32_t dbm_layout_bucket(const struct dbm_layout *layout, const uint8_t *key, size_t len);

void dbm_layout_count(struct dbm_layout_sum *sum, const uint8_t *key, size_t len, bool is_own);

/*
 * Choose the number of buckets: more than there are records, so that Berkeley DB never splits one.  With is_guard_wanted,
 * as many more as keep bucket 0 free; foreign keys that would need too many are displaced; a key of ours that would need
 * too many costs the guard: a staple is worth more than speed.
 */
void dbm_layout_choose(const struct dbm_layout_sum *sum, bool is_guard_wanted, struct dbm_layout *layout);

#endif
