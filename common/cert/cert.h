/* SPDX-License-Identifier: ISC */
/*
 * Owns: what we must know of one certificate: its identity, its issuer, its responders, its dates.
 * Runs in: fetcher, writer, command line.
 * Never: opens a file, sees a private key, or keeps the whole certificate.
 */
#ifndef STAPLEGUARD_CERT_H
#define STAPLEGUARD_CERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"
#include "cert/issuer_table.h"
#include "words/reason.h"

struct cert {
    uint8_t sha256[32];              /* identity */
    uint8_t sha1[20];                /* httpd's key (dbm_record.h) */
    uint8_t serial[CERT_SERIAL_MAX]; /* content octets of the INTEGER, as in the certificate */
    uint8_t serial_len;
    uint8_t url_count;
    bool is_must_staple; /* TLS feature status_request, RFC 7633 */
    int64_t not_before;  /* seconds since 1970 */
    int64_t not_after;
    const struct issuer *issuer; /* borrowed from the table; NULL when there is none */
    char *urls[CERT_URLS_MAX];   /* owned; http and https OCSP URLs, in the certificate's order */
};

/*
 * Find leaf and issuer in a text of CERTIFICATE blocks and fill *out.
 * pem: pem_len bytes; other text and other blocks in it are passed over.  The leaf is among the first leaf_blocks
 * CERTIFICATE blocks (the certificate's own file), in any order: it is the one that issued none of the others, and not
 * a CA where there is a choice (the first of several); the issuer is among all blocks and verified to have signed the
 * leaf with its key.  A certificate that signed itself has no issuer that could vouch for it.
 * *out: filled as far as known also when the result is NO_ISSUER, NO_OCSP, NO_USABLE_URL (identity, dates);
 * cert_clear it always.
 * detail: a sentence with names and numbers (clean text), "" when there is nothing to add.
 * Returns REASON_NONE, or NO_CERTIFICATE, DER_NOT_PEM, FILE_TOO_LARGE (more than CERT_BLOCKS_MAX blocks), CERT_MALFORMED,
 * NO_ISSUER, NO_OCSP, NO_USABLE_URL, INTERNAL (no memory).  Expiry is the caller's to look at (not_after).  Where several
 * are true: CERT_MALFORMED, NO_OCSP, NO_USABLE_URL, then NO_ISSUER.
 */
enum reason cert_parse(const char *pem, size_t pem_len, unsigned leaf_blocks, struct issuer_table *issuers, struct cert *out,
    char detail[DETAIL_MAX + 1]);
void cert_clear(struct cert *cert);

/* True for an http or https URL of 1..URL_MAX printable ASCII characters without a space: what may be asked. */
bool cert_url_is_usable(const char *url, size_t len);

/*
 * The subject ("CN=...", clean text, cut at cap) of the certificate in pem that has this SHA-256: for people, so that no
 * table has to keep it.  False, and out empty, when it is not there.
 */
bool cert_subject(const char *pem, size_t pem_len, const uint8_t sha256[32], char *out, size_t cap);

#endif
