/* SPDX-License-Identifier: ISC */
/*
 * Owns: what text may look like before it reaches a message, a terminal or the audit log.
 * Runs in: every process.
 * Never: lets a control character, a terminal escape or invalid UTF-8 through.
 */
#ifndef STAPLEGUARD_TEXT_H
#define STAPLEGUARD_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True when the len bytes are valid UTF-8 (RFC 3629: shortest form, no surrogates, at most U+10FFFF) without C0 or C1
 * control characters, DEL, line or paragraph separators (U+2028, U+2029) and bidirectional controls
 * (U+202A-U+202E, U+2066-U+2069), which could make a reviewer read something else than what is there.
 */
bool text_is_clean(const char *text, size_t len);

/*
 * Copy text into out (cap bytes, always terminated), each byte that would make it unclean replaced by '?', cut at a
 * character border when too long.  Returns the length written.
 */
size_t text_clean_copy(char *out, size_t cap, const char *text, size_t len);

/*
 * printf into out (cap bytes, always terminated), cleaned and cut like text_clean_copy: for sentences with outside text in
 * them.
 */
void text_clean_format(char *out, size_t cap, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
