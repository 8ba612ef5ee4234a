/* SPDX-License-Identifier: ISC */
/*
 * Owns: what was known of each certificate after the last pass, so that the audit log tells a thing once and not at every
 *       pass.
 * Runs in: supervisor.
 * Never: decides about a staple; without its file everything is merely told once more.
 */
#ifndef STAPLEGUARD_CERT_KNOWN_H
#define STAPLEGUARD_CERT_KNOWN_H

#include "certs/cert_list.h"

struct known;

enum known_news {
    KNOWN_NOTHING_NEW,
    KNOWN_IS_NEW,     /* a name that was not there */
    KNOWN_IS_OTHER,   /* the name has another certificate */
    KNOWN_IS_CHANGED, /* the same certificate, but usable before and not now, or for another reason, or the other way round */
};

/*
 * Read what known_write wrote to path.  A file that is missing or damaged is like an empty one.  NULL only when memory ends.
 */
struct known *known_read(const char *path);
void known_free(struct known *known);

/* What is new about cert, of which its identity (or that it has none) and its reason were just told. */
enum known_news known_compare(const struct known *known, const struct listed_cert *cert);

/*
 * Remember the certificates of list, with the reasons that were told of them (told.reason).  Written beside and renamed into
 * place. Returns 0, or -1 with errno set.
 */
int known_write(const char *path, const struct cert_list *list);

#endif
