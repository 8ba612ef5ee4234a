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

#include "apache_config/config_lines.h"
#include "text/arena.h"

/* Our own file in Apache's configuration. */
#define OWN_FILE_NAME "stapleguard.conf"

#define CONFIG_MARK_ADDED "# stapleguard: added by \"stapleguard enable\""
#define CONFIG_MARK_ASIDE "# stapleguard: put aside by \"stapleguard enable\""
#define CONFIG_MARK_WAS "#stapleguard-was#"

/* At byte `at`, remove bytes go and text comes. */
struct config_splice {
    size_t at;
    size_t remove;
    struct config_bytes text;
};

/* All: false when there is no memory.  Results are the arena's. */

/*
 * Put directive, with its mark, before the line that begins at byte `at`, or behind the last one; indented and ended as the
 * lines around it.  A last line without an end gets one, which goes again with ours.
 */
bool config_marks_add(
    struct arena *arena, struct config_bytes file, size_t at, const char *directive, struct config_splice *splice);

/* The line from begin to end (joined) put aside. */
bool config_marks_put_aside(
    struct arena *arena, struct config_bytes file, size_t begin, size_t end, struct config_splice *splice);

/* The whole of another text put aside, without the mark. */
bool config_marks_quote(struct arena *arena, struct config_bytes text, struct config_bytes *quoted);

/* Make the splices, in any order, none twice and none in another. */
bool config_marks_apply(
    struct arena *arena, struct config_bytes file, struct config_splice *splices, size_t count, struct config_bytes *result);

/*
 * The file without our lines between the bytes begin and end.  *changed_line (may be NULL): the first line (from 1) whose
 * mark is there while its directive says something else by now; 0: none.
 */
bool config_marks_strip(
    struct arena *arena, struct config_bytes file, size_t begin, size_t end, struct config_bytes *result, unsigned *changed_line);

/* True when a line of ours is between begin and end. */
bool config_marks_are_in(struct config_bytes file, size_t begin, size_t end);

#endif
