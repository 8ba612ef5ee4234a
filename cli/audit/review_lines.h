/* SPDX-License-Identifier: ISC */
/*
 * Owns: the lines of one file of the audit log, whether it is compressed or not, in a buffer that does not grow.
 * Runs in: command line.
 * Never: runs a program to decompress, or stops because of what a line holds.
 */
#ifndef STAPLEGUARD_REVIEW_LINES_H
#define STAPLEGUARD_REVIEW_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A longer line is cut: no record is that long by far. */
#define REVIEW_LINE_MAX 65536u

struct review_line {
    const char *path; /* of the file; borrowed */
    size_t file;      /* its number, from 0 */
    uint64_t number;  /* from 1 */
    const char *text; /* without newline; anything may be in it */
    size_t len;
    bool is_ended; /* by a newline; only the last of a file may lack it */
    bool is_cut;   /* it was longer than REVIEW_LINE_MAX: text is its beginning */
};

struct review_lines;

/* Read from the start of fd (borrowed, a regular file): plain, or what gzip, bzip2, xz or zstd made.  NULL: no memory. */
struct review_lines *review_lines_open(int fd);

/*
 * The next line; it is valid until the next call.  False: the end, or *why (valid while lines is) says what kept us from it
 * (else it is NULL).
 */
bool review_lines_next(struct review_lines *lines, struct review_line *line, const char **why);

void review_lines_close(struct review_lines *lines);

#endif
