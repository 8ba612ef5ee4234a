/* SPDX-License-Identifier: ISC */
/*
 * Owns: finding Apache's main process (PidFile, pidfd).
 * Runs in: supervisor; command line (enable, disable).
 * Never: signals it, or believes a PidFile whose process is gone.
 */
#ifndef STAPLEGUARD_APACHE_PROCESS_H
#define STAPLEGUARD_APACHE_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * The process that pid_file names now, if it lives and can be Apache's main process; 0: none.  *pidfd: the caller's to close,
 * or -1.
 */
pid_t apache_process_find(const char *pid_file, int *pidfd);

/* Has it ended?  (Its pidfd is readable.) */
bool apache_process_has_ended(int pidfd);

#endif
