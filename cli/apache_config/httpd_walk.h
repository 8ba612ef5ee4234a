/* SPDX-License-Identifier: ISC */
/*
 * Owns: following the files of a configuration line by line, as httpd does when it reads them.
 * Runs in: command line.
 * Never: decides what the lines mean together; that is httpd_tree.c.
 */
#ifndef STAPLEGUARD_HTTPD_WALK_H
#define STAPLEGUARD_HTTPD_WALK_H

#include "apache_config/config.h"
#include "apache_config/httpd_facts.h"
#include "apache_config/httpd_files.h"

/* An Include or IncludeOptional at server level, as it was followed. */
struct httpd_include {
    char *pattern; /* absolute */
};

/* What is gathered; all in the arena. */
struct httpd_tree {
    struct httpd_arena arena;
    struct httpd_files files;
    struct httpd_vhost *vhosts;
    size_t vhost_count;
    struct httpd_line *lines;
    size_t line_count;
    size_t *effective; /* line_count + 1 or index into lines + 1, by (vhost + 1) and setting; 0: none */
    struct httpd_include *includes;
    size_t include_count;
    const char *main_path;   /* the main file, real */
    const char *server_root; /* at the end */
};

/* Read all from the main file on into *tree, whose files are ready.  False with the error in tree->files. */
bool httpd_walk(struct httpd_tree *tree, const struct httpd_source *source);

#endif
