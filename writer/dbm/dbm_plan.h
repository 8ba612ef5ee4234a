/* SPDX-License-Identifier: ISC */
/*
 * Owns: the file to be built: which records, in how many buckets, in which order.
 * Runs in: writer.
 * Never: puts it in place.
 */
#ifndef STAPLEGUARD_DBM_PLAN_H
#define STAPLEGUARD_DBM_PLAN_H

#include "dbm/dbm_driver.h"
#include "dbm/dbm_entries.h"

/* What of ours belongs into the file. */
struct apache_dbm_own {
    size_t count;
    const uint8_t *(*key)(void *context, size_t i); /* DBM_KEY_LEN octets; sorted, none twice */
    size_t (*value_len)(void *context, size_t i);
    const uint8_t *(*digest)(void *context, size_t i); /* SHA-256 of the value: 32 octets */
    bool (*value)(void *context, size_t i, uint8_t out[DBM_VALUE_MAX], size_t *len);
    void *context;
};

struct dbm_planned; /* one record of the file */

struct dbm_plan {
    const struct apache_dbm_own *own;
    const struct dbm_entries *foreign;
    struct dbm_planned *items; /* owned; in the order of their buckets */
    size_t count;
    struct dbm_layout layout;
    uint8_t value[DBM_VALUE_MAX]; /* of the record that is being built */
};

/* Plan for own and foreign as they are now.  Returns false when memory ends.  dbm_plan_clear it in any case. */
bool dbm_plan_make(struct dbm_plan *plan, bool is_guard_wanted);

/* Make the file at path, which must not exist, and check it.  words: why not, "" where there is nothing to say. */
enum dbm_driver_result dbm_plan_build(
    struct dbm_plan *plan, const struct dbm_driver *driver, const char *path, char words[DETAIL_MAX + 1]);

void dbm_plan_clear(struct dbm_plan *plan);

#endif
