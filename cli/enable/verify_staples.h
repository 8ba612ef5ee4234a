/* SPDX-License-Identifier: ISC */
/*
 * Owns: seeing with real handshakes what every site serves now, for each key type.
 * Runs in: command line (enable, disable), as root; the handshakes in a child (visitor.h).
 * Never: takes a staple for good that a strict client would refuse.
 */
#ifndef STAPLEGUARD_VERIFY_STAPLES_H
#define STAPLEGUARD_VERIFY_STAPLES_H

#include <stdbool.h>
#include <stddef.h>

#include "enable/sites.h"
#include "enable/visitor.h"

/*
 * Every certificate of the sites that can be stapled, and is not is_without, must be served with a good staple, but for those of a
 * site whose place another virtual host takes.  Tries again
 * for a while: connections that the old generation of Apache took are still answered by it.  Prints a line a site.
 * Returns 0, or -1 with error (cap bytes), which names the first site that does not.
 */
int verify_staples(
    const struct visitor *visitor, const struct sites *sites, bool (*is_interrupted)(void), char *error, size_t cap);

/* Print what each site does now. */
void verify_tell(const struct visitor *visitor, const struct sites *sites);

#endif
