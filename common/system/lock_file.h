/* SPDX-License-Identifier: ISC */
/*
 * Owns: taking the lock of a file that no other user may open, so that no other user can hold the lock.
 * Runs in: supervisor.
 * Never: waits for a lock.
 */
#ifndef STAPLEGUARD_LOCK_FILE_H
#define STAPLEGUARD_LOCK_FILE_H

/*
 * Take the lock (flock(2)) of the file at path for as long as the descriptor that is returned stays open.  The file is made with
 * mode 0600.  One that others could open is replaced, since somebody may have it open, and locked.  Returns -1 with errno set:
 * EWOULDBLOCK when another process has the lock.
 */
int lock_file_take(const char *path);

#endif
