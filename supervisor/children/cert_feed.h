/* SPDX-License-Identifier: ISC */
/*
 * Owns: telling both children of the certificates of the list, one after the other, as fast as the slower one takes them;
 *       and everything else that is said to a child that may be busy.
 * Runs in: supervisor.
 * Never: waits for a child, holds more than one certificate's text at a time, or hands out anything but CERTIFICATE blocks.
 *
 * Numbers go to each child in ascending order.  A child that was started anew gets the live ones again while the other has
 * them all; only then new numbers are given.  Both children of one number see the very same octets.
 */
#ifndef STAPLEGUARD_CERT_FEED_H
#define STAPLEGUARD_CERT_FEED_H

#include <stdbool.h>
#include <stddef.h>

#include "certs/cert_list.h"
#include "children/spawn.h"

/* Told of each certificate of which a file (path) could not be used; one that has a number keeps it unless it is gone. */
typedef void feed_refused(void *context, struct listed_cert *cert, enum reason reason, const char *path, const char *detail);

struct feed_item; /* a message that waits for room */

struct feed_end {
    struct child *child;     /* borrowed */
    uint32_t next_no;        /* the first number that it was not told of */
    struct feed_item *first; /* owned: go out before anything else */
    struct feed_item **last;
    struct feed_item *late; /* owned: about certificates that it must know first; survive its start */
    bool is_begun;          /* BEGIN was sent */
};

struct feed {
    struct cert_list *list; /* borrowed, as all here */
    struct feed_end ends[2];
    struct msg_begin begin; /* what both are told once they know all certificates */
    feed_refused *refused;
    void *context;
    size_t looks;        /* certificates that need a look */
    size_t scan;         /* where the next of them is looked for */
    uint32_t in_hand_no; /* the certificate in hand, or CERT_NO_NONE */
    int memfd;           /* its text, sealed */
    struct msg msg;      /* its CERT_ADD */
};

/* Every certificate of the list that needs a look is looked at and sent. */
void feed_init(struct feed *feed, struct cert_list *list, struct child *fetcher, struct child *writer, struct msg_begin begin,
    feed_refused *refused, void *context);

/* Another list has taken over (cert_list_take_over); old: the one before, whose remaining numbers are dropped. */
void feed_change_list(struct feed *feed, struct cert_list *list, struct cert_list *old);

/* The child is about to start anew: it knows nothing. */
void feed_start_over(struct feed *feed, const struct child *child);

/* Both channels are closed: numbers begin at 0 again, and every certificate is looked at. */
void feed_renumber(struct feed *feed);

/* Read the certificate's files again: a change is a new number, a missing file is told to the writer. */
void feed_look(struct feed *feed, struct listed_cert *cert);

/*
 * Say msg to the child as soon as it takes it, in order; fd: -1, or taken over.  A child that does not run is not told,
 * but for REFRESH and RESUME, which wait until it runs and knows its certificates.
 * Returns false when memory ends.
 */
bool feed_say(struct feed *feed, const struct child *child, const struct msg *msg, int fd);

/* Send what the children take now. */
void feed_continue(struct feed *feed);
/* True when `child` should be polled for room. */
bool feed_waits_for(const struct feed *feed, const struct child *child);
/* Nothing is left to say, to nobody that runs. */
bool feed_is_idle(const struct feed *feed);
/* No further certificate; what was sent is begun with. */
void feed_cut_short(struct feed *feed);
void feed_clear(struct feed *feed);

#endif
