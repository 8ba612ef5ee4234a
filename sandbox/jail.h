/* SPDX-License-Identifier: ISC */
/*
 * Owns: locking a process in: descriptors, limits, root directory, ids, capabilities, Landlock, seccomp; in that order.
 * Runs in: fetcher, writer (wholly); supervisor (capabilities and seccomp).
 * Never: comes half way: any step that fails ends in an error, unless it is a layer the kernel does not have.
 */
#ifndef STAPLEGUARD_JAIL_H
#define STAPLEGUARD_JAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sandbox/landlock.h"
#include "sandbox/layer.h"
#include "sandbox/policy.h"

/* Resource limits (setrlimit(2)), soft and hard alike. */
struct jail_limits {
    uint64_t open_files;
    uint64_t file_size;     /* bytes; RLIM_INFINITY: no limit */
    uint64_t address_space; /* bytes; RLIM_INFINITY: no limit */
    uint64_t processes;     /* 0: no further process or thread */
};

struct jail {
    uid_t uid;
    gid_t gid;
    const char *root_dir;                         /* becomes "/" */
    const struct landlock_directory *directories; /* what stays usable; may be NULL */
    const char *working_dir;                      /* one of directories, or NULL: the new "/" */
    unsigned fd_count;                            /* descriptors 0 .. fd_count - 1 are kept, besides extra_fds */
    const int *extra_fds;                         /* ascending, -1-terminated: further descriptors to keep; may be NULL */
    const int *capabilities;                      /* CAP_*: kept permitted, not effective; may be NULL */
    size_t capability_count;
    bool may_signal_others; /* keeper: Apache is outside of its sandbox */
    bool may_connect;       /* fetcher: TCP to anywhere */
    struct jail_limits limits;
    const struct sandbox_policy *policy;
};

/*
 * Lock the calling process in for good.  On failure returns -1 and error (cap bytes) names the step and errno's text; the
 * process must then end.  On success returns 0 and *missing_layers says which layers this kernel does not have.
 */
int jail_enter(const struct jail *jail, uint32_t *missing_layers, char *error, size_t cap);

/* The SANDBOX_LAYER_* bits of what this kernel lacks. */
uint32_t jail_missing_layers(void);

/* Close every descriptor from fd_count on that is not in extra_fds.  Returns 0, or -1 with errno set. */
int jail_close_descriptors(unsigned fd_count, const int *extra_fds);

#endif
