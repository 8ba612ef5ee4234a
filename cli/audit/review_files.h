/* SPDX-License-Identifier: ISC */
/*
 * Owns: which files the audit log is made of, open, and in the order in which they were written.
 * Runs in: command line.
 * Never: trusts a name for the order: it is the number of the first record that counts.
 */
#ifndef STAPLEGUARD_REVIEW_FILES_H
#define STAPLEGUARD_REVIEW_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/review_lines.h"

struct review_file {
    char *path;
    int fd;
    uint64_t first_seq; /* of the first line that has the shape of a record; without one, that of the file before */
    size_t rank;        /* its place by name */
};

struct review_files {
    struct review_file *files; /* oldest first */
    size_t count;
};

/*
 * Is `name` the log `base` (both without directory), or what logrotate makes of it: BASE.7, BASE-20261125, BASE-20261125-1795455253,
 * each perhaps with .gz or another ending?  *age: 0 for the log itself, and larger the older it must be; *stem_len: where the
 * ending begins.
 */
bool review_files_match(const char *base, const char *name, uint64_t *age, size_t *stem_len);

/*
 * Open the log at path and the files that were rotated from it.  False: error (cap bytes) is a sentence that says what is wrong
 * and what to do.  review_files_close it in either case.
 */
bool review_files_find(const char *path, struct review_files *files, char *error, size_t cap);

/* The same for just these. */
bool review_files_open(char *const *paths, size_t count, struct review_files *files, char *error, size_t cap);

void review_files_close(struct review_files *files);

/* Returns false to stop. */
typedef bool review_visit(void *context, const struct review_line *line);

/*
 * Show every line to visit.  Returns how many files could not be read to their end; each is named in the log.  May be called again.
 */
size_t review_files_walk(const struct review_files *files, review_visit *visit, void *context);

#endif
