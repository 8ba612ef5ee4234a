/* SPDX-License-Identifier: ISC */
/*
 * Owns: the CA certificates that issued ours, each once.
 * Runs in: fetcher, writer, command line.
 * Never: gives a certificate's issuer away; verified signatures are the caller's business.
 *
 * A table of certificates shares its issuers: many certificates of one CA cost one parsed issuer.
 */
#ifndef STAPLEGUARD_ISSUER_TABLE_H
#define STAPLEGUARD_ISSUER_TABLE_H

#include <stdint.h>

#include <openssl/x509.h>

#include "cert/delegates.h"

/*
 * One CA certificate that issued at least one of ours.  Owned by its issuer_table.  Everybody may read it; what ocsp_verify
 * remembers of its delegates is no part of what it says.
 */
struct issuer {
    X509 *x509;                  /* owned */
    EVP_PKEY *key;               /* borrowed from x509 */
    uint8_t sha256[32];          /* of its DER: the issuer's identity */
    uint8_t name_sha1[20];       /* issuerNameHash of a SHA-1 CertID (RFC 6960 4.1.1): of the issuer field in the leaf */
    uint8_t key_sha1[20];        /* issuerKeyHash; also KeyHash of a ResponderID */
    struct delegates *delegates; /* owned */
    struct issuer *next;
};

struct issuer_table;

struct issuer_table *issuer_table_new(void);
/* Frees every issuer too: certificates that point to them go first. */
void issuer_table_free(struct issuer_table *table);

/*
 * The table's issuer for the CA certificate x509 (borrowed; a reference is kept for a new one).
 * name: the issuer field of the certificate in question.  RFC 6960 4.1.1 hashes that, not the CA's own subject, and the
 * two may be encoded differently: such a pair is an issuer of its own.
 * Returns NULL when memory is out or the key cannot be used.
 */
const struct issuer *issuer_table_take(struct issuer_table *table, X509 *x509, const X509_NAME *name);

/*
 * The CA certificate with this SHA-256 of its DER, a new reference (X509_free), or NULL.  OpenSSL 3 takes longer to parse a
 * certificate than to verify a signature, and every certificate of a site comes with the same issuer.
 */
X509 *issuer_table_x509(struct issuer_table *table, const uint8_t sha256[32]);

/*
 * Where certificates are parsed that need no key (keyless.h), as a leaf never does.  Lives as long as the table.
 */
OSSL_LIB_CTX *issuer_table_keyless(struct issuer_table *table);

#endif
