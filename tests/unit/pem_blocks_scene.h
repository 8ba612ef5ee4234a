/* SPDX-License-Identifier: ISC */
/*
 * Owns: PEM samples with keys in them, and a free(3) that looks for key material.
 * Runs in: the build.
 * Never: judges; the tests do.
 */
#ifndef STAPLEGUARD_PEM_BLOCKS_SCENE_H
#define STAPLEGUARD_PEM_BLOCKS_SCENE_H

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
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

#include "pem/pem_blocks.h"

extern const char pem_blocks_scene_leaf_pem[];

extern const char pem_blocks_scene_key_pem[];

extern const char pem_blocks_scene_ca_pem[];

extern const char pem_blocks_scene_trusted_pem[];

/* Any 16 characters of the key's secret count as a leak.  What stands before it is the algorithm, as in certificates. */
#define KEY_RUN 16u

#define SECRET_START "zBHPmW6/"

/* The key's base64 from its secret on, without line ends. */
const char *pem_blocks_scene_key_base64(void);

bool pem_blocks_scene_holds_key_run(const char *data, size_t len);

extern volatile bool pem_blocks_scene_is_free_watched;

extern volatile unsigned pem_blocks_scene_freed_with_key;

char *pem_blocks_scene_join(const char *a, const char *b, const char *c);

#endif
