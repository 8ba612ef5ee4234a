/* SPDX-License-Identifier: ISC */
/*
 * Owns: the lock that keeps a second stapleguardd out.
 * Runs in: supervisor.
 * Never: waits for the other one, or believes a file without its lock.
 */
#ifndef STAPLEGUARD_INSTANCE_H
#define STAPLEGUARD_INSTANCE_H

#include <stddef.h>

enum instance_result {
    INSTANCE_ALONE,
    INSTANCE_OTHER_RUNS,
    INSTANCE_FAILED,
};

/* Take the lock in run_dir for the life of this process.  error (cap bytes): who has it, or what went wrong. */
enum instance_result instance_lock(const char *run_dir, char *error, size_t cap);

#endif
