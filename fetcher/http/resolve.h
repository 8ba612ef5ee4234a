/* SPDX-License-Identifier: ISC */
/*
 * Owns: turning host names into addresses: the hosts file first, then DNS (c-ares), each answer kept for NAME_KEEP_SEC.
 * Runs in: fetcher.
 * Never: opens a file after resolver_new (resolv.conf is read there), starts a thread, or judges an address.
 */
#ifndef STAPLEGUARD_RESOLVE_H
#define STAPLEGUARD_RESOLVE_H

#include <stddef.h>
#include <stdint.h>

#include "bounds.h"
#include "http/address.h"
#include "http/hosts.h"
#include "loop/event_loop.h"
#include "words/reason.h"

/* What a name became: addresses, best first (RFC 6724 where DNS gave them), or why not. */
struct resolved {
    enum reason reason; /* REASON_NONE, NAME_NOT_FOUND, RESOLVER_FAILED or INTERNAL */
    size_t count;       /* 1 or more with REASON_NONE, else 0 */
    struct address addresses[NAME_ADDRESSES_MAX];
    const char *detail; /* c-ares's words when it failed, else "" */
};

struct resolver;
struct resolve_entry;

/* The answer has come.  Called once, never from within resolve_start; *resolved lives until the call returns. */
typedef void resolve_done(void *owner, const struct resolved *resolved);

/* A place in the line of those who wait for a name; the caller's, zeroed at first, until it is called or cancelled. */
struct resolve_waiter {
    resolve_done *done;
    void *owner;
    struct resolve_entry *entry; /* NULL: does not wait */
    struct resolve_waiter *next;
};

/*
 * Read resolv.conf and get ready, while files can still be opened.  hosts: borrowed for as long.  NULL on failure, with
 * c-ares's words in *error (static text).
 */
struct resolver *resolver_new(struct loop *loop, const struct hosts *hosts, const char **error);
/* Forgets those who wait without calling them. */
void resolver_free(struct resolver *resolver);

/*
 * Look name up.  Returns the answer when it is known already (lives until the next call into this module), else NULL: then
 * waiter->done is called later.  Those who ask for a name that is being looked up wait for the same answer.
 */
const struct resolved *resolve_start(
    struct resolver *resolver, const char *name, resolve_done *done, void *owner, struct resolve_waiter *waiter);
void resolve_cancel(struct resolve_waiter *waiter);

#endif
