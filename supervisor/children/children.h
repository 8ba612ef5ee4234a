/* SPDX-License-Identifier: ISC */
/*
 * Owns: fetcher and writer over the service's life: started, started anew with back-off when one ends, stopped.
 * Runs in: supervisor.
 * Never: lets the end of one end the other; gives up, but for --once.
 */
#ifndef STAPLEGUARD_CHILDREN_H
#define STAPLEGUARD_CHILDREN_H

#include <stdbool.h>
#include <stdint.h>

#include "children/cert_feed.h"
#include "children/child_config.h"
#include "children/relay.h"
#include "children/spawn.h"
#include "status/service_facts.h"

/* One child and its ups and downs.  Times are of the monotonic clock. */
struct child_life {
    struct child child;
    struct facts_child *facts; /* borrowed */
    unsigned falls;            /* ends in a row that were not asked for */
    int64_t started_msec;
    int64_t start_at_msec;      /* it does not run: when it is started; INT64_MAX: not at all */
    int64_t blocked_since_msec; /* something waits for it since then; 0: nothing */
    bool is_replaced;           /* it was told to end so that it starts with another configuration */
};

struct children {
    struct child_life fetcher;
    struct child_life writer;
    struct feed *feed;
    struct relay *relay;
    const struct conf *conf; /* the one in force */
    const struct ids *ids;
    bool is_once; /* one that ends is not started anew */
    bool is_stopping;
};

/* Nothing runs yet; both are started by the first children_tick. */
void children_init(struct children *children, struct facts *facts, struct feed *feed, struct relay *relay, const struct ids *ids);

/* How long to wait before the next start after `falls` ends in a row: at once, then 1 s, doubling up to a minute. */
int64_t children_backoff_msec(unsigned falls);

/*
 * Start what is due; end a child that did not get ready in time, or does not take what it is told.  Returns when to come
 * again (monotonic milliseconds; INT64_MAX: not for this).
 */
int64_t children_tick(struct children *children, int64_t now_msec);

/* After SIGCHLD: one whose process has ended, or NULL.  Its last words can still be read; then children_ended. */
struct child_life *children_reap(struct children *children);
/* It has said its last: close its channel, and plan its next start. */
void children_ended(struct children *children, struct child_life *life, int64_t now_msec);

/* It does not run, and will not be started any more. */
bool children_is_lost(const struct child_life *life);

/* Its channel is at its end, or a message was wrong (why; NULL: it just closed). */
void children_close(struct children *children, struct child_life *life, const char *why);

/* Let it end and start it anew: its configuration changed. */
void children_replace(struct child_life *life, int64_t now_msec);

/* Tell both to end (they finish what is under way).  children_stopped: both have; children_kill when time is up. */
void children_stop(struct children *children);
bool children_stopped(const struct children *children);
void children_kill(struct children *children);

#endif
