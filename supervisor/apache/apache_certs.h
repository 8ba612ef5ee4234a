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
#include "certs/cert_list.h"
#include "conf/conf.h"
#include "host/apache_dump.h"

/*
 * Take the certificates of a dump, with their chain files.  Those that are not absolute paths of clean text and at most
 * CERT_NAME_MAX bytes are counted in *skipped.  *found: an array of *count, which cert_sources_free ends.  Returns 0, or -1 when
 * memory ends.
 */
int discover_take(const struct apache_dump *dump, struct cert_source **found, size_t *count, size_t *skipped);

/*
 * Run Apache's control command and take its certificates.  When Apache cannot tell (its configuration is broken, say), the
 * list of the last time serves, which lies in state_dir.  Returns 0; 1 when the old list serves; -1 when there is none.
 * With 1 and -1, error (cap bytes) has Apache's words.
 */
int discover_apache(const struct conf *conf, struct cert_source **found, size_t *count, char *error, size_t cap);

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
int discovery_take(
    struct discovery *discovery, const struct conf *conf, struct cert_source **found, size_t *count, char *error, size_t cap);
void discovery_free(struct discovery *discovery);

#endif
