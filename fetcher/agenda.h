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

struct agenda;

/* Room for numbers below count_max.  NULL without memory. */
struct agenda *agenda_new(uint32_t count_max);
void agenda_free(struct agenda *agenda);

/* Put cert_no down for `at`, in place of any time before; AGENDA_NEVER takes it off.  Returns false when memory ends. */
bool agenda_set(struct agenda *agenda, uint32_t cert_no, int64_t at);

/* The earliest time; AGENDA_NEVER when nothing is down. */
int64_t agenda_next_at(const struct agenda *agenda);

/* Take the earliest off.  Returns false when there is none at or before now. */
bool agenda_take(struct agenda *agenda, int64_t now, uint32_t *cert_no);

#endif
