/* SPDX-License-Identifier: ISC */
/*
 * Owns: points in time as people write them: "2 days ago", "yesterday", "1h", "2026-11-23 17:30", RFC 3339; and how we show one.
 * Runs in: command line.
 * Never: asks what time it is; `now` comes in, the zone is that of TZ.
 */
#ifndef STAPLEGUARD_REVIEW_WHEN_H
#define STAPLEGUARD_REVIEW_WHEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REVIEW_USEC_PER_SEC INT64_C(1000000)

/* What --since and --until take, for a message. */
#define REVIEW_WHEN_FORMS \
    "\"2 days ago\", \"1h\" (ago), \"today\", \"yesterday\", \"2026-11-23\", \"2026-11-23 17:30\", \"2026-11-23T17:30:00Z\", " \
    "\"@1795455253\""

/*
 * Set *usec (since 1970) to the time that text means.  now_sec: what time it is.  A date alone is its midnight, and days are those
 * of the calendar, in the local zone.  False: it is none of REVIEW_WHEN_FORMS, or no such day or time.
 */
bool review_when_parse(const char *text, int64_t now_sec, int64_t *usec);

/* "2026-11-23 18:34:13" in the local zone. */
#define REVIEW_WHEN_LEN 19u
void review_when_local(int64_t sec, char out[REVIEW_WHEN_LEN + 1]);

/* "2026-11-23T17:34:13.000042Z", as records have it; a time that no record can have becomes the nearest. */
void review_when_utc(int64_t usec, char *out, size_t cap);

#endif
