/* SPDX-License-Identifier: ISC */
/*
 * Owns: a child's first step: its channels are there, and nothing else of what it inherited stays.
 * Runs in: fetcher, writer.
 * Never: goes on when it was started by hand.
 */
#ifndef STAPLEGUARD_CHILD_H
#define STAPLEGUARD_CHILD_H

#include <stdbool.h>

#include "proto/ipc.h"

/*
 * Whether this build runs under AddressSanitizer, which maps terabytes: limits of address space are not for it, and its own
 * system calls would not pass a filter.
 */
#if defined(__SANITIZE_ADDRESS__)
#define CHILD_IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHILD_IS_SANITIZED 1
#endif
#endif
#ifndef CHILD_IS_SANITIZED
#define CHILD_IS_SANITIZED 0
#endif

/* Exit codes of a child. */
#define CHILD_EXIT_SETUP 1
#define CHILD_EXIT_BY_HAND 2
/* The writer's: its keeper was ended by the sandbox. */
#define CHILD_EXIT_KEEPER_VIOLATION 3

/*
 * Take over IPC_FD_SUPERVISOR and IPC_FD_SIBLING as the channels of `self` (to the supervisor, and to `other`); close what
 * else is open, forget the environment, settle the time zone, ignore SIGPIPE, umask 077.  Returns false when there are no
 * such channels (the program was started by hand), with a line on standard error.
 */
bool child_take_over(enum party self, enum party other, struct ipc *supervisor, struct ipc *sibling);

#endif
