/* SPDX-License-Identifier: ISC */
/*
 * Owns: when Apache's file is looked at and brought up to date next.
 * Runs in: writer (daemon).
 * Never: asks a clock.
 */
#ifndef STAPLEGUARD_COMMIT_TIMER_H
#define STAPLEGUARD_COMMIT_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#define COMMIT_NEVER INT64_MAX

/* Offers that come one after the other share a commit. */
#define COMMIT_GATHER_MSEC 20
/* What Apache wrote is looked at soon, because the shield is down meanwhile; what it writes right after, with it. */
#define COMMIT_LOOK_MSEC 200
/* PARITY.md: an entry that Apache made worse is right again at most so much later. */
#define COMMIT_LOOK_MAX_MSEC 60000

/* Times are milliseconds of the monotonic clock; COMMIT_NEVER where nothing of the kind waits. */
struct commit_plan {
    int64_t urgent_msec;    /* since when somebody waits for a staple, or a withdrawn one is still served */
    int64_t changed_msec;   /* since when what is held differs from the file */
    int64_t look_msec;      /* since when somebody else may have changed the file */
    int64_t change_at_msec; /* when what belongs into the file changes by itself */
    int64_t delay_msec;     /* commit_delay */
    int64_t ended_msec;     /* the last one; 0: there was none */
    int64_t cost_msec;      /* and how long it took */
};

/*
 * When the next commit is due.  The first at once; an urgent one after at most a moment, but so that commits take no more
 * than a fifth of the time; others after commit_delay; looks so that they take no more than a tenth, but never later than
 * COMMIT_LOOK_MAX_MSEC.
 */
int64_t commit_plan_due(const struct commit_plan *plan);

#endif
