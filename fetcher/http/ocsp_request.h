/* SPDX-License-Identifier: ISC */
/*
 * Owns: the OCSP request for a certificate, and the URL that carries it in a GET.
 * Runs in: fetcher.
 * Never: adds a nonce (a cached answer would never match, RFC 5019 2.1.1) or signs.
 */
#ifndef STAPLEGUARD_OCSP_REQUEST_H
#define STAPLEGUARD_OCSP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"
#include "cert/cert.h"

/* Five headers, an AlgorithmIdentifier, two SHA-1 hashes, a serial of CERT_SERIAL_MAX: 99; and some longer lengths. */
#define REQUEST_DER_MAX 128u

/*
 * DER of an OCSPRequest (RFC 6960 4.1.1) for cert, whose issuer must be known: one CertID made with SHA-1, because
 * Apache looks a response up by a SHA-1 CertID.  out: written only on success.  False without memory, or for a serial
 * that is no INTEGER.
 */
bool request_encode(const struct cert *cert, uint8_t out[REQUEST_DER_MAX], size_t *len);

/*
 * The URL of a GET: url, one '/', base64 of der with '+', '/' and '=' percent-encoded (RFC 6960 A.1).  False when it
 * must be a POST instead: the whole would be longer than GET_URL_MAX (RFC 5019 section 5), or url has a query, after
 * which no path can be put.
 */
bool request_get_url(const char *url, const uint8_t *der, size_t der_len, char out[GET_URL_MAX + 1]);

#endif
