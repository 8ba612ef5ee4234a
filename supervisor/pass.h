/* SPDX-License-Identifier: ISC */
/*
 * Owns: one pass: children started, certificates handed out, messages relayed, children collected.
 * Runs in: supervisor.
 * Never: parses what a child passes on; ends because a child did.
 */
#ifndef STAPLEGUARD_PASS_H
#define STAPLEGUARD_PASS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "audit/audit.h"
#include "certs/cert_known.h"
#include "certs/cert_list.h"
#include "children/child_config.h"
#include "conf/conf.h"
#include "status/once_report.h"

struct pass {
    const struct conf *conf;
    struct pool *pool;
    const struct known *known;
    struct audit *audit;
    struct ids ids;
    bool is_forced;
    int signal_fd; /* signalfd(2) of SIGTERM, SIGINT and SIGCHLD, which are blocked */
};

/* Run it to its end.  Fills *report.  Returns 0, or -1 and a sentence in error (cap bytes) when it could not even begin. */
int pass_run(const struct pass *pass, struct report *report, char *error, size_t cap);

#endif
