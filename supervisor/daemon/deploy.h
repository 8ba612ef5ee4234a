/* SPDX-License-Identifier: ISC */
/*
 * Owns: `stapleguard deploy`: a renewed certificate gets its staple first, and Apache its restart after.
 * Runs in: supervisor (daemon).
 * Never: restarts Apache into a must-staple certificate without a staple: the old one, with its staple, goes on serving.
 *
 * A certificate belongs to a lineage (certbot's word: /etc/letsencrypt/live/NAME) when its file lies in that directory.
 */
#ifndef STAPLEGUARD_DEPLOY_H
#define STAPLEGUARD_DEPLOY_H

#include <stdbool.h>
#include <stdint.h>

#include "apache/apache_restart.h"
#include "certs/cert_list.h"
#include "control/control.h"

struct deploy_hooks {
    /* Read the certificate's files again, and ask for its staple now. */
    void (*look)(void *context, struct listed_cert *cert);
    /* Is what the files hold known to both children, and what is held told? */
    bool (*is_settled)(void *context, const struct listed_cert *cert);
    /* Restart Apache; done is told with owner.  False without memory. */
    bool (*restart)(void *context, restart_done *done, void *owner);
    void *context;
};

struct deploys;

/* hooks: borrowed.  NULL without memory. */
struct deploys *deploys_new(const struct deploy_hooks *hooks, struct cert_list *list);
void deploys_free(struct deploys *deploys);
/* Another list has taken over. */
void deploys_change_list(struct deploys *deploys, struct cert_list *list);

/*
 * wait_sec: how long a responder that does not know the new certificate yet is asked again; 0: one attempt.  The request is
 * answered in the end: exit code 0 done, or nothing to do; 1 restarted, but a certificate has no staple yet; 2 not
 * restarted; 3 the request was wrong.
 */
void deploys_begin(struct deploys *deploys, struct control_request *request, char *const *directories, size_t count,
    int64_t wait_sec, int64_t now_msec);

/* See whether one can go on.  Returns when to come again (monotonic milliseconds). */
int64_t deploys_tick(struct deploys *deploys, int64_t now_msec);

#endif
