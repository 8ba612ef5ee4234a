/* SPDX-License-Identifier: ISC */
/*
 * Owns: the writer's loop: who says what, and what follows from it.
 * Runs in: writer.
 * Never: waits for the fetcher; ends because it misbehaves.
 */
#ifndef STAPLEGUARD_WRITER_LOOP_H
#define STAPLEGUARD_WRITER_LOOP_H

#include "state/writer_state.h"

/* Until the supervisor's channel closes.  Returns the process's exit code. */
int loop_run(struct writer *writer);

#endif
