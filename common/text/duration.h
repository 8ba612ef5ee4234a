/* SPDX-License-Identifier: ISC */
/*
 * Owns: durations as people write them: 90s, 10m, 30h, 7d.
 * Runs in: supervisor, command line.
 * Never: accepts what it does not understand whole.
 */
#ifndef STAPLEGUARD_DURATION_H
#define STAPLEGUARD_DURATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Digits and one unit (s, m, h, d), or a bare 0.  Sets *seconds and returns true, or returns false (also on overflow). */
bool duration_parse(const char *text, int64_t *seconds);

/*
 * "4d 18h", "2h 5m", "59s", "0s": the two largest units, the second left out when it is 0.  A negative duration is
 * written with a leading '-'.
 */
void duration_format(int64_t seconds, char *out, size_t cap);

#endif
