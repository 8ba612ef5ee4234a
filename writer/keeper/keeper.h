/* SPDX-License-Identifier: ISC */
/*
 * Owns: the directory entry of Apache's file while the service runs: put back when Apache deletes it, guarded by the shield,
 *       replaced only here; Apache's lock; the signal that restarts Apache.
 * Runs in: writer, which forks the keeper process for it before it locks itself in; that process alone has the two
 *          capabilities.
 * Never: reads what is in the file, or any message from outside; keeps the shield up when it is in doubt, or when the writer
 *        or Apache has ended.
 *
 * The keeper holds a second hard link (STAGING/keep) to the file that is in place.  When Apache unlinks the name, renaming
 * that link over it puts the very same file back, holes and Apache's own late entries and all, in microseconds.  The same
 * when another file is renamed over it (Berkeley DB makes a new one as __db.NAME).
 * Names are relative to the working directory.  New files are built in STAGING, a directory of its own, because nothing can
 * be made or removed in a directory that is immutable.
 */
#ifndef STAPLEGUARD_KEEPER_H
#define STAPLEGUARD_KEEPER_H

#include "keeper/keeper_process.h"

struct keeper;

/*
 * Fork the keeper, as root; it locks itself in.  STAGING exists.  Waits until it is ready, which may be until the keeper of
 * a writer before has ended.  NULL: error (cap bytes) says why.
 */
struct keeper *keeper_start(const struct keeper_settings *settings, char *error, size_t cap);

/* The descriptors that must survive the writer's own jail. */
#define KEEPER_DESCRIPTORS 2
void keeper_descriptors(const struct keeper *keeper, int fds[KEEPER_DESCRIPTORS]);

/* Lower the shield, end the process, collect it.  Returns its status (waitpid(2)); 0 for NULL, which is allowed. */
int keeper_end(struct keeper *keeper);

/* To be polled for POLLIN. */
int keeper_fd(const struct keeper *keeper);

/* The next news, if there is one.  Returns KEEPER_OK with *news filled, KEEPER_FAILED when there is none, KEEPER_GONE. */
enum keeper_result keeper_take_news(struct keeper *keeper, struct keeper_news *news);

/* What was written to the file until now is known (it is about to be read): forget it.  See keeper_place. */
enum keeper_result keeper_begin(struct keeper *keeper);

/*
 * Put the finished, synced file STAGING/`new_name` in place and keep a link to it.  It has its owner, group and mode
 * already.  Waits for the keeper, which waits for Apache's lock at most KEEPER_LOCK_WAIT_MSEC.  On anything but KEEPER_OK
 * the file in place is as it was and the new one still in STAGING.
 */
enum keeper_result keeper_place(struct keeper *keeper, const char *new_name, unsigned how, struct keeper_placed *placed);

/*
 * Hold Apache's lock across a read, a build and a keeper_place (which releases it; so does keeper_unlock, and the keeper
 * itself after KEEPER_LOCK_HELD_MAX_MSEC).  For the rare case that Apache writes faster than we build.
 */
enum keeper_result keeper_lock(struct keeper *keeper, struct keeper_placed *placed);
void keeper_unlock(struct keeper *keeper, struct keeper_placed *placed);

/* The file in place was just read and found to be what it should be: the shield may go up. */
void keeper_vouch(struct keeper *keeper);

/* Apache's main process (pidfd) and its lock (fd, kind); both borrowed.  A new Apache has no lock until told. */
enum keeper_result keeper_set_apache(struct keeper *keeper, int pidfd);
enum keeper_result keeper_set_lock(struct keeper *keeper, enum apache_lock_kind kind, int fd);

/* SIGUSR1 to Apache's main process, which must live.  KEEPER_FAILED: errno_value ESRCH when it does not. */
enum keeper_result keeper_signal_restart(struct keeper *keeper, int *errno_value);

#endif
