/* SPDX-License-Identifier: ISC */
/*
 * Owns: when each certificate is asked for: at the time that its schedule says, or with --once now, if it is due.
 * Runs in: fetcher.
 * Never: wakes up for nothing; asks while there is no writer that could keep a response.
 */
#ifndef STAPLEGUARD_SCHEDULER_H
#define STAPLEGUARD_SCHEDULER_H

#include "schedule/fetch_queue.h"

struct watch;

struct watch_settings {
    struct loop *loop;
    struct pool *pool;
    struct ipc *writer;
    struct asking *asking;
};

/* Before the process is locked in.  NULL: no memory, or no timer (errno). */
struct watch *watch_new(const struct watch_settings *settings);
void watch_free(struct watch *watch);

/*
 * BEGIN: from now on everything that was added, and will be, is looked after; with is_once what is due is asked for as soon as
 * the writer has said what it holds for each certificate.  False when that is under way already.
 */
bool watch_begin(struct watch *watch, const struct msg_begin *begin);
/* A schedule is kept, for as long as the supervisor wants. */
bool watch_is_on(const struct watch *watch);

/*
 * The writer said what it holds for cert_no, for the first time or anew.  was_withdrawn: until now it was (RESUME makes an
 * end of that, and of what happened before).
 */
void watch_held(struct watch *watch, uint32_t cert_no, bool was_withdrawn);
/* CERT_DROP; a number that nobody told us of is passed over. */
void watch_drop(struct watch *watch, uint32_t cert_no);
/* REFRESH; CERT_NO_NONE: all. */
void watch_refresh(struct watch *watch, uint32_t cert_no);
/* The writer is gone; PEER: a new one, which will say what it holds. */
void watch_writer_gone(struct watch *watch);

/* One turn.  True: call again at once. */
bool watch_step(struct watch *watch);

#endif
