/* SPDX-License-Identifier: ISC */
/*
 * Owns: one TLS handshake with a status request, as a browser makes it.
 * Runs in: command line (check --connect; enable, in a locked-in child).
 * Never: judges what it got.
 */
#ifndef STAPLEGUARD_HANDSHAKE_H
#define STAPLEGUARD_HANDSHAKE_H

#include <stddef.h>
#include <stdint.h>

#include "bounds.h"

struct handshake {
    char *chain_pem; /* owned: what the server sent, the leaf first */
    size_t chain_len;
    unsigned char *staple; /* owned; NULL: none came */
    size_t staple_len;
    char error[DETAIL_MAX + 1];
};

/*
 * target: HOST:PORT or [ADDRESS]:PORT.  server_name: NULL: none.  signatures: those that the client accepts, as
 * SSL_CTX_set1_sigalgs_list has them, so that a server with several certificates answers with the one of that key type; NULL:
 * OpenSSL's own.  Returns 0, or -1 with error.  handshake_clear it.
 */
int handshake_make(
    const char *target, const char *server_name, const char *signatures, unsigned timeout_sec, struct handshake *handshake);
void handshake_clear(struct handshake *handshake);

#endif
