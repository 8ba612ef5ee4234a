/* SPDX-License-Identifier: ISC */
/*
 * Owns: how many buckets Apache's file gets, so that the scan guard's empty key is the first record of it.
 * Runs in: writer.
 * Never: touches a file or Berkeley DB; asks for more buckets than DBM_LAYOUT_BITS_MAX says.
 *
 * Why: mod_ssl walks the whole file at nearly every handshake, and a record with an empty key that comes first ends the
 * walk at once.  The empty key hashes to 0, so it stands in bucket 0; within a page it sorts last.  So the first page of bucket 0
 * must hold nothing else: with 2^bits buckets a key whose hash has that many low zero bits stands there too.  More buckets cost
 * nothing but holes in a sparse file, so there are as many as make bucket 0 empty, up to a bound; whatever is still in the way
 * then, the driver puts on that bucket's second page.  So there is a guard for every set of keys.
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
 * walking its empty buckets (what we do once a commit) stays within FOREIGN_READ_SEC.
 */
#define DBM_LAYOUT_BITS_MAX 22u

/*
 * How far keys may push: whoever can write to Apache's file can choose some, and each bit doubles the walk.  6 bits more than
 * their number needs, or 16 in any case (0.1 s): a key is then in the way by chance once in 64 files.
 */
#define DBM_LAYOUT_RAISE 6u
#define DBM_LAYOUT_RAISED_BITS 16u

/*
 * How many foreign keys may stand behind the guard: each of them is looked for past the others, by Apache and while building.
 * Nobody has so many by chance.
 */
#define DBM_LAYOUT_FOREIGN_BEHIND_MAX 64u

/*
 * The two sizes of a page.  httpd reads one record a handshake: one of the usual 1.3 to 2 KB stands on one page of the larger
 * size, which then takes 8 KiB on disk.  A value longer than a quarter of the page has pages of its own besides: where most are
 * longer than 2 KB, or all short, small pages take less room.
 */
#define DBM_LAYOUT_PAGE_SMALL 4096u
#define DBM_LAYOUT_PAGE_LARGE 8192u
#define DBM_LAYOUT_PAGE_HEADER 26u /* before what a page holds */

/* What must be known of a set of records; zeroed, then one dbm_layout_count for each. */
struct dbm_layout_sum {
    size_t count;
    uint64_t small_len; /* octets on disk with pages of either size, each record in a bucket of its own */
    uint64_t large_len;
    size_t own_zeros[33]; /* how many keys of ours have exactly so many low zero bits in their hash */
    size_t foreign_zeros[33];
};

struct dbm_layout {
    unsigned bits;     /* 2^bits buckets */
    unsigned page_len; /* octets */
    bool has_guard;
    size_t own_behind;     /* keys of ours in bucket 0, behind the guard */
    size_t foreign_behind; /* foreign ones, too */
    size_t displaced;      /* foreign ones that are too many for that, and left out */
};

/*
 * The hash of a Berkeley DB hash file, version 5 and later: h = h * 16777619 ^ byte, from 0.
 * Source: Berkeley DB src/hash/hash_func.c, __ham_func5.
 */
uint32_t dbm_layout_hash(const uint8_t *key, size_t len);

uint32_t dbm_layout_bucket(const struct dbm_layout *layout, const uint8_t *key, size_t len);

void dbm_layout_count(struct dbm_layout_sum *sum, const uint8_t *key, size_t len, size_t value_len, bool is_own);

/*
 * Choose the number of buckets: more than there are records, so that Berkeley DB splits one only where many of them fall into
 * one (it then adds a bucket for each page that is added; bucket 0 keeps the guard).  With is_guard_wanted,
 * as many more as keep bucket 0 free; keys that would need too many stand behind the guard, and no key of ours is left out.
 */
void dbm_layout_choose(const struct dbm_layout_sum *sum, bool is_guard_wanted, struct dbm_layout *layout);

#endif
