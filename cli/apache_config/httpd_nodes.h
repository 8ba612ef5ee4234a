/* SPDX-License-Identifier: ISC */
/*
 * Owns: the lines and sections of one configuration file, and at which byte each begins and ends.
 * Runs in: command line.
 * Never: opens a file, or knows what a directive means.
 *
 * Lines are joined and trimmed as httpd does it: a backslash before the line's end joins, in comments too.
 * Source: httpd server/util.c (ap_cfg_getline_core), server/config.c (ap_build_config_sub).
 */
#ifndef STAPLEGUARD_HTTPD_NODES_H
#define STAPLEGUARD_HTTPD_NODES_H

#include "apache_config/config_arena.h"

/* A directive, or a section with what is in it. */
struct httpd_node {
    char *name; /* of a section without < */
    char *args; /* the text behind it, joined and trimmed; of a section without > */
    bool is_section;
    unsigned line; /* from 1 */
    unsigned depth;
    size_t next;        /* the index of the node behind it and all that is in it */
    size_t begin;       /* the byte where its line begins */
    size_t text;        /* its first byte that is not blank */
    size_t end;         /* behind the line's end */
    size_t close_begin; /* of a section: the same for the line of its end */
    size_t close_text;
    size_t close_end;
};

struct httpd_nodes {
    struct httpd_node *items; /* in the file's order, a section before what is in it */
    size_t count;
};

/* Sections deeper than this are refused. */
#define HTTPD_DEPTH_MAX 64u

/*
 * Take len bytes apart.  On failure returns false; *line and why (cap bytes) say where and what is wrong, with nothing of
 * the file in it but names of sections.
 */
bool httpd_nodes_parse(
    struct httpd_arena *arena, const char *data, size_t len, struct httpd_nodes *nodes, unsigned *line, char *why, size_t cap);

/* One line as httpd joins it. */
struct httpd_joined {
    size_t begin;
    size_t text; /* the first byte that is not blank; end when all are */
    size_t end;
    unsigned lines; /* how many lines of the file it is */
    bool is_comment;
    bool is_blank;
};

/* The line that begins at byte begin < len. */
struct httpd_joined httpd_nodes_line(const char *data, size_t len, size_t begin);

#endif
