/* SPDX-License-Identifier: ISC */
/*
 * Owns: cutting a process's capabilities (libcap) down to a list.
 * Runs in: supervisor, fetcher, writer.
 * Never: raises one that the process does not have.
 */
#ifndef STAPLEGUARD_CAPS_H
#define STAPLEGUARD_CAPS_H

#include <stddef.h>

/* Take everything but `kept` (CAP_*) out of the bounding set.  Needs CAP_SETPCAP.  Returns 0, or -1 with errno set. */
int caps_cut_bounding(const int *kept, size_t count);

enum caps_effective {
    CAPS_EFFECTIVE_NONE, /* raised only around the one call that needs it */
    CAPS_EFFECTIVE_ALL,
};

/*
 * Make `kept`, as far as the process has it, the permitted set; effective as asked, inheritable empty.
 * Returns 0, or -1 with errno set.
 */
int caps_cut_permitted(const int *kept, size_t count, enum caps_effective effective);

/*
 * Make one permitted capability effective, around the one call that needs it; and all of them ineffective again.
 * Returns 0, or -1 with errno set (EPERM: it is not permitted).
 */
int caps_raise(int capability);
int caps_lower_all(void);
/* Make one ineffective and leave the others. */
int caps_lower(int capability);

/* From now on an exec of a root-owned program or a change to uid 0 gives no capability back.  Returns 0 or -1. */
int caps_forbid_regain(void);

#endif
