/* SPDX-License-Identifier: ISC */
/*
 * Owns: /etc/stapleguard/stapleguard.conf: reading it, and what is wrong with a file.
 * Runs in: supervisor; the command line reads the same file.
 * Never: guesses: an unknown section, key or value is an error that names file and line.
 */
#ifndef STAPLEGUARD_CONF_H
#define STAPLEGUARD_CONF_H

#include <stdio.h>

#include "conf/conf_settings.h"

#define CONF_DEFAULT_PATH "/etc/stapleguard/stapleguard.conf"

/*
 * Read the configuration at path.  On success returns a new struct that conf_free ends.  On failure returns NULL, and error
 * (cap bytes, clean text) is one sentence, "PATH:LINE: what is wrong; what to do".
 */
struct conf *conf_read(const char *path, char *error, size_t cap);

/* The same from a stream; path only names it in errors. */
struct conf *conf_read_stream(FILE *stream, const char *path, char *error, size_t cap);

void conf_free(struct conf *conf);

#endif
