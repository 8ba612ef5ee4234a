/* SPDX-License-Identifier: ISC */
/*
 * Owns: what writer and keeper say to each other: orders and their replies on one channel, news on another.
 * Runs in: writer, keeper.
 * Never: carries anything from outside.  Both are one program, so the structs travel as they are.
 */
#ifndef STAPLEGUARD_KEEPER_WIRE_H
#define STAPLEGUARD_KEEPER_WIRE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/msg.h"
#include "words/reason.h"

/* Below the directory of Apache's file; 0700, the writer's. */
#define KEEPER_STAGING ".stapleguard"

/* What the keeper tells, each with a struct keeper_news. */
enum keeper_kind {
    KEEPER_PUT_BACK,     /* Apache deleted or displaced the file: it is back (errno_value 0), or could not be or should not
                            be put back (EAGAIN: there is none that was looked at): place a new one */
    KEEPER_MODIFIED,     /* somebody wrote to the file in place, or changed its mode; told once until keeper_begin */
    KEEPER_CHOWNED,      /* the file was given to somebody: Apache's post_config does that at each start and restart */
    KEEPER_SHIELD,       /* the shield went up or down */
    KEEPER_APACHE_ENDED, /* Apache's main process is gone */
    KEEPER_KIND_COUNT
};

struct keeper_news {
    enum keeper_kind kind;
    int errno_value;          /* 0: it worked */
    uint32_t away_usec;       /* PUT_BACK: from the kernel's notice to the rename; an upper bound of our share */
    bool was_displaced;       /* PUT_BACK: by another file that was renamed over it, not by unlink */
    enum shield_state shield; /* SHIELD */
    enum reason reason;       /* SHIELD: why it is not up */
};

enum keeper_result {
    KEEPER_OK,
    KEEPER_CHANGED,      /* keeper_place: somebody wrote to the file since keeper_begin; nothing was replaced */
    KEEPER_LOCK_TIMEOUT, /* Apache did not let go of its lock; nothing was done */
    KEEPER_FAILED,       /* errno_value says why; nothing was done */
    KEEPER_GONE,         /* the keeper process ended: the writer must end too */
};

struct keeper_placed {
    int errno_value;
    uint32_t lock_wait_usec; /* until Apache's lock was had; 0 without one */
    uint32_t lock_held_usec;
};

enum keeper_place_how {
    KEEPER_IF_UNCHANGED = 1, /* KEEPER_CHANGED when the file was written to since keeper_begin */
    KEEPER_TAKE_LOCK = 2,    /* around look and rename, when a lock of Apache's is known (else ignored) */
};

/* How long Apache's lock is waited for, and how long it is held at most. */
#define KEEPER_LOCK_WAIT_MSEC 500
#define KEEPER_LOCK_HELD_MAX_MSEC 5000

enum keeper_order_kind {
    KEEPER_ORDER_BEGIN,
    KEEPER_ORDER_PLACE,
    KEEPER_ORDER_LOCK,
    KEEPER_ORDER_UNLOCK,
    KEEPER_ORDER_VOUCH,
    KEEPER_ORDER_APACHE,      /* with a pidfd */
    KEEPER_ORDER_APACHE_LOCK, /* with the lock's file */
    KEEPER_ORDER_RESTART,
    KEEPER_ORDER_COUNT
};

struct keeper_order {
    enum keeper_order_kind kind;
    unsigned how;                    /* PLACE: enum keeper_place_how */
    enum apache_lock_kind lock_kind; /* APACHE_LOCK */
    char name[NAME_MAX + 1];         /* PLACE: in STAGING */
};

/* One for each order, and one when the keeper is ready. */
struct keeper_reply {
    enum keeper_result result;
    struct keeper_placed placed; /* also where errno_value is, for all of them */
};

/* Send len octets and a descriptor (-1: none) without waiting.  Returns 0, or -1 with errno set. */
int keeper_wire_send(int channel, const void *data, size_t len, int fd, bool may_wait);

/* Receive exactly len octets.  *fd: the caller's, or -1.  Returns 1; 0: nothing there now (not may_wait); -1: it is over. */
int keeper_wire_receive(int channel, void *data, size_t len, int *fd, bool may_wait);

#endif
