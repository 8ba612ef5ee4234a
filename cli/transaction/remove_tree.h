/* SPDX-License-Identifier: ISC */
/*
 * Owns: removing a directory of ours with all that is in it.
 * Runs in: command line (enable, disable), as root.
 * Never: follows a link.
 */
#ifndef STAPLEGUARD_REMOVE_TREE_H
#define STAPLEGUARD_REMOVE_TREE_H

/* One that is not there is removed already.  Returns 0, or -1 with errno. */
int remove_tree(const char *path);

#endif
