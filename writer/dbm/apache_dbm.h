/* SPDX-License-Identifier: ISC */
/*
 * Owns: one commit of Apache's DBM file: read what is in place, merge, build, check, rename.
 * Runs in: writer.
 * Never: edits a file in place; loses a record that is not ours without saying so; opens what it reads itself.
 */
#ifndef STAPLEGUARD_APACHE_DBM_H
#define STAPLEGUARD_APACHE_DBM_H

#include "dbm/dbm_driver.h"
#include "dbm/dbm_entries.h"
#include "dbm/dbm_place.h"
#include "dbm/dbm_reader.h"
#include "keeper/keeper.h"
#include "words/reason.h"

/* Whose record a key in Apache's file is. */
enum dbm_owner {
    DBM_OWNER_FOREIGN, /* carried over */
    DBM_OWNER_OURS,    /* derived from the store: what stands in the file does not count */
    DBM_OWNER_WANTED,  /* ours, but the store holds nothing: handed to the caller, who may verify and keep it */
};

struct apache_dbm_rules {
    const char *name; /* in the working directory */
    const struct dbm_driver *driver;
    struct keeper *keeper; /* puts the file in place; NULL: it is renamed here */
    dev_t made_device;     /* the file that we put in place last: whatever is in it now, it may be replaced */
    ino_t made_inode;      /* 0: none */
    bool is_guard_wanted;
    bool is_time_judged; /* false: the clock is wrong, so nothing is taken for expired */
    int64_t now;
    unsigned read_timeout_sec;
    enum dbm_owner (*owner_of)(void *context, const uint8_t key[DBM_KEY_LEN]);
    void *context;
};

/* What of ours belongs into the file. */
struct apache_dbm_own {
    size_t count;
    const uint8_t *(*key)(void *context, size_t i); /* DBM_KEY_LEN octets; sorted, none twice */
    size_t (*value_len)(void *context, size_t i);
    const uint8_t *(*digest)(void *context, size_t i); /* SHA-256 of the value: 32 octets */
    bool (*value)(void *context, size_t i, uint8_t out[DBM_VALUE_MAX], size_t *len);
    void *context;
};

struct dbm_seen; /* a record of ours as it stood in the file */

struct apache_dbm {
    struct apache_dbm_rules rules;
    struct dbm_place place;
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
    bool is_read_again; /* because Apache wrote to it while a new one was built */
    char temporary[NAME_MAX + 1];
};

struct apache_dbm_outcome {
    enum reason reason;     /* REASON_NONE: what belongs into the file is in place */
    bool is_unchanged;      /* it was so before: nothing was renamed */
    bool is_guard_left_out; /* wanted, but a file with it did not hold */
    unsigned bits;
    size_t own;
    size_t foreign;
    size_t displaced; /* foreign ones left out for the guard */
    uint64_t disk_bytes;
    uint32_t lock_wait_usec; /* for Apache's own lock, the longest; 0: there is none, or nobody had it */
    uint32_t lock_held_usec;
    bool is_lock_timeout; /* Apache did not let go of it: written without */
    char detail[DETAIL_MAX + 1];
};

/*
 * First half: look at the file in place and read it.  Returns REASON_NONE, also when there is none or it cannot be read
 * (dbm->place, dbm->reading tell), or why nothing may be put there; place.detail says it in words.  apache_dbm_end it in
 * any case.
 */
enum reason apache_dbm_begin(struct apache_dbm *dbm, const struct apache_dbm_rules *rules);

/*
 * Second half: make a file of own and the foreign records and put it in place.  What Apache wrote to the old file
 * meanwhile is merged in, at most 3 times over.
 */
void apache_dbm_commit(struct apache_dbm *dbm, const struct apache_dbm_own *own, struct apache_dbm_outcome *outcome);

/* Did the file that apache_dbm_begin found hold exactly the value of this SHA-256? */
bool apache_dbm_held(const struct apache_dbm *dbm, const uint8_t key[DBM_KEY_LEN], const uint8_t digest[32]);

void apache_dbm_end(struct apache_dbm *dbm);

#endif
