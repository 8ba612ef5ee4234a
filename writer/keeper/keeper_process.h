/* SPDX-License-Identifier: ISC */
/*
 * Owns: the keeper process: its jail and its loop.
 * Runs in: keeper.
 * Never: see keeper.h.
 */
#ifndef STAPLEGUARD_KEEPER_PROCESS_H
#define STAPLEGUARD_KEEPER_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "bounds.h"
#include "keeper/keeper_wire.h"

/* The first thing on the channel of orders: ready (""), or why not. */
struct keeper_start_reply {
    char error[DETAIL_MAX + 1];
};

struct keeper_settings {
    const char *name;      /* Apache's file, in directory */
    const char *directory; /* its directory; absolute */
    const char *root_dir;  /* an empty or harmless directory: the keeper's root */
    uid_t uid;
    gid_t gid;
    bool is_shield_wanted; /* shield = auto */
};

/* In the forked process.  The descriptors are the only ones it goes on with. */
_Noreturn void keeper_process(const struct keeper_settings *settings, int orders_fd, int news_fd);

#endif
