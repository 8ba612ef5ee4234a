/* SPDX-License-Identifier: ISC */
/*
 * Owns: what the few header fields that matter say.
 * Runs in: fetcher.
 * Never: believes a length or a number that it has not bounded; asks a clock.
 */
#ifndef STAPLEGUARD_HTTP_HEADER_H
#define STAPLEGUARD_HTTP_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * If line (line_len bytes, not terminated, with or without its end of line) is the field `name`, returns true and sets
 * *value and *value_len to its value without surrounding blanks (borrowed from line).  Source: RFC 9112 5.
 */
bool http_header_is(const char *line, size_t line_len, const char *name, const char **value, size_t *value_len);

/*
 * Retry-After (RFC 9110 10.2.3): seconds from now to wait, 0..HTTP_WAIT_MAX_SEC; -1 when the value is not understood.
 * now: seconds since 1970, for the form that is a date.
 */
int64_t http_header_retry_after(const char *value, size_t value_len, int64_t now);

/*
 * Cache-Control (RFC 9111 5.2.2; RFC 5019 6.2): seconds that the response may be kept, 0..HTTP_WAIT_MAX_SEC; 0 with
 * no-cache or no-store, or when max-age is given twice differently; -1 when nothing is said or it is not understood.
 */
int64_t http_header_max_age(const char *value, size_t value_len);

/* Is this media type application/ocsp-response (any case, parameters allowed; RFC 6960 A.2)?  NULL is none. */
bool http_header_is_ocsp_response(const char *content_type);

#endif
