/* SPDX-License-Identifier: ISC */
/*
 * Owns: seeing what a visitor sees: a handshake with one site, judged; a connection to a responder.
 * Runs in: command line (enable, disable): each in a child of its own, as an unprivileged user.
 * Never: lets the command's own process read a byte that came over a connection, or ask a name server.
 */
#ifndef STAPLEGUARD_VISITOR_H
#define STAPLEGUARD_VISITOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bounds.h"

struct visitor {
    uid_t uid; /* who to be */
    gid_t gid;
};

enum visit_result {
    VISIT_GOOD, /* a staple that a strict client takes, and it says good */
    VISIT_NO_STAPLE,
    VISIT_BAD_STAPLE, /* detail: why */
    VISIT_QUIET,      /* none came, and none can: the certificate has no OCSP URL, or is expired … */
    VISIT_FAILED,     /* no handshake; detail: why */
};

struct visit {
    enum visit_result result;
    uint8_t sha256[32]; /* of the certificate that was served; zero when there was no handshake */
    int64_t next_update;
    char detail[DETAIL_MAX + 1]; /* clean text */
};

/* target, server_name, signatures: as handshake_make has them. */
void visitor_visit(
    const struct visitor *visitor, const char *target, const char *server_name, const char *signatures, struct visit *visit);

/* Can a TCP connection be made to the URL's host?  detail: why not. */
bool visitor_can_reach(const struct visitor *visitor, const char *url, char detail[DETAIL_MAX + 1]);

#endif
