/*
 * Owns: handing the certificates of the pool to both children, one after the other, as fast as the slower one takes them.
 * Runs in: supervisor.
 * Never: waits for a child, holds more than one certificate's text at a time, or hands out anything but CERTIFICATE blocks.
 */
#ifndef STAPLEGUARD_FEED_H
#define STAPLEGUARD_FEED_H

#include <stdbool.h>
#include <stddef.h>

#include "pool.h"
#include "spawn.h"

/* Told of each certificate of which a file (path) could not be used; it stays out of this pass. */
typedef void feed_refused(
    void *context, struct pool_cert *cert, enum reason reason, const char *path, const char *detail);

struct feed {
    struct pool *pool; /* borrowed, as all here */
    struct child *children[2];
    bool is_forced;
    feed_refused *refused;
    void *context;
    size_t next;    /* index of the certificate in hand, or of the next one */
    size_t end;     /* index behind the last one */
    bool is_in_hand;
    int memfd;      /* its text, sealed; -1 when there is none */
    struct msg msg; /* CERT_ADD or CERT_GONE of the certificate in hand; in the end PASS_BEGIN */
    bool is_sent[2];
    bool is_over;
};

void feed_init(struct feed *feed, struct pool *pool, struct child *fetcher, struct child *writer, bool is_forced,
    feed_refused *refused, void *context);
/* Send what the children take now. */
void feed_continue(struct feed *feed);
/* True when `child` should be polled for room. */
bool feed_waits_for(const struct feed *feed, const struct child *child);
/* No further certificate; what was sent is passed over. */
void feed_cut_short(struct feed *feed);
void feed_clear(struct feed *feed);

#endif
