/* SPDX-License-Identifier: ISC */
/*
 * Owns: what the administrator asks of enable and disable, and the exit codes that answer it.
 * Runs in: command line (enable, disable), as root.
 * Never: says how it is done.
 */
#ifndef STAPLEGUARD_PLAN_REQUEST_H
#define STAPLEGUARD_PLAN_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

/* All borrowed. */
struct plan_request {
    const char *config_path;
    bool is_all;
    const char *const *domains;
    size_t domain_count;
};

enum setup_code {
    SETUP_DONE = 0,       /* or nothing to do */
    SETUP_UNDONE = 1,     /* failed or refused; everything is as it was */
    SETUP_NOT_UNDONE = 2, /* failed, and something could not be put back: the message says what to do */
    SETUP_USAGE = 3,
};

struct setup_options {
    struct plan_request request;
    bool is_dry_run;
    bool is_missing_allowed; /* --allow-missing */
};

#endif
