/* SPDX-License-Identifier: ISC */
/*
 * Owns: who waits for which responder, how many may ask it at a time, and whether asking it makes sense now.
 * Runs in: fetcher.
 * Never: asks anybody; it only says who is next.
 *
 * A responder is scheme, host and port.  Each has a line of certificates; the responders that have a free place take
 * turns, so that one with 10,000 certificates, or a dead one, never keeps the others waiting.
 */
#ifndef STAPLEGUARD_RESPONDER_H
#define STAPLEGUARD_RESPONDER_H

#include <stdbool.h>
#include <stdint.h>

#include "schedule/fetch_list.h"
#include "words/reason.h"

struct responders;

struct responder {
    unsigned running;       /* exchanges under way */
    unsigned silent_in_row; /* exchanges in a row that brought no HTTP answer */
    enum reason last_silence;
    bool is_given_up;         /* RESPONDER_FAILURES_MAX of them: its certificates fail at once */
    int64_t rests_until_msec; /* then one exchange may find out whether it answers again */
    int64_t next_slot_msec;   /* for requests that can wait, see responders_reserve */
    /* the line */
    uint32_t first_waiting;
    uint32_t last_waiting;
    /* the turns */
    bool has_turn;
    struct responder *next_turn;
    char origin[]; /* url_origin */
};

/* pool: borrowed; its entries' next_waiting makes the lines.  at_a_time: exchanges with one responder, 1 or more. */
struct responders *responders_new(struct pool *pool, unsigned at_a_time);
void responders_free(struct responders *responders);

/* The responder of this origin, made when it is new.  NULL without memory.  The pointer stays good. */
struct responder *responders_find(struct responders *responders, const char *origin);

/* Put a certificate at the end of the line. */
void responders_enqueue(struct responders *responders, struct responder *responder, uint32_t cert_no);

/*
 * The next certificate to ask for and its responder, which counts as running until responders_ended.  False when nobody
 * waits for a responder that has a free place.  When the responder is given up, the caller does not ask but reports its
 * last_silence.
 */
bool responders_next(struct responders *responders, uint32_t *cert_no, struct responder **responder);

/* How it ended: REASON_NONE or anything that is an answer makes it trusted again, a silence (rules.h) counts. */
void responders_ended(struct responders *responders, struct responder *responder, enum reason reason, int64_t now_msec);
/* It was not asked after all, or nobody waits for what it says. */
void responders_left(struct responders *responders, struct responder *responder);

/* How long one that is given up is left alone before a single exchange tries it again. */
#define RESPONDER_REST_MSEC 60000
/* Is it not to be asked now?  After its rest one certificate is, and decides for the others. */
bool responders_is_given_up(struct responder *responder, int64_t now_msec);

/*
 * When a request that can wait may go to this responder, at the rate of RESPONDER_REQUESTS_PER_SEC: at once (now_msec), or
 * later; the time is taken.  However many certificates come due together, the responder sees them one after the other.
 */
int64_t responders_reserve(struct responder *responder, int64_t now_msec);
#define RESPONDER_REQUESTS_PER_SEC 20

/* The lines are empty. */
void responders_clear(struct responders *responders);
/* Everybody is trusted again. */
void responders_forgive(struct responders *responders);

#endif
