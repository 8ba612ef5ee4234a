/* SPDX-License-Identifier: ISC */
/*
 * Owns: which signature algorithms and keys are good enough for a response or a delegate's certificate.
 * Runs in: fetcher, writer, command line; only ocsp_signer.c calls it.
 * Never: verifies anything.
 */
#ifndef STAPLEGUARD_CERT_ALGORITHM_H
#define STAPLEGUARD_CERT_ALGORITHM_H

#include <stdbool.h>

#include <openssl/x509.h>

#include "bounds.h"
#include "words/reason.h"

/*
 * Judge an AlgorithmIdentifier.  what: whose signature it is, for the sentence in detail (left as it is on REASON_NONE).
 * Returns REASON_NONE; WEAK_SIGNATURE for a digest that is not of the SHA-2 or SHA-3 families (SHA-1: where is_sha1_allowed)
 * or an algorithm unknown; MALFORMED for parameters that the algorithm does not have.  In a response no signature covers
 * this field, so it may have one form alone.
 * Source: RFC 4055 section 5 (RSA) and 3.1 (RSASSA-PSS), RFC 5758 section 3.2 (ECDSA), RFC 8410 section 3 (Ed25519, Ed448).
 */
enum reason ocsp_algorithm_check(
    const X509_ALGOR *algorithm, bool is_sha1_allowed, const char *what, char detail[DETAIL_MAX + 1]);

/*
 * REASON_NONE, or WEAK_SIGNATURE for a key of fewer than 112 security bits (RSA below 2,048 bits), or 80 where is_sha1_allowed (RSA
 * below 1,024 bits: it can be factored).
 */
enum reason ocsp_algorithm_check_key(EVP_PKEY *key, bool is_sha1_allowed, const char *what, char detail[DETAIL_MAX + 1]);

#endif
