/* SPDX-License-Identifier: ISC */
/*
 * Owns: the one event loop: descriptors that are watched (epoll) and one timer a source.
 * Runs in: fetcher.
 * Never: knows what a descriptor is for; starts a thread.
 */
#ifndef STAPLEGUARD_EVENT_LOOP_H
#define STAPLEGUARD_EVENT_LOOP_H

#include <stdbool.h>
#include <stdint.h>

/* Who watches descriptors, and has one timer. */
enum loop_source {
    LOOP_SUPERVISOR,
    LOOP_WRITER,
    LOOP_HTTP,
    LOOP_RESOLVER,
    LOOP_ASKING, /* a timer alone: deadlines while a name is looked up */
    LOOP_WATCH,  /* a timerfd: when the next certificate is due; a timer: when progress is told */
    LOOP_SOURCE_COUNT
};

/* Bits of what is waited for, and of what has come. */
enum {
    LOOP_READABLE = 1,
    LOOP_WRITABLE = 2,
    LOOP_BROKEN = 4, /* hung up or in error: told without being asked for */
};

typedef void loop_ready(void *owner, int fd, unsigned ready);
typedef void loop_expired(void *owner, int64_t now_msec);

#define LOOP_NO_TIMER INT64_MAX

struct loop {
    int epoll_fd; /* owned */
    bool is_over;
    int exit_code;
    struct {
        void *owner;
        loop_ready *ready;
        loop_expired *expired;
        int64_t at_msec; /* LOOP_NO_TIMER: none */
    } sources[LOOP_SOURCE_COUNT];
};

/* Returns 0, or -1 with errno set. */
int loop_init(struct loop *loop);
void loop_end(struct loop *loop);

/* Who is told.  ready, expired: NULL where that cannot happen. */
void loop_set_owner(struct loop *loop, enum loop_source source, void *owner, loop_ready *ready, loop_expired *expired);

/* Wait for `wanted` (bits) on fd; 0: no longer.  Returns 0, or -1 with errno set. */
int loop_watch(struct loop *loop, enum loop_source source, int fd, unsigned wanted);

/* Call the source's `expired` once, when loop_now_msec() has reached at_msec; LOOP_NO_TIMER: never. */
void loop_set_timer(struct loop *loop, enum loop_source source, int64_t at_msec);

/* Milliseconds of the monotonic clock: for durations and deadlines. */
int64_t loop_now_msec(void);

/* Seconds since 1970: for what OCSP and HTTP say about time. */
int64_t loop_now_sec(void);

/*
 * Call step, wait, call what became ready, over and over until loop_stop.  step says whether it wants to be called again at
 * once, even if nothing becomes ready.  Returns the exit code given to loop_stop, or 1 when epoll itself failed.
 */
int loop_run(struct loop *loop, bool (*step)(void *owner), void *owner);
void loop_stop(struct loop *loop, int exit_code);

#endif
