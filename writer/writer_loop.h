/* SPDX-License-Identifier: ISC */
/*
 * Owns: the writer's loop: who says what, and what follows from it.
 * Runs in: writer.
 * Never: waits for the fetcher; ends because it misbehaves.
 */
#ifndef STAPLEGUARD_WRITER_LOOP_H
#define STAPLEGUARD_WRITER_LOOP_H

#include "commit/commit.h"

struct writer {
    struct ipc supervisor;
    struct offers offers;
    struct store_access access;
    struct apache_file file;
    struct commit_parts parts; /* the three above */
    int64_t commit_delay_msec;
};

/* Until the supervisor's channel closes.  Returns the process's exit code. */
int loop_run(struct writer *writer);

#endif
