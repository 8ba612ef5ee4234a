/* SPDX-License-Identifier: ISC */
/*
 * Owns: the reference for what Berkeley DB itself takes: plain calls, in the kind of environment and file that we use.
 * Runs in: the benchmark.
 * Never: uses stapleguard's own code.
 */
#ifndef STAPLEGUARD_BENCH_PARTS_DB_H
#define STAPLEGUARD_BENCH_PARTS_DB_H

#include <stdint.h>

#include "bench_pool.h"

/* Put `count` responses under 32-octet keys in transactions of `batch`, synced at each commit.  directory is empty. */
void parts_db_store(const char *directory, const struct bench_pool_file *responses, uint32_t count, uint32_t batch);

/* Make a hash file of them as Apache reads it, under 20-octet keys, with room for all from the start. */
void parts_db_hash_file(const char *path, const struct bench_pool_file *responses, uint32_t count);

#endif
