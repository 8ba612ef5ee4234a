/* SPDX-License-Identifier: ISC */
/*
 * Owns: one pass over the certificates: what is due, who is asked next, what is offered, when it is over.
 * Runs in: fetcher.
 * Never: asks for a certificate that has expired, names no responder or cannot be read; ends before every offer is answered.
 */
#ifndef STAPLEGUARD_PASS_H
#define STAPLEGUARD_PASS_H

#include <stdbool.h>
#include <stdint.h>

#include "schedule/fetch_queue.h"

struct pass;

struct pass_settings {
    struct loop *loop;
    struct pool *pool;
    struct ipc *writer;
    struct asking *asking;
};

/* Everything it points to is borrowed until pass_free.  Before the process is locked in.  NULL without memory. */
struct pass *pass_new(const struct pass_settings *settings);
void pass_free(struct pass *pass);

/*
 * PASS_BEGIN.  The pass starts as soon as the writer has said what it holds for each certificate.  False when a pass is
 * under way already, or when begin->cert_count is not how many were added.
 */
bool pass_begin(struct pass *pass, const struct msg_pass_begin *begin);

/* The writer is gone: what is under way is given up, and the pass ends with what there is. */
void pass_writer_gone(struct pass *pass);

/* One turn: start what can be started, end the pass when it is over.  True: call again at once. */
bool pass_step(struct pass *pass);

#endif
