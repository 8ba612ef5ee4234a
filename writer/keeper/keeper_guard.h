/* SPDX-License-Identifier: ISC */
/*
 * Owns: the file that is in place: its links, what happens to it, putting it back, the shield.
 * Runs in: keeper.
 * Never: reads what is in the file.
 */
#ifndef STAPLEGUARD_KEEPER_GUARD_H
#define STAPLEGUARD_KEEPER_GUARD_H

#include <sys/types.h>

#include "keeper/keeper_wire.h"

/* How often being displaced again at once is answered before somebody else gets a turn. */
#define GUARD_ROUNDS_MAX 100

struct guard {
    const char *name; /* of Apache's file, in the working directory */
    int inotify_fd;
    int directory_fd;
    int apache_fd; /* owned: pidfd of Apache's main process; -1 */
    bool has_kept; /* STAGING/keep and keep2 are links to the file that belongs in place, which is: */
    dev_t device;
    ino_t inode;
    bool is_modified; /* written to, or replaced by somebody, since keeper_begin */
    bool is_in_doubt; /* written to and not vouched for since */
    bool is_vouched;
    enum shield_state shield;
    enum reason shield_reason;
    struct keeper_news pending[KEEPER_KIND_COUNT]; /* what the writer has not been told yet, one of a kind */
    bool is_pending[KEEPER_KIND_COUNT];
    bool is_over; /* the directory is gone */
};

/*
 * name: of the file in the working directory, which directory_fd is.  The descriptors stay the caller's.  Links of a keeper
 * before are removed.
 */
void guard_init(struct guard *guard, const char *name, bool is_shield_wanted, int inotify_fd, int directory_fd);

/* Take in what the kernel says happened, and put right what is wrong. */
void guard_look(struct guard *guard);

/* STAGING/new_name takes the place of the file.  Returns 0, or an errno; then all is as before. */
int guard_place(struct guard *guard, const char *new_name);

/* The file in place is as it should be, unless it changed since guard->is_modified was cleared. */
void guard_vouch(struct guard *guard);

/* pidfd: taken over. */
void guard_set_apache(struct guard *guard, int pidfd);
void guard_apache_ended(struct guard *guard);

/* For good: lower the shield, remove the links. */
void guard_end(struct guard *guard);

#endif
