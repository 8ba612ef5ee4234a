/* SPDX-License-Identifier: ISC */
/*
 * Owns: what a broken-in process would try, each under a name.
 * Runs in: probes (tests only).
 * Never: does harm where it succeeds.
 */
#ifndef STAPLEGUARD_PROBE_ATTEMPTS_H
#define STAPLEGUARD_PROBE_ATTEMPTS_H

#include "page.h"

/* Make the attempt of that name.  Returns PROBE_SUCCEEDED, PROBE_UNKNOWN, or the errno with which it was refused. */
int32_t attempts_make(const struct probe_page *page, const char *name);

#endif
