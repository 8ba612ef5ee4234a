/* SPDX-License-Identifier: ISC */
/*
 * Owns: how our lines look in a file that is not ours, putting them in, and finding them again.
 * Runs in: command line.
 * Never: changes a byte that is not ours: without our lines the bytes are those from before.
 *
 * A line that was put in has a comment above it that says so.  A line that was put aside is a comment itself, behind a word
 * that nobody else uses.  Both are found line by line, so whatever else was edited since does not matter.
 */
#ifndef STAPLEGUARD_CONFIG_MARKS_H
#define STAPLEGUARD_CONFIG_MARKS_H

#include "apache_config/config_arena.h"

#define HTTPD_MARK_ADDED "# stapleguard: added by \"stapleguard enable\""
#define HTTPD_MARK_ASIDE "# stapleguard: put aside by \"stapleguard enable\""
#define HTTPD_MARK_WAS "#stapleguard-was#"

struct httpd_bytes {
    const char *data;
    size_t len;
};

/* At byte `at`, remove bytes go and text comes. */
struct httpd_splice {
    size_t at;
    size_t remove;
    struct httpd_bytes text;
};

/* All: false when there is no memory.  Results are the arena's. */

/* directive, with its mark, before the line that begins at byte `at`; indented and ended as the lines around it. */
bool httpd_marks_add(
    struct httpd_arena *arena, struct httpd_bytes file, size_t at, const char *directive, struct httpd_splice *splice);

/* The line from begin to end (as struct httpd_line has it) put aside. */
bool httpd_marks_put_aside(
    struct httpd_arena *arena, struct httpd_bytes file, size_t begin, size_t end, struct httpd_splice *splice);

/* The whole of another text put aside, without the mark. */
bool httpd_marks_quote(struct httpd_arena *arena, struct httpd_bytes text, struct httpd_bytes *quoted);

/* Make the splices, in any order, none twice and none in another. */
bool httpd_marks_apply(
    struct httpd_arena *arena, struct httpd_bytes file, struct httpd_splice *splices, size_t count, struct httpd_bytes *result);

/*
 * The file without our lines between the bytes begin and end.  *changed_line (may be NULL): the first line (from 1) whose
 * mark is there while its directive says something else by now; 0: none.
 */
bool httpd_marks_strip(struct httpd_arena *arena, struct httpd_bytes file, size_t begin, size_t end, struct httpd_bytes *result,
    unsigned *changed_line);

/* True when a line of ours is between begin and end. */
bool httpd_marks_are_in(struct httpd_bytes file, size_t begin, size_t end);

#endif
