/* SPDX-License-Identifier: ISC */
/*
 * Owns: a real store in a directory of its own, and records to put into it.
 * Runs in: the build.
 * Never: judges; the tests do.
 */
#ifndef STAPLEGUARD_STORE_SCENE_H
#define STAPLEGUARD_STORE_SCENE_H

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <db.h>

#include "dbm_keys.h"
#include "store/store.h"
#include "store/store_home.h"
#include "temp_dir.h"

#define NOW INT64_C(1767323045) /* 2026-01-02T03:04:05Z */

extern uint8_t store_scene_sample_der[STAPLE_DER_MAX];

void store_scene_make_id(uint32_t number, uint8_t id[STORE_ID_LEN]);

struct store_record store_scene_make_record(uint32_t number, size_t der_len);

struct store *store_scene_open_store(const char *directory);

enum store_result store_scene_put(struct store *store, uint32_t number, size_t der_len);

enum store_result store_scene_get(struct store *store, uint32_t number);

void store_scene_put_all(struct store *store, uint32_t begin, uint32_t end, size_t der_len);

bool store_scene_count_record(void *context, const uint8_t *id, enum store_result result, const struct store_record *record);

size_t store_scene_count_all(struct store *store);

size_t store_scene_count_files(const char *directory, const char *prefix);

void store_scene_fill_store(uint32_t count);

struct store *store_scene_open_home(struct store_home_outcome *outcome);

void store_scene_assert_usable(struct store *store);

#endif
