/* SPDX-License-Identifier: ISC */
/*
 * Owns: the keeper process: its jail and its loop.
 * Runs in: keeper.
 * Never: see keeper.h.
 */
#ifndef STAPLEGUARD_KEEPER_PROCESS_H
#define STAPLEGUARD_KEEPER_PROCESS_H

#include "bounds.h"
#include "keeper/keeper.h"

/* The first thing on the channel of orders: ready (""), or why not. */
struct keeper_start_reply {
    char error[DETAIL_MAX + 1];
};

/* In the forked process.  The descriptors are the only ones it goes on with. */
_Noreturn void keeper_process(const struct keeper_settings *settings, int orders_fd, int news_fd);

#endif
