/* SPDX-License-Identifier: ISC */
/*
 * Owns: keys, certificates and OCSP responses for tests, made in memory, of every good and bad kind.
 * Runs in: unit tests.
 * Never: uses the code under test.
 *
 * Everything made here lives until pki_end().  A step that fails fails the test.
 */
#ifndef STAPLEGUARD_TEST_PKI_H
#define STAPLEGUARD_TEST_PKI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ocsp.h>
#include <openssl/x509.h>

enum pki_key_kind {
    PKI_P256,
    PKI_ED25519,
    PKI_RSA_2048,
    PKI_RSA_1024,
    PKI_RSA_512,
};

/* A new key at each call. */
EVP_PKEY *pki_key(enum pki_key_kind kind);

#define PKI_EXTENSIONS_MAX 8

/* name and value as x509v3_config(5) has them: {"extendedKeyUsage", "OCSPSigning"}. */
struct pki_extension {
    const char *name;
    const char *value;
};

struct pki_cert {
    const char *subject; /* its common name; "" for an empty name */
    EVP_PKEY *key;
    X509 *issuer;         /* NULL: signs itself */
    EVP_PKEY *issuer_key; /* NULL: key */
    const char *serial;   /* hexadecimal; NULL: one more than the last */
    int64_t not_before;
    int64_t not_after;
    const char *digest; /* NULL: SHA256 (none for Ed25519) */
    struct pki_extension extensions[PKI_EXTENSIONS_MAX];
};

X509 *pki_cert(const struct pki_cert *spec);
/* PEM of the certificates up to the first NULL. */
const char *pki_pem(X509 *const *x509s);

struct pki_single {
    X509 *leaf;
    X509 *issuer;
    const EVP_MD *digest; /* of the CertID; NULL: SHA-1 */
    int status;           /* V_OCSP_CERTSTATUS_... */
    int64_t this_update;
    int64_t next_update; /* 0: none */
    int64_t revoked_at;
    struct pki_extension extension; /* name NULL: none */
};

#define PKI_SINGLES_MAX 4
#define PKI_CERTS_MAX 12

struct pki_response {
    struct pki_single singles[PKI_SINGLES_MAX]; /* up to the first without a leaf */
    X509 *signer;                               /* whom the ResponderID names */
    EVP_PKEY *signer_key;
    bool is_by_key; /* ResponderID by key hash instead of by name */
    int64_t produced_at;
    X509 *certs[PKI_CERTS_MAX]; /* embedded, up to the first NULL */
    const char *digest;         /* NULL: SHA256 (none for Ed25519) */
    const char *pss;            /* RSASSA-PSS with this digest, instead */
    struct pki_extension extension;
    size_t padding;                 /* octets in a further extension that is not critical; 0: none */
    void (*edit)(OCSP_BASICRESP *); /* called before it is signed; NULL: nothing */
};

struct pki_der {
    uint8_t *data;
    size_t len;
};

struct pki_der pki_response(const struct pki_response *spec);
/* A BasicOCSPResponse alone. */
struct pki_der pki_basic(const struct pki_response *spec);
/* One DER value of this identifier octet around data. */
struct pki_der pki_wrap(uint8_t identifier, const void *data, size_t len);
struct pki_der pki_join(struct pki_der a, struct pki_der b);
/* An OCSPResponse of this status around the octets of a BasicOCSPResponse (NULL: without responseBytes). */
struct pki_der pki_outer(const void *status, size_t status_len, const struct pki_der *basic);
/* Room of len octets, zeroed. */
void *pki_room(size_t len);

void pki_end(void);

#endif
