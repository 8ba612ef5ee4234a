/* SPDX-License-Identifier: ISC */
/*
 * Owns: writing a whole file so that readers see the old one or the new one.
 * Runs in: supervisor.
 * Never: leaves a half-written file under its name.
 */
#ifndef STAPLEGUARD_SAVE_FILE_H
#define STAPLEGUARD_SAVE_FILE_H

#include <stddef.h>
#include <sys/types.h>

/* Beside path (".new"), then renamed.  gid: (gid_t)-1 leaves the group.  Returns 0, or -1 with errno set. */
int save_file(const char *path, mode_t mode, gid_t gid, const char *octets, size_t len);

#endif
