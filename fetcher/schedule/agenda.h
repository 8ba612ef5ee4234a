/* SPDX-License-Identifier: ISC */
/*
 * Owns: which certificate is due next: a heap of times, each certificate in it at most once.
 * Runs in: fetcher (daemon).
 * Never: knows what a time means.
 */
#ifndef STAPLEGUARD_AGENDA_H
#define STAPLEGUARD_AGENDA_H

#include <stdbool.h>
#include <stdint.h>

#define AGENDA_NEVER INT64_MAX

/* Some ten days: longer than any wait that refresh_every and the usual validities give. */
#define AGENDA_SLOTS 1024u
#define AGENDA_SLOT_SEC 900
#define AGENDA_HORIZON_SEC ((int64_t)AGENDA_SLOTS * AGENDA_SLOT_SEC)

struct agenda;

/* Room for numbers below count_max.  NULL without memory. */
struct agenda *agenda_new(uint32_t count_max);
void agenda_free(struct agenda *agenda);

/* Put cert_no down for `at`, in place of any time before; AGENDA_NEVER takes it off.  Returns false when memory ends. */
bool agenda_set(struct agenda *agenda, uint32_t cert_no, int64_t at);

/*
 * How many are down within the quarter of an hour that `at` lies in.  Of times AGENDA_HORIZON_SEC apart the counts are one:
 * for choosing between times, nothing more.
 */
uint32_t agenda_crowd(const struct agenda *agenda, int64_t at);

/* The earliest time; AGENDA_NEVER when nothing is down. */
int64_t agenda_next_at(const struct agenda *agenda);

/* Take the earliest off.  Returns false when there is none at or before now. */
bool agenda_take(struct agenda *agenda, int64_t now, uint32_t *cert_no);

#endif
