/* SPDX-License-Identifier: ISC */
/*
 * Owns: the answers that the fetcher is still to get: at most one for each certificate, the last one.
 * Runs in: writer.
 * Never: waits for the fetcher (ipc.h: it may wait for us).
 */
#ifndef STAPLEGUARD_OFFER_ANSWERS_H
#define STAPLEGUARD_OFFER_ANSWERS_H

#include "offers/roster.h"
#include "proto/ipc.h"

/* A queue of certificate numbers, linked through the roster's entries. */
struct answers {
    uint32_t first; /* CERT_NO_NONE: empty */
    uint32_t last;
};

void answers_init(struct answers *answers);

/* Queue an answer about cert_no, which the roster has; one that was still due is replaced. */
void answers_add(struct answers *answers, struct roster *roster, uint32_t cert_no, enum answer_kind kind, enum reason reason);

bool answers_are_due(const struct answers *answers);

/*
 * Send as many as the channel takes now.  IPC_OK: all; IPC_AGAIN: the rest later; else the fetcher is gone and the queue
 * empty.
 */
enum ipc_result answers_send(struct answers *answers, struct roster *roster, struct ipc *fetcher);

#endif
