/* SPDX-License-Identifier: ISC */
/*
 * Owns: running a program that must not outlive us, however we end.
 * Runs in: command line (enable, disable), as root.
 * Never: uses a shell, or passes its environment, descriptors or signal mask on.
 */
#ifndef STAPLEGUARD_BOUND_PROCESS_H
#define STAPLEGUARD_BOUND_PROCESS_H

#include <sys/types.h>

/*
 * Start argv (ended by NULL, argv[0] an absolute path); what it prints goes to out_fd (-1: nowhere).  When we are killed, the
 * kernel kills it and everything that it started.  Returns the process to wait for, or -1 with errno.
 */
pid_t bound_start(const char *const argv[], int out_fd);

/* Wait for it.  Returns its exit code; -1: it was ended by a signal, or could not be started. */
int bound_wait(pid_t pid);
/* End it, and everything that it started. */
void bound_end(pid_t pid);

#endif
