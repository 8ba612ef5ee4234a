/* SPDX-License-Identifier: ISC */
/*
 * Owns: our own file in Apache's configuration: where it belongs, what is in it, and knowing it again.
 * Runs in: command line.
 * Never: decides which place Apache reads.
 */
#ifndef STAPLEGUARD_OWN_FILE_H
#define STAPLEGUARD_OWN_FILE_H

#include "apache_config/config_marks.h"
#include "apache_config/edit_request.h"

struct own_file {
    char file[PATH_MAX];
    char link[PATH_MAX];   /* what a2enconf makes; "": none is needed */
    char target[PATH_MAX]; /* of the link */
    bool needs_include;    /* nothing reads the file by itself: the main file needs a line */
    bool is_there;
    bool is_ours;
    bool is_linked;          /* the link is there, or none is needed */
    struct config_bytes now; /* when it is there */
};

/* Where it may belong, best first.  Only Apache can tell whether it would read a file there; the last one it always does. */
enum own_place { OWN_DEBIAN, OWN_CONF_D, OWN_CONF_D_BESIDE, OWN_INCLUDED, OWN_PLACE_COUNT };

enum own_answer {
    OWN_PLACE,
    OWN_NO_PLACE, /* this Apache has no such directory */
    OWN_TAKEN,    /* something that is not ours has the name; error says what to do */
};

/* Look at a place, and read what is there. */
enum own_answer own_file_find(
    struct arena *arena, const struct apache_config *config, enum own_place place, struct own_file *own, char *error, size_t cap);

/* What it should say.  A file that was there before us is kept in it.  NULL data: no memory. */
struct config_bytes own_file_text(
    struct arena *arena, const struct own_file *own, const struct config_edit_request *request, bool is_server_on);

/* What was there before us; false: nothing was.  *was_linked: whether Apache read it then. */
bool own_file_before(struct arena *arena, struct config_bytes now, struct config_bytes *before, bool *was_linked);

/* True when the bytes are a file of ours. */
bool own_file_is_ours(struct config_bytes data);

/* A word as httpd reads it back, in quotes. */
char *own_file_quote(struct arena *arena, const char *prefix, const char *word);

#endif
