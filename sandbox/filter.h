/* SPDX-License-Identifier: ISC */
/*
 * Owns: turning a policy table into a seccomp filter (libseccomp), for this architecture or another.
 * Runs in: supervisor, fetcher, writer, keeper, the writer's reader.
 * Never: makes half a table; lets a call of another architecture (32 bit, x32) through.
 */
#ifndef STAPLEGUARD_FILTER_H
#define STAPLEGUARD_FILTER_H

#include <seccomp.h>
#include <stdint.h>

#include "sandbox/policy.h"

/*
 * policy as a filter for an architecture (SCMP_ARCH_*); denied: what happens to a call that it does not let through
 * (SCMP_ACT_*).  The caller's, to be freed with seccomp_release(3).  NULL with errno set on failure.
 */
scmp_filter_ctx filter_new(const struct sandbox_policy *policy, uint32_t architecture, uint32_t denied);

#endif
