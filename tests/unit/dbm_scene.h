/* SPDX-License-Identifier: ISC */
/*
 * Owns: Apache's file in the working directory, the responses that the writer holds for it, and whole commits.
 * Runs in: unit tests.
 * Never: asks a clock: it is DBM_SCENE_NOW.
 */
#ifndef STAPLEGUARD_TEST_DBM_SCENE_H
#define STAPLEGUARD_TEST_DBM_SCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "dbm/apache_dbm.h"
#include "dbm_keys.h"

#define DBM_SCENE_FILE "ocsp_cache.db"
#define DBM_SCENE_TEMPORARY ".ocsp_cache.db.stapleguard-new"
#define DBM_SCENE_NOW INT64_C(1767323045)
#define HOUR INT64_C(3600)

/* The first 50 are ours, in ascending order; the others are foreign. */
extern uint8_t dbm_scene_keys[100][TEST_KEY_LEN];

struct dbm_scene {
    size_t own_count;
    size_t fail_at;       /* own's value cannot be had */
    uint8_t version;      /* of our values */
    unsigned late_writes; /* so many times somebody writes to the file in place while we build */
    unsigned late_written;
    int wanted; /* this key is ours, but nothing is held for it; -1: none */
    bool is_guard_wanted;
    bool is_time_judged;
    struct apache_file file; /* of the commit under way */
    struct dbm_read_rules rules;
};

/* cmocka's setup: a working directory and the keys.  The teardown is temp_dir_teardown. */
int dbm_scene_setup(void **state);

/* Return a scene in which the writer holds own_count responses, with the guard wanted and a clock that is right. */
struct dbm_scene dbm_scene_of(size_t own_count);
/* Begin a commit in this scene, which `dbm` borrows. */
enum reason dbm_scene_begin(struct dbm_scene *scene, struct apache_dbm *dbm);

/* Put a record in as Apache's children do.  number: of the key; expiry: seconds since 1970. */
void dbm_scene_put(size_t number, int64_t expiry, enum dbm_flag flag, uint8_t content);

/* Do one whole commit.  *begin_reason: what the first half said. */
struct apache_dbm_outcome dbm_scene_commit(struct dbm_scene *scene, enum reason *begin_reason);
/* Do one whole commit, and fail the test unless it succeeds. */
struct apache_dbm_outcome dbm_scene_commit_well(struct dbm_scene *scene);

/* Look a key's record up as Apache would.  Returns whether there is one. */
bool dbm_scene_find(size_t number, struct dbm_record *record);
/* Fail the test unless Apache would find each of our responses. */
void dbm_scene_expect_served(struct dbm_scene *scene);
ino_t dbm_scene_inode(void);

#endif
