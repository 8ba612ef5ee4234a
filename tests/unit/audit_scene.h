/* SPDX-License-Identifier: ISC */
/*
 * Owns: an audit log whose disk fails on demand: write(2), fsync(2) and the clock are simulated.
 * Runs in: the build.
 * Never: judges; the tests do.
 */
#ifndef STAPLEGUARD_AUDIT_SCENE_H
#define STAPLEGUARD_AUDIT_SCENE_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/audit.h"
#include "audit/audit_pending.h"
#include "audit/audit_tail.h"
#include "system/log.h"

#define UNLIMITED SIZE_MAX

extern size_t audit_scene_room;

extern int audit_scene_sync_error;

extern unsigned audit_scene_write_calls;

extern unsigned audit_scene_sync_calls;

extern unsigned audit_scene_directory_syncs;

extern int64_t audit_scene_now_usec;

int64_t audit_scene_test_clock(void);

extern char audit_scene_log_text[4096];

extern unsigned audit_scene_log_lines;

void audit_scene_keep_log(enum severity severity, const char *text);

extern char audit_scene_dir[sizeof P_tmpdir "/test_audit.XXXXXX"];

extern char audit_scene_path[sizeof audit_scene_dir + 32];

extern char audit_scene_rotated_path[sizeof audit_scene_path + 2];

int audit_scene_make_dir(void **state);

int audit_scene_remove_dir(void **state);

/* Remove a directory that is empty but for the lock of a log of that name.  Returns 0 or -1. */
int audit_scene_remove_log_dir(const char *directory, const char *log_name);

char *audit_scene_read_file(const char *name, size_t *len);

void audit_scene_append_to_file(const char *name, const char *data, size_t len);

size_t audit_scene_file_size(void);

struct audit *audit_scene_open_log(void);

void audit_scene_add(struct audit *audit, const char *detail);

void audit_scene_add_and_flush(struct audit *audit, const char *detail);

/* Each line of the file must be a sound record that follows *chain.  Returns how many there are. */
unsigned audit_scene_verify_file(const char *name, struct audit_chain *chain);

/* The number-th line (from 1) of the file has this text in it. */
void audit_scene_assert_line_has(unsigned number, const char *text);

#endif
