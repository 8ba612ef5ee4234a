/* SPDX-License-Identifier: ISC */
/*
 * Owns: telling the supervisor how each certificate stands after a commit.
 * Runs in: writer.
 * Never: calls a staple good that is not in the file in place.
 */
#ifndef STAPLEGUARD_STATES_H
#define STAPLEGUARD_STATES_H

#include "commit/commit.h"

/* CERT_STATE for each certificate; is_change_alone: only for those of which it says something new. */
void states_tell(const struct commit *commit, bool is_change_alone);

/* WRITE_DONE. */
void states_tell_done(const struct commit *commit);

#endif
