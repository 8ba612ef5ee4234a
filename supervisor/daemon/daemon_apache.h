/* SPDX-License-Identifier: ISC */
/*
 * Owns: Apache's main process as the daemon sees it: found, told to the writer, gone.
 * Runs in: supervisor (daemon).
 * Never: signals it.
 */
#ifndef STAPLEGUARD_DAEMON_APACHE_H
#define STAPLEGUARD_DAEMON_APACHE_H

#include "apache/apache_watch.h"
#include "audit/audit.h"
#include "children/cert_feed.h"
#include "status/service_facts.h"

struct daemon_apache {
    struct apache process;
    int64_t due_msec;   /* monotonic: its PidFile is looked at; INT64_MAX: while it lives, its pidfd tells of its end */
    int64_t ended_msec; /* when it was last seen to end, or we started */
};

/* now_msec: when it is looked for first; INT64_MAX: never. */
void daemon_apache_init(struct daemon_apache *apache, int64_t now_msec);
void daemon_apache_clear(struct daemon_apache *apache);

/* Look for it when it is not known, see whether it lives when it is.  Returns whether another one runs now. */
bool daemon_apache_look(
    struct daemon_apache *apache, const char *pid_file, struct facts *facts, struct audit *audit, int64_t now_msec);

/* Tell the writer of it. */
void daemon_apache_tell(const struct daemon_apache *apache, struct feed *feed, const struct child *writer);

#endif
