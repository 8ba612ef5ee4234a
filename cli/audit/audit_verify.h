/* SPDX-License-Identifier: ISC */
/*
 * Owns: `stapleguard audit --verify`: the anchors, the whole chain, and what is said of it.
 * Runs in: command line.
 * Never: calls a log sound of which a part was not seen.
 */
#ifndef STAPLEGUARD_AUDIT_VERIFY_H
#define STAPLEGUARD_AUDIT_VERIFY_H

#include "audit/audit_request.h"

enum audit_verify_exit {
    AUDIT_EXIT_SOUND = 0,
    AUDIT_EXIT_BROKEN = 1,
    AUDIT_EXIT_INCOMPLETE = 2, /* what is there is sound, but not all of it is there or can be judged */
};

/* log: its path in the configuration, by which the journal's anchors name it; NULL: not known.  Returns the exit code. */
int audit_verify(const struct audit_request *request, const char *log);

#endif
