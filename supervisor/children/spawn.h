/* SPDX-License-Identifier: ISC */
/*
 * Owns: starting a child, with nothing but its channels.
 * Runs in: supervisor.
 * Never: lets a descriptor, a signal mask or an environment variable of ours through to a child.
 */
#ifndef STAPLEGUARD_SPAWN_H
#define STAPLEGUARD_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "proto/ipc.h"

struct child {
    enum party party;
    pid_t pid; /* -1 when it is not running */
    bool is_ready;
    uint32_t missing_layers;
    int exit_status; /* of waitpid(2), once it ended */
    struct ipc ipc;
};

/*
 * Start one child.  It is found beside this executable: in ../libexec/stapleguard as installed, or in ../fetcher or ../writer
 * as built.  *sibling_end: the other end of its channel to the sibling, the caller's.
 * Returns 0, or -1 with errno set; then it does not run.
 */
int spawn_child(struct child *child, enum party party, int *sibling_end);

#endif
