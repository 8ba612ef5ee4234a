/* SPDX-License-Identifier: ISC */
/*
 * Owns: the clock that deadlines are measured with, and the one question about the other: may anything be judged by it?
 * Runs in: supervisor, fetcher, writer.
 * Never: asks what time it is; `now` comes in.
 */
#ifndef STAPLEGUARD_CLOCK_H
#define STAPLEGUARD_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define USEC_PER_SEC INT64_C(1000000)

/*
 * False when `now` (seconds since 1970) lies before the day this was built, which no clock that is right can show.  The
 * build's own clock is forgiven CLOCK_SKEW_SEC.  There is no upper bound: a clock that runs ahead cannot be told from
 * the right one.
 */
bool clock_is_plausible(int64_t now);

/* The build's date (seconds since 1970; SOURCE_DATE_EPOCH where that was set): for messages. */
int64_t clock_build_date(void);

/* Milliseconds of CLOCK_MONOTONIC: for durations and deadlines, which no setting of the clock moves. */
int64_t clock_monotonic_msec(void);

/* The same in microseconds, for how long something took. */
int64_t clock_monotonic_usec(void);

#endif
