/* SPDX-License-Identifier: ISC */
/*
 * Owns: what is known while a configuration is being read, shared by the files that read it.
 * Runs in: supervisor, command line.
 * Never: outlives conf_read_stream.
 */
#ifndef STAPLEGUARD_CONF_READING_H
#define STAPLEGUARD_CONF_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "conf/conf.h"

/* How much of a wrong word an error repeats. */
#define CONF_SHOWN_LEN 80

/* No table of keys is longer: a certificate's section has one bit for each. */
#define CONF_KEYS_MAX 64u
#define CONF_KEY_BIT(number) ((uint64_t)1 << (number))

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

/* When all lines are read: inheritance, and what only shows in the whole.  False after conf_fail. */
bool conf_finish(struct conf_reading *r);

#endif
