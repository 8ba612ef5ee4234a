/* SPDX-License-Identifier: ISC */
/*
 * Owns: the words of one request line of the control socket.
 * Runs in: supervisor (daemon).
 * Never: touches anything but the line it is given.
 */
#ifndef STAPLEGUARD_CONTROL_REQUEST_H
#define STAPLEGUARD_CONTROL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

/* certbot hands over one lineage; a hundred are a typing error, or a very large renewal. */
#define CONTROL_WORDS_MAX 258u

/*
 * Take the line (terminated, without its newline) apart in place: words separated by single spaces, each percent-decoded,
 * clean text.  Returns how many; 0 when it is no request.
 */
size_t control_request_split(char *line, char *words[CONTROL_WORDS_MAX]);

/* A number of seconds, at most a day.  Returns false when the word is none. */
bool control_request_seconds(const char *word, int *seconds);

#endif
