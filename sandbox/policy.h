/* SPDX-License-Identifier: ISC */
/*
 * Owns: which system calls each process may make, as tables sorted by purpose.
 * Runs in: supervisor, fetcher, writer.
 * Never: allows a call without a rule on those of its arguments that matter.
 */
#ifndef STAPLEGUARD_POLICY_H
#define STAPLEGUARD_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One argument of a system call compared with a value, seen through a mask. */
struct sandbox_argument {
    uint8_t index;   /* 0..5 */
    uint8_t compare; /* enum sandbox_compare */
    uint64_t mask;
    uint64_t value;
    const char *name; /* value's, for reviewers (SECURITY.md) */
};

enum sandbox_compare {
    SANDBOX_ANY, /* ends the list of arguments */
    SANDBOX_EQUAL,
    SANDBOX_NOT_EQUAL,
    SANDBOX_MASKED,  /* (argument & mask) == value */
    SANDBOX_OWN_PID, /* (argument & mask) == getpid() of the process that loads the filter */
};

/* Rules for the same call add up: a call passes if one of its rules does. */
struct sandbox_rule {
    const char *call; /* as libseccomp names it; one that this architecture lacks is passed over */
    const char *who;  /* who needs it, and what for */
    struct sandbox_argument arguments[3];
};

enum sandbox_default {
    SANDBOX_KILL_OTHERS, /* what no rule allows ends the process */
    SANDBOX_KILL_LISTED, /* what a rule names ends the process (supervisor: its children need the rest) */
};

struct sandbox_policy {
    const char *name;
    enum sandbox_default mode;
    const struct sandbox_rule *const *groups; /* NULL-terminated; each group ends with call == NULL */
    const struct sandbox_rule *absent;        /* as if the kernel did not have it (ENOSYS); ends with call == NULL; may be NULL */
};

extern const struct sandbox_policy sandbox_policy_fetcher;
extern const struct sandbox_policy sandbox_policy_writer;
/* Laid over the writer's in the child that reads Apache's file: no open, no fork, no rename. */
extern const struct sandbox_policy sandbox_policy_reader;
/* The process that the writer starts before it locks itself in: Apache's file by name, its shield, its lock, SIGUSR1. */
extern const struct sandbox_policy sandbox_policy_keeper;
extern const struct sandbox_policy sandbox_policy_supervisor;

/* Whether this kernel has seccomp filters that end a whole process (Linux 4.14). */
bool sandbox_is_supported(void);

/*
 * Load policy for the calling process (no_new_privs is set first).  Returns 0, or -1 with errno set: ENOSYS where it is
 * not supported.
 */
int sandbox_apply(const struct sandbox_policy *policy);

#endif
