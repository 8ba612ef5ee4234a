/* SPDX-License-Identifier: ISC */
/*
 * Owns: Apache's configuration as Apache shows it, together with the files it stands in.
 * Runs in: command line.
 * Never: writes a file, or takes a line for a directive that Apache does not place there.
 */
#ifndef STAPLEGUARD_CONFIG_H
#define STAPLEGUARD_CONFIG_H

#include "apache_config/config_files.h"
#include "host/apache_dump.h"

/* Enough for "PATH:LINE: " and Apache's own words. */
#define CONFIG_ERROR_MAX 1024u

struct config_file {
    const char *path; /* real */
    struct config_bytes bytes;
    unsigned times_read; /* how often Apache reads it */
    size_t *lines;       /* the byte at which each line begins */
    size_t line_count;
};

/* Where something stands, in bytes. */
struct config_span {
    const struct config_file *file; /* NULL: in no file, or not found there */
    unsigned line;                  /* the first of its lines, from 1 */
    size_t begin;
    size_t end; /* of a directive: behind its last line; of a site: where the line of </VirtualHost> begins */
};

/* All in the dump's arena. */
struct apache_config {
    struct apache_dump dump;
    struct config_file **files; /* each once, in the order of reading, the main file first */
    size_t file_count;
    struct config_name *names; /* what Apache calls them, sorted */
    size_t name_count;
    struct config_span *sites; /* by index into dump.sites */
};

/*
 * Ask Apache, and read the files that it names.  Returns a new configuration that config_free ends, or NULL; then error (cap
 * bytes, clean text) is one sentence.  Without mod_info there are only files and certificates (dump.has_config).
 */
struct apache_config *config_load(const struct apache_dump_command *command, char *error, size_t cap);
void config_free(struct apache_config *config);

/* Find the directive that Apache shows at a line.  span->file NULL: there is no such line in a file. */
void config_find_line(const struct apache_config *config, const struct apache_line *line, struct config_span *span);

/* The file with this real path, or NULL. */
const struct config_file *config_file_at(const struct apache_config *config, const char *path);

/* The line in effect for a site or the server level, and for the mutex of stapling; see apache_dump.h. */
const struct apache_line *config_effective(const struct apache_config *config, size_t site, enum apache_setting setting);

#endif
