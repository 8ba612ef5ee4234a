/* SPDX-License-Identifier: ISC */
/*
 * Owns: what clients of the control socket ask for.
 * Runs in: supervisor (daemon).
 * Never: decides who may ask (control.h does).
 */
#ifndef STAPLEGUARD_DAEMON_ACTIONS_H
#define STAPLEGUARD_DAEMON_ACTIONS_H

#include "apache/apache_restart.h"
#include "control/control.h"
#include "daemon/daemon_config.h"
#include "daemon/deploy.h"

/* What the actions use of the service; all borrowed. */
struct daemon_actors {
    struct daemon_config *config;
    const struct facts *facts;
    struct audit *audit;
    struct feed *feed;
    struct children *children;
    void (*look_at_apache)(void *context); /* facts->apache_pid is then as of now */
    void *context;
};

struct daemon_actions {
    struct daemon_actors actors;
    struct control_actions control;
    struct restart_hooks restart_hooks;
    struct restart *restart; /* owned */
    struct deploy_hooks deploy_hooks;
    struct deploys *deploys; /* owned */
};

/* Returns 0, or -1: said. */
int daemon_actions_init(struct daemon_actions *actions, const struct daemon_actors *actors);
void daemon_actions_clear(struct daemon_actions *actions);

#endif
