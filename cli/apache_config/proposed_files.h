/* SPDX-License-Identifier: ISC */
/*
 * Owns: a view of the file system in which a set of changes is made, for this process and what it runs, and for a moment.
 * Runs in: command line, as root.
 * Never: changes a file that anybody else sees.
 */
#ifndef STAPLEGUARD_PROPOSED_FILES_H
#define STAPLEGUARD_PROPOSED_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "apache_config/change_set.h"

/*
 * Make the changes on overlays in a mount namespace of our own, call look there, and come back.  False with why in error (cap
 * bytes, clean text) when that is not possible here (it takes CAP_SYS_ADMIN and overlayfs); then look was not called.
 */
bool proposed_files_show(const struct change_set *set, void (*look)(void *context), void *context, char *error, size_t cap);

#endif
