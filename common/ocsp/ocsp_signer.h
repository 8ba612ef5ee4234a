/* SPDX-License-Identifier: ISC */
/*
 * Owns: who signed a response: the issuer itself, or a delegate that the issuer itself authorised; and the signature.
 * Runs in: fetcher, writer, command line; only ocsp_verify.c calls it.
 * Never: builds a chain, asks a trust store, or believes a certificate because it came with the response.
 *
 * Whether a delegate was itself revoked is not asked: RFC 6960 4.2.2.2.1 leaves it to the CA, and id-pkix-ocsp-nocheck or a
 * short life is what CAs use.
 */
#ifndef STAPLEGUARD_OCSP_SIGNER_H
#define STAPLEGUARD_OCSP_SIGNER_H

#include <openssl/ocsp.h>

#include "cert/issuer_table.h"
#include "ocsp/ocsp_parse.h"

struct ocsp_signer {
    X509 *delegate;    /* borrowed from parsed; NULL: the issuer itself */
    int64_t not_after; /* of the delegate */
};

/*
 * Find the one who may sign for `issuer` and did sign the response; is_sha1_allowed: also with SHA-1.  detail: a sentence on
 * failure, else left as it is.
 * Returns REASON_NONE with *signer filled.  Where no candidate passes, what the one that came furthest lacks:
 * BAD_SIGNATURE, WEAK_SIGNATURE or MALFORMED, SIGNER_EXPIRED, SIGNER_NOT_AUTHORISED, furthest first.
 * Source: RFC 6960 4.2.2.2, 3.2 items 2, 3 and 4.
 */
enum reason ocsp_signer_find(const struct ocsp_parsed *parsed, const struct issuer *issuer, bool is_sha1_allowed, int64_t now,
    struct ocsp_signer *signer, char detail[DETAIL_MAX + 1]);

#endif
