/* SPDX-License-Identifier: ISC */
/*
 * Owns: what the file in place holds: the records that are carried over, those that the caller may adopt, and ours.
 * Runs in: writer.
 * Never: opens what it reads itself; loses a record that is not ours without counting it.
 */
#ifndef STAPLEGUARD_DBM_CONTENTS_H
#define STAPLEGUARD_DBM_CONTENTS_H

#include "dbm/dbm_entries.h"
#include "dbm/dbm_place.h"
#include "dbm/dbm_reader.h"

/* Whose record a key in Apache's file is. */
enum dbm_owner {
    DBM_OWNER_FOREIGN, /* carried over */
    DBM_OWNER_OURS,    /* derived from the store: what stands in the file does not count */
    DBM_OWNER_WANTED,  /* ours, but the store holds nothing: handed to the caller, who may verify and keep it */
};

/* How the file is read, and what its records are. */
struct dbm_read_rules {
    const struct dbm_driver *driver;
    unsigned timeout_sec;
    bool is_time_judged; /* false: the clock is wrong, so nothing is taken for expired */
    int64_t now;
    enum dbm_owner (*owner_of)(void *context, const uint8_t key[DBM_KEY_LEN]);
    void *context;
};

struct dbm_seen; /* a record of ours as it stood in the file */

/* All zero: nothing was read.  dbm_contents_clear it in any case. */
struct dbm_contents {
    const struct dbm_read_rules *rules; /* of the reading under way */
    struct foreign_outcome reading;
    struct dbm_entries foreign; /* carried over */
    struct dbm_entries late;    /* what a look at the replaced file found besides */
    struct dbm_entries wanted;
    struct dbm_seen *seen;
    size_t seen_count;
    size_t seen_cap;
    size_t records; /* in the file, the guard too */
    size_t invalid; /* records that are not stapling records, or lie beyond any staple's time */
    bool is_guard_first;
    bool is_read_again;
};

/*
 * Read the file at place, whose fd is open; contents->reading says how that went.  is_read_again: the caller has looked at
 * what it wanted already, so that further records of that kind are carried over.
 */
void dbm_contents_read(
    struct dbm_contents *contents, const struct dbm_read_rules *rules, struct dbm_place *place, bool is_read_again);

/* Add what Apache wrote to the file that was replaced since it was read.  Returns whether there is something new. */
bool dbm_contents_read_late(struct dbm_contents *contents, const struct dbm_read_rules *rules, const struct dbm_place *replaced);

/* Did the file hold exactly the value of this SHA-256? */
bool dbm_contents_held(const struct dbm_contents *contents, const uint8_t key[DBM_KEY_LEN], const uint8_t digest[32]);

void dbm_contents_clear(struct dbm_contents *contents);

#endif
