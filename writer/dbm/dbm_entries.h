/* SPDX-License-Identifier: ISC */
/*
 * Owns: records of Apache's file that are kept in memory while a commit is made: each key once, bounded in number and
 *       octets.
 * Runs in: writer.
 * Never: keeps more than FOREIGN_ENTRIES_MAX records or FOREIGN_BYTES_MAX octets.
 */
#ifndef STAPLEGUARD_DBM_ENTRIES_H
#define STAPLEGUARD_DBM_ENTRIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dbm/dbm_record.h"

struct dbm_entry {
    uint8_t key[DBM_KEY_LEN];
    uint16_t value_len;
    uint8_t *value; /* owned */
};

struct dbm_entries {
    struct dbm_entry *items; /* sorted by key after dbm_entries_sort */
    size_t count;
    size_t cap;
    size_t octets;
    size_t dropped; /* for want of room */
};

enum dbm_entries_result {
    DBM_ENTRIES_OK,
    DBM_ENTRIES_FULL,      /* one of the bounds: counted in dropped */
    DBM_ENTRIES_NO_MEMORY, /* also counted */
};

/* A zeroed struct is an empty set. */
void dbm_entries_clear(struct dbm_entries *entries);

/* Copy one record in.  The same key may come again: the later value is the one that counts after dbm_entries_sort. */
enum dbm_entries_result dbm_entries_add(
    struct dbm_entries *entries, const uint8_t key[DBM_KEY_LEN], const uint8_t *value, size_t value_len);

/* Sort by key and forget all but the last value of each. */
void dbm_entries_sort(struct dbm_entries *entries);

/* After dbm_entries_sort.  NULL: not there. */
const struct dbm_entry *dbm_entries_find(const struct dbm_entries *entries, const uint8_t key[DBM_KEY_LEN]);

#endif
