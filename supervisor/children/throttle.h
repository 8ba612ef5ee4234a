/* SPDX-License-Identifier: ISC */
/*
 * Owns: how much one child may report: one bucket of tokens for each kind of report, as large as its certificates can need.
 * Runs in: supervisor.
 * Never: asks a clock.
 *
 * What is needed: an honest pass reports about a certificate once what became of it, and before that at most one failure for each of
 * its responders by GET and by POST (2 * CERT_URLS_MAX = 16).  So each kind of event has twice that for each certificate at once, and
 * as much again in each hour; and THROTTLE_BASE for what is about no certificate.  Kinds do not share: however many failures there
 * are, what tells that a staple was stored, withdrawn or refused gets through.  Only a site of more than a hundred certificates, each
 * with several responders that are all down, could come near it, after more than one round of attempts within the hour.
 */
#ifndef STAPLEGUARD_THROTTLE_H
#define STAPLEGUARD_THROTTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "words/event.h"

#define THROTTLE_PER_CERT 32u
#define THROTTLE_BASE 2000u

/* A flood is over when nothing was suppressed for so long; one that lasts is told of again this often. */
#define THROTTLE_QUIET_MSEC (60 * 1000)
#define THROTTLE_AGAIN_MSEC (10 * 60 * 1000)

/* The kinds: each event, and lines for the log. */
#define THROTTLE_LOG_LINES ((size_t)EVENT_COUNT)
#define THROTTLE_KINDS ((size_t)EVENT_COUNT + 1)

struct throttle_bucket {
    int64_t since_msec;      /* when `used` was last lowered; 0: never used */
    double used;             /* tokens that are out */
    uint64_t suppressed;     /* that no record tells of yet */
    int64_t flood_msec;      /* when the flood began, or was last told of; 0: there is none */
    int64_t suppressed_msec; /* when the last one was suppressed */
};

struct throttle {
    struct throttle_bucket buckets[THROTTLE_KINDS];
};

enum throttle_answer {
    THROTTLE_PASS,
    THROTTLE_BEGINS, /* the first that is suppressed: say so */
    THROTTLE_SUPPRESS,
};

/* May one more of this kind through?  certs: how many certificates the child knows.  now_msec: monotonic. */
enum throttle_answer throttle_take(struct throttle *throttle, size_t kind, size_t certs, int64_t now_msec);

/*
 * The next kind, from *kind on, of which it is time to tell how many were suppressed: the flood is over, lasts, or is_last (the child
 * has ended).  Sets *kind and *count, and counts anew.  False: there is none.
 */
bool throttle_tell(struct throttle *throttle, size_t *kind, int64_t now_msec, bool is_last, uint64_t *count);

#endif
