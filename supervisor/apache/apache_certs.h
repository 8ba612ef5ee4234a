/* SPDX-License-Identifier: ISC */
/*
 * Owns: asking Apache which certificates it uses.
 * Runs in: supervisor.
 * Never: reads Apache's configuration itself.
 */
#ifndef STAPLEGUARD_APACHE_CERTS_H
#define STAPLEGUARD_APACHE_CERTS_H

#include <stddef.h>

#include "bounds.h"
#include "conf/conf.h"
#include "host/subprocess.h"

/*
 * Paths in what `apachectl -t -D DUMP_CERTS` prints: one a line after `Server certificates:`.  Lines that are not
 * absolute paths of clean text and at most CERT_NAME_MAX bytes are counted in *skipped.  *paths: an array of *count strings,
 * owned by the caller. Returns 0, or -1 when memory ends.  Source: httpd ssl_engine_init.c, the DUMP_CERTS part.
 */
int discover_parse(const char *output, char ***paths, size_t *count, size_t *skipped);

/*
 * Run the configured control command and parse its answer.  When Apache cannot tell (its configuration is broken, say), the
 * list of the last time serves, which lies in state_dir.  Returns 0; 1 when the old list serves; -1 when there is none.
 * With 1 and -1, error (cap bytes) has Apache's words.
 */
int discover_apache(const struct conf *conf, char ***paths, size_t *count, char *error, size_t cap);

/*
 * The same without waiting, for the daemon's loop; see subprocess.h.  discovery_take, once discovery_ready said so, returns what
 * discover_apache would.  NULL where there is none under way; discovery_free ends one at any time.
 */
struct discovery;

#define DISCOVERY_POLL_MAX SUBPROCESS_POLL_MAX

struct discovery *discovery_start(const struct conf *conf, int64_t now_msec);
size_t discovery_poll(const struct discovery *discovery, struct pollfd *polled);
int64_t discovery_next_msec(const struct discovery *discovery, int64_t now_msec);
bool discovery_ready(struct discovery *discovery, int64_t now_msec);
int discovery_take(struct discovery *discovery, const struct conf *conf, char ***paths, size_t *count, char *error, size_t cap);
void discovery_free(struct discovery *discovery);

#endif
