/* SPDX-License-Identifier: ISC */
/*
 * Owns: what a response says about one certificate: its SingleResponses whose CertID is ours.
 * Runs in: fetcher, writer, command line; only ocsp_verify.c calls it.
 * Never: looks at a signature; what it finds is a claim.
 */
#ifndef STAPLEGUARD_OCSP_SINGLE_H
#define STAPLEGUARD_OCSP_SINGLE_H

#include <openssl/ocsp.h>

#include "cert/cert.h"

/* What a response says of a certificate, or a verdict on it. */
enum ocsp_status {
    OCSP_STATUS_NONE, /* rejected: see the verdict's reason */
    OCSP_STATUS_GOOD,
    OCSP_STATUS_REVOKED,
    OCSP_STATUS_UNKNOWN,
};

struct ocsp_single {
    enum ocsp_status status;
    int64_t this_update;
    int64_t next_update; /* only where has_next_update */
    int64_t revoked_at;  /* only where revoked */
    int revoked_reason;  /* CRLReason (RFC 5280 5.3.1), or OCSP_REVOKED_STATUS_NOSTATUS */
    bool has_next_update;
};

/*
 * Find what basic says about cert.  Returns REASON_NONE with *single filled, WRONG_CERTID, CERTID_HASH, CONFLICTING or
 * MALFORMED (a time that is not YYYYMMDDHHMMSSZ).  detail: a sentence on failure, else left as it is.
 * Source: RFC 6960 4.1.1 (CertID), 4.2.1; httpd ssl_util_stapling.c, stapling_check_response (the first match alone).
 */
enum reason ocsp_single_find(
    OCSP_BASICRESP *basic, const struct cert *cert, struct ocsp_single *single, char detail[DETAIL_MAX + 1]);

/* CRITICAL_EXTENSION when the response, or a SingleResponse about cert, has one that we do not know (RFC 6960 4.4). */
enum reason ocsp_single_check_extensions(OCSP_BASICRESP *basic, const struct cert *cert, char detail[DETAIL_MAX + 1]);

#endif
