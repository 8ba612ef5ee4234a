/* SPDX-License-Identifier: ISC */
/*
 * Owns: which virtual hosts serve a name, as Apache chooses them.
 * Runs in: command line.
 * Never: looks anything up in DNS.
 *
 * A virtual host serves a name when its ServerName or a ServerAlias (with * and ?) is the name, upper or lower case, with or
 * without a dot at the end.  When none has the name, one more may count: a host that is alone at its addresses gets whatever
 * arrives there.  It is taken when no name stands in it, or when it has an address of its own and is the only TLS host at all;
 * where several are like that, only DNS could tell, and none is.  A host that would get the name only as the first one of an
 * address, because no other has it, does not count: nobody wrote the name down.
 * Source: httpd server/vhost.c.
 */
#ifndef STAPLEGUARD_CONFIG_MATCH_H
#define STAPLEGUARD_CONFIG_MATCH_H

#include <stdbool.h>
#include <stddef.h>

struct apache_dump;

/*
 * Set selected[i] for every TLS host i that serves name; selected has as many as the dump has sites, and what was true in it
 * stays.  Returns how many serve it (also those that were true before).
 */
size_t config_match_name(const struct apache_dump *dump, const char *name, bool *selected);

/* Set selected[i] for every TLS host.  Returns how many there are. */
size_t config_match_tls(const struct apache_dump *dump, bool *selected);

/* True when name may stand behind --domain: a host name, without scheme, port or wildcard. */
bool config_match_name_is_valid(const char *name);

#endif
