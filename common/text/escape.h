/* SPDX-License-Identifier: ISC */
/*
 * Owns: percent-encoding of words (RFC 3986 2.1) and escaping of text inside JSON (RFC 8259 7).
 * Runs in: supervisor, command line.
 * Never: writes past its buffer; takes a sequence that is cut off or not hexadecimal.
 */
#ifndef STAPLEGUARD_ESCAPE_H
#define STAPLEGUARD_ESCAPE_H

#include <stdbool.h>
#include <stdio.h>

/* Write text with everything but letters, digits and -._~/ as %XX. */
void escape_percent(FILE *out, const char *text);

/* Undo it in place.  Returns false for a sequence that is none, and for %00. */
bool escape_percent_decode(char *text);

/* Write text as a JSON string, with its quotes.  text: valid UTF-8 (text.h). */
void escape_json(FILE *out, const char *text);

#endif
