/* SPDX-License-Identifier: ISC */
/*
 * Owns: our own file in Apache's configuration: where it belongs, what is in it, and knowing it again.
 * Runs in: command line.
 * Never: puts it where Apache would not read it.
 */
#ifndef STAPLEGUARD_OWN_FILE_H
#define STAPLEGUARD_OWN_FILE_H

#include "apache_config/config_marks.h"
#include "apache_config/edit_request.h"
#include "apache_config/httpd_load.h"

#define HTTPD_OWN_NAME "stapleguard.conf"

struct httpd_own {
    char file[PATH_MAX];
    char link[PATH_MAX];   /* what a2enconf makes; "": none is needed */
    char target[PATH_MAX]; /* of the link */
    bool needs_include;    /* nothing reads the file by itself: the main file needs a line */
    bool is_there;
    bool is_ours;
    bool is_linked;         /* the link is there, or none is needed */
    struct httpd_bytes now; /* when it is there */
};

/* Find its place, and read what is there.  False with an error in words (cap bytes) when that cannot be told. */
bool httpd_own_find(struct httpd_arena *arena, const struct httpd_tree *tree, struct httpd_own *own, char *error, size_t cap);

/* What it should say.  A file that was there before us is kept in it.  NULL data: no memory. */
struct httpd_bytes httpd_own_text(
    struct httpd_arena *arena, const struct httpd_own *own, const struct httpd_edit_request *request, bool is_server_on);

/* What was there before us; false: nothing was.  *was_linked: whether Apache read it then. */
bool httpd_own_before(struct httpd_arena *arena, struct httpd_bytes now, struct httpd_bytes *before, bool *was_linked);

/* True when the bytes are a file of ours. */
bool httpd_own_is_ours(struct httpd_bytes data);

/* A word as httpd reads it back, in quotes. */
char *httpd_own_quote(struct httpd_arena *arena, const char *prefix, const char *word);

#endif
