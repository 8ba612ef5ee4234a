/* SPDX-License-Identifier: ISC */
/*
 * Owns: how answers look on standard output: a first line that programs read, then lines for people.
 * Runs in: command line.
 * Never: prints text from outside uncleaned.
 */
#ifndef STAPLEGUARD_OUTPUT_H
#define STAPLEGUARD_OUTPUT_H

#include <stdint.h>

/* A usage error, or an error that leaves a command without an answer.  The other exit codes are each command's own. */
#define CLI_EXIT_ERROR 3

/* "name: text", cleaned; nothing for an empty text. */
void output_field(const char *name, const char *text);
/* "name: 2026-01-02T03:04:05Z (4d 18h ahead)", seen from now; nothing for a time of 0. */
void output_time(const char *name, int64_t time, int64_t now);
/* The columns that a text takes on a terminal: its characters, not its octets. */
int output_width(const char *text);
/* The text, and blanks up to that width. */
void output_padded(const char *text, int width);
/* Returns code, or CLI_EXIT_ERROR with a message when standard output could not take everything. */
int output_end(int code);

#endif
