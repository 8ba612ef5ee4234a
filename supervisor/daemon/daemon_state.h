/* SPDX-License-Identifier: ISC */
/*
 * Owns: what the daemon's parts share.
 * Runs in: supervisor (daemon).
 * Never: reaches beyond daemon*.c.
 */
#ifndef STAPLEGUARD_DAEMON_STATE_H
#define STAPLEGUARD_DAEMON_STATE_H

#include "apache/apache_certs.h"
#include "apache/apache_restart.h"
#include "apache/apache_watch.h"
#include "certs/cert_known.h"
#include "children/children.h"
#include "control/control.h"
#include "daemon/daemon.h"
#include "daemon/daemon_once.h"
#include "daemon/deploy.h"

#define DAEMON_NEVER INT64_MAX

struct daemon {
    struct daemon_settings settings;
    struct conf *conf;      /* owned; in force */
    struct conf *next_conf; /* owned; read by a reload that waits for Apache's list of certificates; or NULL */
    struct pool *pool;      /* owned */
    struct known *known;    /* owned; as of the start */
    struct once once;
    struct facts facts;
    struct relay_hooks relay_hooks;
    struct relay relay;
    struct feed feed;
    struct children children;
    struct apache apache;
    struct control *control;
    struct control_actions actions;
    struct control_request *reloader; /* who asked for the reload under way; or NULL */
    struct discovery *discovery;      /* under way; or NULL */
    struct restart_hooks restart_hooks;
    struct restart *restart;
    struct deploy_hooks deploy_hooks;
    struct deploys *deploys;
    /* When something is due, in milliseconds of the monotonic clock; DAEMON_NEVER: not. */
    int64_t lookout_msec;      /* the certificates' files are looked at from outside */
    int64_t discovery_msec;    /* Apache is asked for its certificates */
    int64_t apache_msec;       /* its PidFile is looked at */
    int64_t apache_ended_msec; /* when it was last seen to end, or we started */
    int64_t save_msec;         /* what is known is written down */
    int64_t save_cost_msec;    /* how long that took the last time */
    int64_t flush_msec;        /* the audit log */
    int64_t tick_msec;         /* its sealing key, and floods */
    int64_t watchdog_msec;
    int64_t stop_msec; /* whoever has not ended by then is killed */
    bool is_committed; /* at least once: everything is known of every certificate */
    bool is_stopping;
};

/* daemon_config.c: the configuration, Apache's list, and the pool they make. */

/* The first pool.  Returns 0, or -1: said. */
int daemon_gather(struct daemon *daemon);
/* Read the configuration anew (SIGHUP, `stapleguard` reload); request: who asked, or NULL. */
void daemon_reload(struct daemon *daemon, struct control_request *request);
/* Ask Apache for its certificates, unless that is under way. */
void daemon_discover(struct daemon *daemon);
/* The discovery under way has something to read, or its time is up. */
void daemon_discovery_ready(struct daemon *daemon, int64_t now_msec);

/* daemon_apache.c: Apache's main process. */

/* Look for it when it is not known, see whether it lives when it is.  Sets apache_msec. */
void daemon_watch_apache(struct daemon *daemon, int64_t now_msec);
/* Tell the writer of it. */
void daemon_tell_apache(struct daemon *daemon);

/* daemon_actions.c: what clients of the control socket ask for. */

/* Returns 0, or -1: said. */ int daemon_prepare_actions(struct daemon *daemon);

/* daemon_save.c: what outlives the process, and what others read of it. */

/* Something worth saving has changed; written a little later, once for many changes. */
void daemon_save_soon(struct daemon *daemon, int64_t now_msec);
void daemon_save(struct daemon *daemon);
/* One line for `systemctl status`. */
void daemon_say_status(const struct daemon *daemon);

#endif
