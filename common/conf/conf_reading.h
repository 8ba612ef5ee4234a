/* SPDX-License-Identifier: ISC */
/*
 * Owns: a configuration while it is being read: its first error, and its lines before inih sees them (bounds, characters,
 *       section headers).
 * Runs in: supervisor, command line.
 * Never: cuts a line, or hands on one that is not clean text; outlives conf_read_stream.
 *
 * This stands between the file and inih because inih would cut a line that is too long and a section's name after 49
 * bytes, take an indented line for the rest of the value above, and does not tell its handler which line it is at.
 */
#ifndef STAPLEGUARD_CONF_READING_H
#define STAPLEGUARD_CONF_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "conf/conf_keys.h"
#include "conf/conf_settings.h"

/* How much of a wrong word an error repeats. */
#define CONF_SHOWN_LEN 80

struct conf_reading {
    FILE *stream;
    const char *path;
    struct conf *conf;
    char *error;
    size_t error_cap;
    bool has_failed;
    unsigned failed_line;
    unsigned line; /* from 1 */
    size_t bytes;
    const char *section;              /* as the table names it; NULL before the first */
    unsigned key_line[CONF_KEYS_MAX]; /* by row of the table: where the key stands outside certificates; 0: nowhere */
    uint64_t *cert_seen;              /* beside conf->certs: bits of the rows that stand in the certificate's section */
    size_t cert_cap;
};

/* Keep the first error: "PATH:LINE: text", or "PATH: text" for line 0.  Returns false, for the caller to return. */
bool conf_fail(struct conf_reading *r, unsigned line, const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * inih's reader (its ini_reader; stream: the struct conf_reading): the next line, checked, without what stands before
 * its first word, so that inih never takes it for a continuation.  A section's header begins the section; inih sees an
 * empty line.
 */
char *conf_next_line(char *line, int cap, void *stream);

#endif
