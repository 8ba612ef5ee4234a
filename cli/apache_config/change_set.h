/* SPDX-License-Identifier: ISC */
/*
 * Owns: what an edit of Apache's configuration would do to files, before anybody does it.
 * Runs in: command line.
 * Never: opens, writes or removes a file.
 */
#ifndef STAPLEGUARD_CHANGE_SET_H
#define STAPLEGUARD_CHANGE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum change_kind {
    CHANGE_CREATE,  /* a file that must not be there yet; for everybody to read (0644) */
    CHANGE_REPLACE, /* the bytes of a file; mode, owner and inode's place stay */
    CHANGE_LINK,    /* a symbolic link that must not be there yet */
    CHANGE_REMOVE,  /* a file or a symbolic link */
};

struct change {
    enum change_kind kind;
    char *path;    /* absolute; REPLACE: the real file, never a link to it */
    char *content; /* CREATE, REPLACE: the new bytes; LINK: the target; REMOVE: NULL */
    size_t content_len;
    /*
     * REPLACE, REMOVE: the bytes this was computed from (of a link: its target); NULL otherwise.  Whoever applies the
     * change refuses when the file differs by then.
     */
    char *before;
    size_t before_len;
    bool is_link; /* LINK, and REMOVE of a symbolic link */
};

/* In the order in which they are to be made: a file before the link to it, a link's removal before its file's. */
struct change_set {
    struct change *changes;
    size_t count;
};

void change_set_init(struct change_set *set);

/*
 * Copy *change to the end of the set, or into the place of the change that the set already has for this path.  Returns false
 * when there is no memory; the set is as it was then.
 */
bool change_set_add(struct change_set *set, const struct change *change);

/* The change of this path, or NULL. */
const struct change *change_set_find(const struct change_set *set, const char *path);

/* Free everything; *set is empty and may be used again. */
void change_set_free(struct change_set *set);

/* A unified diff for people: three lines around each change; a tab is shown as a blank, what is not clean text as "?". */
void change_set_diff(const struct change_set *set, FILE *out);

#endif
