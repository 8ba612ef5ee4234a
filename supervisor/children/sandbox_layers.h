/* SPDX-License-Identifier: ISC */
/*
 * Owns: what a kernel that lacks a layer of the sandbox means: said by name, and put up with or not.
 * Runs in: supervisor.
 * Never: goes on without a layer that nothing stands in for, unless the administrator said so.
 */
#ifndef STAPLEGUARD_SANDBOX_LAYERS_H
#define STAPLEGUARD_SANDBOX_LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"

/* Whether `missing` (SANDBOX_LAYER_* bits) is put up with: a layer that another one stands in for, or require_sandbox = no. */
bool layers_are_enough(const struct conf *conf, uint32_t missing);

/* Say, once, which layers this kernel lacks.  False: that is not put up with, and error (cap bytes) says so. */
bool layers_check(const struct conf *conf, uint32_t missing, char *error, size_t cap);

#endif
