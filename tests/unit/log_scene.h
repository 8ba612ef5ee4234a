/* SPDX-License-Identifier: ISC */
/*
 * Owns: an audit log in a directory of its own, with a clock that the test sets, and the lines that were logged meanwhile.
 * Runs in: unit tests.
 * Never: leaves anything behind.
 */
#ifndef STAPLEGUARD_TEST_LOG_SCENE_H
#define STAPLEGUARD_TEST_LOG_SCENE_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/audit.h"
#include "temp_dir.h"

/* The log's name in the directory, which is the working directory; and the time at which each test begins. */
#define LOG "audit.jsonl"
#define LOG_START_SEC INT64_C(1795455253)

struct log_scene {
    int64_t now_usec; /* a microsecond more at each look */
    char path[128];   /* of the log */
    char said[8192];  /* every line that was logged */
};

extern struct log_scene log_scene;

/* cmocka's setup and teardown.  *state: the directory's path (char *), which is the log's state_dir. */
int log_scene_setup(void **state);
int log_scene_teardown(void **state);

struct audit *log_scene_open(void **state, bool is_sealed);
/* A record with this detail, flushed. */
void log_scene_add(struct audit *audit, const char *detail);

/* The number-th line (from 1) of a file, in a buffer that lasts until the next call. */
const char *line_of(const char *name, unsigned number);
void assert_has(const char *line, const char *part);
/* Is this line the record that follows the chain? */
void assert_follows(const char *line, struct audit_chain *chain);
/* The first lines of a file are records that follow each other from the very first on. */
struct audit_chain chain_after(const char *name, unsigned lines);

#endif
