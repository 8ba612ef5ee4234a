/* SPDX-License-Identifier: ISC */
/*
 * Owns: parsing a certificate in a test, with everything that comes of it.
 * Runs in: unit tests of cert.c.
 * Never: leaves *out as it was: it is spoiled first, so that a field that is not filled shows.
 */
#ifndef STAPLEGUARD_TEST_PARSED_CERT_H
#define STAPLEGUARD_TEST_PARSED_CERT_H

#include <openssl/x509.h>

#include "cert/cert.h"

/* A parse whose certificate the test looks at; clear it with cert_clear(&parsed.cert). */
struct parsed {
    enum reason reason;
    struct cert cert;
    char detail[DETAIL_MAX + 1];
};

/* With the issuers of the_world (ocsp_world.h). */
struct parsed parse_len(const char *pem, size_t len, unsigned leaf_blocks);
struct parsed parse(const char *pem, unsigned leaf_blocks);

/* Report whether cert was read from this certificate. */
bool is_cert_of(const struct cert *cert, const X509 *x509);

void assert_parse_word(const char *pem, unsigned leaf_blocks, const char *word);

#endif
