/* SPDX-License-Identifier: ISC */
/*
 * Owns: starting the two children, each with nothing but its channels.
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
    bool is_done; /* it said that its part of the pass is over */
    uint32_t missing_layers;
    int exit_status; /* of waitpid(2), once it ended */
    struct ipc ipc;
};

/*
 * Start fetcher and writer, with a channel to each and one between them.  They are found beside this executable: in
 * ../libexec/stapleguard as installed, or in ../fetcher and ../writer as built.
 * Returns 0, or -1 and a sentence in error (cap bytes); then none is left running.
 */
int spawn_children(struct child *fetcher, struct child *writer, char *error, size_t cap);

/*
 * Start one of them anew.  *sibling_end: the other end of its channel to the sibling, the caller's.
 * Returns 0, or -1 with errno set; then it does not run.
 */
int spawn_child(struct child *child, enum party party, int *sibling_end);

/* Close its channel, so that it ends; kill it when it has not after a while; collect it. */
void spawn_stop(struct child *child);

#endif
