/* SPDX-License-Identifier: ISC */
/*
 * Owns: records on a terminal: time, what it is about, and a sentence, in columns.
 * Runs in: command line.
 * Never: prints a byte of a line that text.h would not let through.
 */
#ifndef STAPLEGUARD_REVIEW_VIEW_H
#define STAPLEGUARD_REVIEW_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "audit/review_filter.h"
#include "audit/review_lines.h"

struct review_view {
    FILE *out;
    const struct review_filter *filter;
    bool is_json;
    bool is_coloured;
    uint64_t shown;
    uint64_t unreadable;                     /* lines that are no records */
    bool is_in_time;                         /* the last record was; a line that is none is taken to be of its time */
    bool is_cert_seen[REVIEW_CERTS_MAX + 1]; /* of the filter's, in its order, at whatever time */
};

/* Show a line if it is wanted.  Returns false when out takes no more. */
bool review_view_line(struct review_view *view, const struct review_line *line);

/* Is colour wanted on the stream?  A terminal, and no NO_COLOR (no-color.org). */
bool review_view_wants_colour(FILE *stream);

#endif
