/* SPDX-License-Identifier: ISC */
/*
 * Owns: the lock that keeps two writers from one store: one may still be ending, orphaned, when the next is started.
 * Runs in: writer, before its jail.
 * Never: lets go before the process, and whatever it forked that works on the store, has ended.
 */
#ifndef STAPLEGUARD_STORE_LOCK_H
#define STAPLEGUARD_STORE_LOCK_H

/*
 * Lock directory/lock (made if it is missing), waiting for another writer for at most wait_msec.  Returns the descriptor
 * that keeps the lock (for the life of the process), or -1 with errno set; EWOULDBLOCK: the other one did not end in time.
 */
int store_lock_take(const char *directory, int wait_msec);

#endif
