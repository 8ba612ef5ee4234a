/* SPDX-License-Identifier: ISC */
/*
 * Owns: the service: its loop, what is done when, and what the parts tell each other.  --once is the same loop, which ends
 *       when nothing is due and all is committed.
 * Runs in: supervisor.
 * Never: parses what a child passes on; ends because a child did; waits for anybody but poll(2).
 */
#ifndef STAPLEGUARD_DAEMON_H
#define STAPLEGUARD_DAEMON_H

#include "audit/audit.h"
#include "children/child_config.h"
#include "conf/conf.h"
#include "daemon/options.h"
#include "status/once_report.h"

struct daemon_settings {
    const struct options *options;
    struct conf *conf; /* taken over */
    struct ids ids;
    gid_t look_gid; /* whose members may look at the status; (gid_t)-1: nobody's */
    struct audit *audit;
    int signal_fd; /* signalfd(2) of SIGTERM, SIGINT, SIGHUP and SIGCHLD, which are blocked */
};

/* Run until SIGTERM, or until everything is done (options->is_once).  The exit code of the process. */
enum exit_code daemon_run(const struct daemon_settings *settings);

#endif
