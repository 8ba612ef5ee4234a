/* SPDX-License-Identifier: ISC */
/*
 * Owns: the shield: the immutable flag of the directory of Apache's file, in which nobody can delete a name, not even root.
 * Runs in: keeper; the writer's set-up, to lift one that was left behind.
 * Never: decides when.
 *
 * Source: Linux ioctl_iflags(2).  It takes CAP_LINUX_IMMUTABLE, and to own the directory.
 */
#ifndef STAPLEGUARD_SHIELD_H
#define STAPLEGUARD_SHIELD_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Raise or lower it; directory_fd: the directory, opened for reading.  Nothing is done where it is so already.
 * Returns 0, or -1 with errno set: ENOTTY, EOPNOTSUPP: this file system has no such flag; EPERM: no capability.
 */
int shield_set(int directory_fd, bool is_up);

/* Is it up?  False also where that cannot be told. */
bool shield_is_up(int directory_fd);

/*
 * As root, with CAP_LINUX_IMMUTABLE permitted but without CAP_FOWNER: lower one that was left behind on the directory at
 * path, which belongs to owner.  Returns 0 also where there is no such flag; else -1 with errno set.
 */
int shield_lift(const char *path, uid_t owner);

#endif
