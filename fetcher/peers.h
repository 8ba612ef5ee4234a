/* SPDX-License-Identifier: ISC */
/*
 * Owns: what comes in from supervisor and writer, and what happens when one of them is gone.
 * Runs in: fetcher.
 * Never: takes a message that the protocol does not allow now.
 */
#ifndef STAPLEGUARD_PEERS_H
#define STAPLEGUARD_PEERS_H

#include "loop/event_loop.h"
#include "proto/ipc.h"
#include "schedule/fetch_list.h"
#include "schedule/scheduler.h"

/* Everything is borrowed for ever. */
struct peers {
    struct loop *loop;
    struct ipc *supervisor;
    struct ipc *writer;
    struct pool *pool;
    struct asking *asking;
    struct watch *watch;
};

/*
 * Listen to both from now on.  The loop ends with 0 when the supervisor closes its channel, with 1 when what it sends
 * cannot be understood.  The writer's channel is closed for the latter, with an event; its end ends nothing: a
 * new one may come (PEER).
 * Returns 0, or -1 with errno set.
 */
int peers_listen(struct peers *peers);

#endif
