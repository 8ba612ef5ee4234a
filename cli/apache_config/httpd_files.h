/* SPDX-License-Identifier: ISC */
/*
 * Owns: the files of Apache's configuration as they are, or as they would be after a set of changes.
 * Runs in: command line.
 * Never: writes; reads what is no regular file; reads a file twice.
 */
#ifndef STAPLEGUARD_HTTPD_FILES_H
#define STAPLEGUARD_HTTPD_FILES_H

#include <limits.h>

#include "apache_config/change_set.h"
#include "apache_config/config_arena.h"
#include "apache_config/httpd_nodes.h"

/* More than any Apache has; what is beyond is a loop, or not a configuration. */
#define HTTPD_FILE_MAX (16u * 1024u * 1024u)
#define HTTPD_FILES_MAX 20000u

struct httpd_lens;

struct httpd_file {
    const char *path; /* real */
    const char *data;
    size_t len;
    struct httpd_nodes nodes;
    unsigned times_read; /* how often it was included */
};

struct httpd_files {
    struct httpd_arena *arena;
    const struct change_set *overlay; /* seen as if it were made; NULL: none */
    struct httpd_lens *lens;
    struct httpd_file **items;
    size_t count;
    char *error; /* of the first failure: "PATH:LINE: what; what to do" */
    size_t error_cap;
};

/* What stands at a path. */
enum httpd_path_kind { HTTPD_PATH_NOTHING, HTTPD_PATH_FILE, HTTPD_PATH_DIRECTORY };

/* Through all links, and with the overlay.  real: where it really is; also written for NOTHING when its directory is there. */
enum httpd_path_kind httpd_files_resolve(const struct httpd_files *files, const char *path, char real[PATH_MAX]);

/* The real path of the directory that path is in, with path's last name.  False when that directory is not there. */
bool httpd_files_parent(const char *path, char real[PATH_MAX]);

/* Read and take apart the file at path.  NULL with an error when that cannot be done. */
struct httpd_file *httpd_files_read(struct httpd_files *files, const char *path);

/* The bytes of the file at the real path, with the overlay; the arena's or the overlay's.  False with an error. */
bool httpd_files_bytes(struct httpd_files *files, const char *path, const char **data, size_t *len);

/* Names in the directory that match pattern (NULL: all), sorted as httpd sorts them.  *names is the arena's.  False: error. */
bool httpd_files_list(struct httpd_files *files, const char *directory, const char *pattern, char ***names, size_t *count);

/* Put the first error down, cleaned: "PATH:LINE: text", "PATH: text" for line 0.  Returns false. */
bool httpd_files_fail(struct httpd_files *files, const char *path, unsigned line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
