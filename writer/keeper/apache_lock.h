/* SPDX-License-Identifier: ISC */
/*
 * Owns: taking Apache's `ssl-stapling` mutex from outside.
 * Runs in: keeper.
 * Never: waits; whoever wants to tries again.
 *
 * Source: apr locks/unix/proc_mutex.c: flock(2) on the file, or fcntl(2) with a write lock on all of it.
 */
#ifndef STAPLEGUARD_APACHE_LOCK_H
#define STAPLEGUARD_APACHE_LOCK_H

#include <stdbool.h>

#include "proto/msg.h"

/* Returns 0; 1: somebody has it now; -1 with errno set.  APACHE_LOCK_NONE is always had. */
int apache_lock_try(enum apache_lock_kind kind, int fd);
void apache_lock_release(enum apache_lock_kind kind, int fd);

#endif
