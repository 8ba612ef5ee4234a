/* SPDX-License-Identifier: ISC */
/*
 * Owns: handing out one shared struct issuer for each CA certificate (cert.h has the struct and the table's life).
 * Runs in: fetcher, writer, command line.
 * Never: gives a certificate's issuer away; verified signatures are the caller's business.
 */
#ifndef STAPLEGUARD_ISSUER_TABLE_H
#define STAPLEGUARD_ISSUER_TABLE_H

#include "cert/cert.h"

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
