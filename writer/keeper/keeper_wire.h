/* SPDX-License-Identifier: ISC */
/*
 * Owns: what writer and keeper say to each other: orders and their replies on one channel, news on another.
 * Runs in: writer, keeper.
 * Never: carries anything from outside.  Both are one program, so the structs travel as they are.
 */
#ifndef STAPLEGUARD_KEEPER_WIRE_H
#define STAPLEGUARD_KEEPER_WIRE_H

#include <limits.h>

#include "keeper/keeper.h"

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
