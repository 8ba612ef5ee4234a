/* SPDX-License-Identifier: ISC */
/*
 * Owns: what a client has still to read: pieces of octets in their order, sent as far as it takes them.
 * Runs in: supervisor (daemon).
 * Never: waits for the client, or copies what was given to it.
 */
#ifndef STAPLEGUARD_CONTROL_OUTBOX_H
#define STAPLEGUARD_CONTROL_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>

struct outbox_piece;

/* Empty when all zero. */
struct outbox {
    struct outbox_piece *first; /* owned, with what follows it */
    struct outbox_piece *last;
    size_t unread; /* octets in all of them */
};

/* A copy of the octets, after what is there.  False: no memory, and nothing was added. */
bool outbox_put(struct outbox *outbox, const void *octets, size_t len);
/* The octets themselves (malloc'ed), taken over in every case.  False: as above. */
bool outbox_give(struct outbox *outbox, char *octets, size_t len);

/* As much as the socket fd takes now.  Returns 0, or -1 with errno set when the client is gone. */
int outbox_send(struct outbox *outbox, int fd);

void outbox_clear(struct outbox *outbox);

#endif
