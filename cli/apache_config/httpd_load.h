/* SPDX-License-Identifier: ISC */
/*
 * Owns: what the files of cli/httpd see of a tree that others do not.
 * Runs in: command line.
 * Never: is included from outside of cli/httpd, but by its tests.
 */
#ifndef STAPLEGUARD_HTTPD_LOAD_H
#define STAPLEGUARD_HTTPD_LOAD_H

#include "apache_config/httpd_walk.h"

/* httpd_tree_load of the files as they would be after the changes (borrowed, and longer alive than the tree). */
struct httpd_tree *httpd_tree_load_with(
    const struct httpd_source *source, const struct change_set *changes, char *error, size_t cap);

#endif
