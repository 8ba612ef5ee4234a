/* SPDX-License-Identifier: ISC */
/*
 * Owns: the certificates in a text of CERTIFICATE blocks, parsed, and which of them is the leaf, which its issuer.
 * Runs in: fetcher, writer, command line; only cert.c calls it.
 * Never: opens a file, or believes a name where there is a signature.
 */
#ifndef STAPLEGUARD_CERT_BLOCKS_H
#define STAPLEGUARD_CERT_BLOCKS_H

#include "bounds.h"
#include "cert/issuer_table.h"
#include "words/reason.h"

struct cert_blocks {
    X509 *x509[CERT_BLOCKS_MAX]; /* owned, in the text's order */
    unsigned count;
};

/*
 * Parse all blocks; those that are issuers of the table already are taken from there (issuers may be NULL).  *blocks:
 * cert_blocks_clear it always.  Returns REASON_NONE or what cert_parse says of bad text.
 */
enum reason cert_blocks_parse(
    const char *pem, size_t pem_len, struct issuer_table *issuers, struct cert_blocks *blocks, char detail[DETAIL_MAX + 1]);
void cert_blocks_clear(struct cert_blocks *blocks);

/* The leaf among the first leaf_blocks blocks (cert_parse says how it is chosen), borrowed; NULL when there are none. */
X509 *cert_blocks_leaf(const struct cert_blocks *blocks, unsigned leaf_blocks);

/* The block whose key signed the leaf, borrowed; NULL, and *has_namesake when one with the right name was there. */
X509 *cert_blocks_issuer(const struct cert_blocks *blocks, X509 *leaf, bool *has_namesake);

#endif
