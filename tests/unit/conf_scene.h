/* SPDX-License-Identifier: ISC */
/*
 * Owns: configurations in memory, and their comparison.
 * Runs in: the build.
 * Never: judges; the tests do.
 */
#ifndef STAPLEGUARD_CONF_SCENE_H
#define STAPLEGUARD_CONF_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounds.h"
#include "conf/conf.h"
#include "conf/conf_keys.h"
#include "text/text.h"

#define ERROR_CAP 1024

/* struct conf owns its texts, so its fields are not const; here they borrow. */
#define TEXT(literal) ((char *)(uintptr_t)(literal))

struct conf *conf_scene_read_bytes(const char *text, size_t len, char *error);

struct conf *conf_scene_read_text(const char *text);

void conf_scene_expect_error_of(const char *text, size_t len, const char *start, const char *part);

void conf_scene_assert_same_text(const char *a, const char *b);

void conf_scene_assert_same_policy(const struct conf_cert_policy *a, const struct conf_cert_policy *b);

void conf_scene_assert_same_but_certs(const struct conf *a, const struct conf *b);

extern const struct conf conf_scene_defaults;

#endif
