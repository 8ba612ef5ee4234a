/* SPDX-License-Identifier: ISC */
/*
 * Owns: the key that the audit log's records are sealed with now: read from state_dir, moved on at each interval, wiped.
 * Runs in: supervisor.
 * Never: seals with a key before that key, and no earlier one, is on the disk; keeps a key longer than its interval, as far as it can
 *        write; goes back.
 *
 * `stapleguard audit --setup-seal` makes the file, also while the service runs: whoever replaced it is followed.
 */
#ifndef STAPLEGUARD_AUDIT_SEALER_H
#define STAPLEGUARD_AUDIT_SEALER_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/audit_seal.h"

enum sealer_state {
    SEALER_OFF, /* nobody wants seals */
    SEALER_ON,
    SEALER_STUCK,  /* seals, but under a key that is past its time: the next one cannot be written down */
    SEALER_FAILED, /* there is no key to seal with */
};

struct sealer;

/* state_dir: copied.  NULL: out of memory. */
struct sealer *sealer_new(const char *state_dir, bool is_wanted);
/* Wipes the key. */
void sealer_free(struct sealer *sealer);

/* A new configuration says so; sealer_tick next. */
void sealer_want(struct sealer *sealer, bool is_wanted);

/* Look at the file, move the key on to now_sec's epoch.  Costs one lstat when there is nothing to do. */
void sealer_tick(struct sealer *sealer, int64_t now_sec);
/* Is the key past its time, so that a tick would move it on? */
bool sealer_is_due(const struct sealer *sealer, int64_t now_sec);
/* Seconds until a tick is needed though nothing is written: at least 1, at most a minute. */
int64_t sealer_wait_sec(const struct sealer *sealer, int64_t now_sec);

enum sealer_state sealer_state(const struct sealer *sealer);
/* How many keys were read: another number, another key than the one before. */
unsigned sealer_generation(const struct sealer *sealer);
/* What the state is about: why it failed and what to do, or the key's epoch and interval. */
const char *sealer_detail(const struct sealer *sealer);
/* To seal with; NULL: not.  Borrowed until the next tick. */
const struct audit_key *sealer_key(const struct sealer *sealer);

#endif
