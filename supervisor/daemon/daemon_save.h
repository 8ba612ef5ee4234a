/* SPDX-License-Identifier: ISC */
/*
 * Owns: what of the service outlives it (what was known, the saved status) and what others read of it (metrics, systemctl).
 * Runs in: supervisor.
 * Never: fails the service because a file cannot be written.
 */
#ifndef STAPLEGUARD_DAEMON_SAVE_H
#define STAPLEGUARD_DAEMON_SAVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "certs/cert_list.h"
#include "conf/conf.h"
#include "status/service_facts.h"

struct daemon_save {
    int64_t due_msec;  /* monotonic; INT64_MAX: nothing has changed */
    int64_t cost_msec; /* how long it took the last time */
};

/* What is written. */
struct daemon_saved {
    const struct conf *conf;
    const struct facts *facts;
    const struct cert_list *list;
    gid_t look_gid;       /* of the status */
    bool is_list_settled; /* everything is known of every certificate; else the file of the last run knows more */
};

/* Something worth saving has changed: write it a little later, once for many changes. */
void daemon_save_soon(struct daemon_save *save, int64_t now_msec);
void daemon_save_now(struct daemon_save *save, const struct daemon_saved *saved);

/* Give `systemctl status` its line. */
void daemon_save_notify(const struct facts *facts, const struct cert_list *list);

#endif
