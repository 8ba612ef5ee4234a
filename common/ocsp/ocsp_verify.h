/* SPDX-License-Identifier: ISC */
/*
 * Owns: the one gate before Apache's file: is this DER a response that may be stapled for this certificate now?
 * Runs in: fetcher (to choose), writer (to decide), command line (to explain).
 * Never: asks a clock, a file or the network; believes a certificate because it came with the response.
 *
 * mod_ssl checks no signature of what it finds in its cache, so nothing behind this function will.
 */
#ifndef STAPLEGUARD_OCSP_VERIFY_H
#define STAPLEGUARD_OCSP_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cert/cert.h"
#include "ocsp/ocsp_single.h"
#include "words/reason.h"

struct ocsp_policy {
    int64_t safety_margin_sec; /* Apache's expiry lies this long before the effective end */
    int64_t min_ttl_sec;       /* and must lie more than this ahead, for a good response */
    bool is_sha1_allowed;      /* signatures with SHA-1 */
};

struct ocsp_verdict {
    enum ocsp_status status;
    enum reason reason;  /* REASON_NONE unless status is NONE */
    int64_t this_update; /* seconds since 1970, like all times here; 0 where not known */
    int64_t next_update;
    int64_t produced_at;
    int64_t revoked_at;
    int64_t effective_end;       /* earliest of nextUpdate, the delegate's notAfter and the leaf's notAfter */
    int64_t expiry;              /* effective_end - safety_margin: what Apache is told */
    char detail[DETAIL_MAX + 1]; /* one clean sentence with the numbers: which check, what was found, what was expected */
};

/*
 * Judge der (der_len bytes, borrowed) for cert, whose issuer must be known (else NO_ISSUER), at `now` (seconds since 1970).
 * Fills *verdict wholly.  The first check that fails names the reason, in this order:
 *   form       TOO_LARGE, MALFORMED, TRAILING_BYTES, STATUS_..., NOT_BASIC (RFC 6960 4.2.1)
 *   identity   WRONG_CERTID, CERTID_HASH, CONFLICTING (4.1.1, 3.2 item 1)
 *   signer     SIGNER_NOT_AUTHORISED, WEAK_SIGNATURE, SIGNER_EXPIRED, BAD_SIGNATURE (4.2.2.2, 3.2 items 2 to 4)
 *   extensions CRITICAL_EXTENSION (4.4)
 *   times      NOT_YET_VALID, NO_NEXT_UPDATE, EXPIRED, BAD_TIMES, SHORT_TTL (4.2.2.1, 3.2 items 5 and 6; RFC 5019 4)
 * Signatures stand before times, so that a forged response is never called merely expired; an algorithm that is not
 * accepted is not computed.  The times in *verdict are those of the response once its signature was verified, else 0.
 * Of several SingleResponses for cert a revoked one wins; others must agree in status, thisUpdate and nextUpdate.
 * The TTL rule applies to good responses alone: a revoked or unknown one is never given to Apache.  Times saturate.
 */
void ocsp_verify(const uint8_t *der, size_t der_len, const struct cert *cert, const struct ocsp_policy *policy, int64_t now,
    struct ocsp_verdict *verdict);

/* "good", "revoked", "unknown", or "reject". */
const char *ocsp_status_word(enum ocsp_status status);

#endif
