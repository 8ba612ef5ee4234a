/* SPDX-License-Identifier: ISC */
/*
 * Owns: asking for certificates: slots for exchanges, one URL after the other, the offer, its answer.
 * Runs in: fetcher.
 * Never: decides when a certificate is asked for (scheduler.h does), or ends one before its offer is answered.
 */
#ifndef STAPLEGUARD_FETCH_QUEUE_H
#define STAPLEGUARD_FETCH_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "http/exchange.h"
#include "loop/event_loop.h"
#include "proto/ipc.h"
#include "schedule/fetch_list.h"

struct asking;

/* How it went with a certificate. */
enum asking_end {
    ASKING_ACCEPTED,
    ASKING_REFUSED, /* by the writer */
    ASKING_FAILED,  /* no URL gave a response; each was reported */
};

/* Told once for each asking_ask, possibly from within. */
typedef void asking_ended(void *owner, uint32_t cert_no, enum asking_end end);

struct asking_settings {
    struct loop *loop;
    struct pool *pool;
    struct ipc *writer;
    const struct exchange_settings *exchange;
    unsigned concurrency;   /* exchanges at a time, all together */
    unsigned per_responder; /* and with one responder */
};

/* Everything it points to is borrowed until asking_free.  Before the process is locked in.  NULL without memory. */
struct asking *asking_new(const struct asking_settings *settings);
void asking_free(struct asking *asking);

/* Who is told. */
void asking_set_owner(struct asking *asking, asking_ended *ended, void *owner);

/* Ask for a certificate that is not being asked for (POOL_IDLE). */
void asking_ask(struct asking *asking, uint32_t cert_no);

/*
 * When cert_no, which can wait, may be asked for without crowding its first responder (responders_reserve): now_msec, or
 * later.  Milliseconds of the monotonic clock.
 */
int64_t asking_reserve(struct asking *asking, uint32_t cert_no, int64_t now_msec);

/* The writer's ANSWER to an offer.  False when there was no such offer. */
bool asking_answer(struct asking *asking, const struct msg_answer *answer);

/* Give up what is under way for one certificate, or for all; nobody is told. */
void asking_drop(struct asking *asking, uint32_t cert_no);
void asking_drop_all(struct asking *asking);

/* Every responder is trusted again. */
void asking_forgive(struct asking *asking);

/* One turn: start what can be started.  True: call again at once. */
bool asking_step(struct asking *asking);

#endif
