/* SPDX-License-Identifier: ISC */
/*
 * Owns: the bytes of configuration files, and the names in their directories.
 * Runs in: command line.
 * Never: writes; reads what is no regular file.
 */
#ifndef STAPLEGUARD_CONFIG_FILES_H
#define STAPLEGUARD_CONFIG_FILES_H

#include <limits.h>

#include "apache_config/config_lines.h"
#include "text/arena.h"

/* Read the file at path, at most CONFIG_FILE_MAX bytes.  False with "PATH: why" in error (cap bytes, clean text). */
#define CONFIG_FILE_MAX (16u * 1024u * 1024u)
bool config_files_read(struct arena *arena, const char *path, struct config_bytes *bytes, char *error, size_t cap);

/* The real path of the directory that path is in, with path's last name.  False when that directory is not there. */
bool config_files_parent(const char *path, char real[PATH_MAX]);

bool config_files_is_directory(const char *path);

/* The names in a directory, sorted.  False when it cannot be read, or there is no memory. */
bool config_files_list(struct arena *arena, const char *directory, char ***names, size_t *count);

#endif
