/* SPDX-License-Identifier: ISC */
/*
 * Owns: the configuration in force, Apache's list of certificates, and the list they make; changing them while it runs.
 * Runs in: supervisor.
 * Never: gives up what works for a configuration that does not.
 */
#ifndef STAPLEGUARD_DAEMON_CONFIG_H
#define STAPLEGUARD_DAEMON_CONFIG_H

#include "apache/apache_certs.h"
#include "certs/cert_known.h"
#include "children/children.h"
#include "control/control.h"
#include "daemon/deploy.h"

/* Whom a change is told to; all borrowed. */
struct daemon_config_listeners {
    struct feed *feed;
    struct relay *relay;
    struct children *children;
    struct deploys *deploys;
    void (*changed)(void *context); /* the configuration or the list is another one */
    void *context;
};

struct daemon_config {
    struct conf *conf;      /* owned; in force */
    struct cert_list *list; /* owned */
    struct known *known;    /* owned; as of the start */
    struct {
        struct conf *conf;               /* owned; waits for Apache's list of certificates; or NULL */
        struct control_request *request; /* who asked for it; or NULL */
    } reload;                            /* under way */
    struct discovery *discovery;         /* owned; under way; or NULL */
    /* Monotonic; INT64_MAX: not. */
    int64_t discovery_msec; /* when Apache is asked for its certificates */
    int64_t lookout_msec;   /* when the certificates' files are looked at from outside */
    struct facts *facts;    /* borrowed, as all that follows */
    struct audit *audit;
    const struct ids *ids;
    struct daemon_config_listeners listeners;
};

/* Make the first list; the listeners are to be set next.  conf: taken over.  Returns 0, or -1: said. */
int daemon_config_init(
    struct daemon_config *config, struct conf *conf, const struct ids *ids, struct facts *facts, struct audit *audit);
void daemon_config_clear(struct daemon_config *config);

/* Read the configuration again (SIGHUP, `stapleguard` reload); request: who asked, or NULL. */
void daemon_config_reload(struct daemon_config *config, struct control_request *request);
/* Ask Apache for its certificates, unless that is under way. */
void daemon_config_discover(struct daemon_config *config);
/* Look at the certificates' files; those that changed are read. */
void daemon_config_look_out(struct daemon_config *config, int64_t now_msec);
/* The discovery under way has something to read, or its time is up. */
void daemon_config_ready(struct daemon_config *config, int64_t now_msec);

#endif
