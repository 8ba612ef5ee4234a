/* SPDX-License-Identifier: ISC */
/*
 * Owns: what the directives of a dump mean together: which counts where, the sites' names and certificates, which speak TLS.
 * Runs in: supervisor; command line (enable, disable).
 * Never: looks at text; apache_dump_parse.c did.
 */
#ifndef STAPLEGUARD_APACHE_SITES_H
#define STAPLEGUARD_APACHE_SITES_H

#include "host/apache_dump.h"

/* Fill in what sites and certificates inherit, and make paths absolute.  False when there is no memory. */
bool apache_sites_complete(struct apache_dump *dump);

#endif
