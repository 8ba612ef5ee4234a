/* SPDX-License-Identifier: ISC */
/*
 * Owns: one commit of Apache's DBM file: read what is in place, merge, build, check, rename.
 * Runs in: writer.
 * Never: edits a file in place; loses a record that is not ours without saying so; opens what it reads itself.
 */
#ifndef STAPLEGUARD_APACHE_DBM_H
#define STAPLEGUARD_APACHE_DBM_H

#include "dbm/dbm_contents.h"
#include "dbm/dbm_place.h"
#include "dbm/dbm_plan.h"
#include "keeper/keeper.h"
#include "words/reason.h"

/* Apache's file, for the life of the writer. */
struct apache_file {
    const char *path;
    const char *name;      /* in the working directory */
    struct keeper *keeper; /* puts the file in place; NULL (--once): it is renamed here */
    bool is_guard_wanted;
    dev_t made_device; /* the file that was put in place last: whatever is in it now, it may be replaced */
    ino_t made_inode;  /* 0: none yet */
};

struct apache_dbm {
    const struct apache_file *file;
    struct dbm_read_rules rules;
    struct dbm_place place;
    struct dbm_contents contents;
    struct dbm_plan plan;
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
 * (dbm->place, dbm->contents.reading tell), or why nothing may be put there; place.detail says it in words.  apache_dbm_end it in
 * any case.
 */
enum reason apache_dbm_begin(struct apache_dbm *dbm, const struct apache_file *file, const struct dbm_read_rules *rules);

/*
 * Second half: make a file of own and the foreign records and put it in place.  What Apache wrote to the old file
 * meanwhile is merged in, at most 3 times over.
 */
void apache_dbm_commit(struct apache_dbm *dbm, const struct apache_dbm_own *own, struct apache_dbm_outcome *outcome);

void apache_dbm_end(struct apache_dbm *dbm);

#endif
