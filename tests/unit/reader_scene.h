/* SPDX-License-Identifier: ISC */
/*
 * Owns: a file in the working directory for the reader of Apache's file, and what the reader takes out of it.
 * Runs in: unit tests.
 * Never: leaves a child process behind.
 */
#ifndef STAPLEGUARD_TEST_READER_SCENE_H
#define STAPLEGUARD_TEST_READER_SCENE_H

#include <stdbool.h>
#include <stddef.h>

#include "dbm/dbm_reader.h"

#define READER_SCENE_FILE "cache.db"
/* Seconds: far more than any of these files takes. */
#define TIMEOUT_SEC 20u

struct reader_scene_taken {
    size_t count;
    size_t octets; /* of values */
    bool has_guard_first;
    size_t stop_at; /* take no more than this many */
};

/* Take one pair.  context: struct reader_scene_taken. */
bool reader_scene_take(void *context, const struct dbm_pair *pair);

/* Read READER_SCENE_FILE to its end; a child process that is left behind fails the test. */
struct reader_scene_taken reader_scene_read(
    const struct dbm_driver *driver, unsigned timeout_sec, struct foreign_outcome *outcome);

/* Make READER_SCENE_FILE as the writer does: count records (at most 2,000) with values of value_len octets, in 2^bits buckets. */
void reader_scene_make_file(size_t count, size_t value_len, unsigned bits);

#endif
