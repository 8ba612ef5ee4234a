/* SPDX-License-Identifier: ISC */
/*
 * Owns: what the administrator asks of enable and disable.
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

#endif
