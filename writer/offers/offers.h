/* SPDX-License-Identifier: ISC */
/*
 * Owns: what offers are measured by, and what became of them: the certificates, the answers that are due, what changed.
 * Runs in: writer.
 * Never: knows Apache's file, or the store.
 */
#ifndef STAPLEGUARD_OFFERS_H
#define STAPLEGUARD_OFFERS_H

#include "offers/changes.h"
#include "offers/offer_answers.h"
#include "offers/roster.h"
#include "proto/ipc.h"

struct offers {
    struct ipc fetcher; /* who makes them, and gets the answers */
    struct roster *roster;
    struct answers answers;
    struct offer_count strange; /* for numbers that nobody told of */
    struct changes changes;
};

#endif
