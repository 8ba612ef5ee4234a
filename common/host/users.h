/* SPDX-License-Identifier: ISC */
/*
 * Owns: turning the user names of the configuration into numbers.
 * Runs in: supervisor, before its sandbox; command line (enable).
 * Never: accepts root.
 */
#ifndef STAPLEGUARD_USERS_H
#define STAPLEGUARD_USERS_H

#include <stddef.h>
#include <sys/types.h>

/*
 * name: a user's name, or a numeric uid, which needs no entry in the user database (its gid is then the same number).
 * Returns 0, or -1 and a sentence in error (cap bytes): who is missing and how to make it.
 */
int users_find(const char *name, uid_t *uid, gid_t *gid, char *error, size_t cap);

#endif
