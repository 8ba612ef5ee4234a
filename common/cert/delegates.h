/* SPDX-License-Identifier: ISC */
/*
 * Owns: the certificates that one issuer was found to have signed for its responders, so that each is parsed and its signature
 *       computed once.
 * Runs in: fetcher, writer, command line.
 * Never: remembers a judgement: dates, extensions and algorithms are looked at again for each response.
 *
 * What is kept is true for ever: these octets, and that this issuer's key signed them.  A certificate is found by its whole DER
 * alone; a flipped bit makes another one.  Each issuer has its own: what one signed says nothing about a namesake.
 */
#ifndef STAPLEGUARD_DELEGATES_H
#define STAPLEGUARD_DELEGATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

/* A CA signs with one certificate at a time, and with two while it changes over. */
#define DELEGATES_KEPT 4u

struct delegate {
    X509 *x509;   /* owned; NULL: none */
    uint8_t *der; /* owned */
    size_t der_len;
};

/* Zeroed: none is known. */
struct delegates {
    struct delegate kept[DELEGATES_KEPT];
    unsigned next; /* whose place the next one takes */
};

void delegates_clear(struct delegates *delegates);

/* The certificate of exactly these octets, a new reference (X509_free), or NULL. */
X509 *delegates_find(const struct delegates *delegates, const uint8_t *der, size_t der_len);

/* Is this very object, which delegates_find gave, one that the issuer signed? */
bool delegates_has(const struct delegates *delegates, const X509 *x509);

/* The issuer's key was seen to have signed x509 (borrowed): keep it in the place of the oldest.  Without memory it is not kept. */
void delegates_keep(struct delegates *delegates, X509 *x509);

#endif
