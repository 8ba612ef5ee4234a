/* SPDX-License-Identifier: ISC */
/*
 * Owns: the lines of a configuration file as httpd joins and counts them.
 * Runs in: command line.
 * Never: opens a file, or knows what a directive means.
 *
 * A backslash before a line's end joins the next line to it, in comments too.  A directive's line number is that of the last
 * line that belongs to it.  Source: httpd server/util.c (ap_cfg_getline_core), server/config.c (ap_build_config_sub).
 */
#ifndef STAPLEGUARD_CONFIG_LINES_H
#define STAPLEGUARD_CONFIG_LINES_H

#include <stdbool.h>
#include <stddef.h>

struct config_bytes {
    const char *data;
    size_t len;
};

/* One line, joined. */
struct config_line {
    size_t begin;
    size_t text; /* the first byte that is not blank; end when all are */
    size_t end;
    bool is_comment;
};

bool config_is_blank(char c);

/* The line that begins at byte begin < len; the backslash of a line above is not looked at. */
struct config_line config_line_at(struct config_bytes file, size_t begin);

/* Where the joined line begins of which the line from byte `begin` on is a part. */
size_t config_line_begin(struct config_bytes file, size_t begin);

/* True when the line's first word is that, in any case. */
bool config_line_is(struct config_bytes file, const struct config_line *line, const char *word);

#endif
