/* SPDX-License-Identifier: ISC */
/*
 * Owns: looking at the directories that Apache and the service share, before they do.
 * Runs in: command line (enable), as root.
 * Never: makes or changes one (common/host/directories.h does).
 */
#ifndef STAPLEGUARD_PLACES_H
#define STAPLEGUARD_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "conf/conf.h"
#include "enable/finding.h"

/* The DBM file's directory and lock_dir: owner, modes, the way there for Apache's user, and whether a boot makes them. */
void places_check(const struct conf *conf, uid_t write_uid, struct findings *findings);

/*
 * Can Apache's children read and write the DBM file, once it is there?  When they cannot, Apache asks the responder in every
 * handshake, and it may even look well from outside.  False: error (cap bytes) says so.
 */
bool places_can_use(const struct conf *conf, char *error, size_t cap);

#endif
