/* SPDX-License-Identifier: ISC */
/*
 * Owns: an OpenSSL context that computes digests and nothing else, to parse certificates in whose keys nobody needs.
 * Runs in: fetcher, writer, command line.
 * Never: verifies anything; decodes a key.
 *
 * d2i_X509 decodes the public key at once, for which OpenSSL 3.0 sets up all of its decoders: ten times the work of all the
 * rest.  Where there is no decoder it goes on without the key.  Digests it needs: X509v3 looks at a certificate's fingerprint.
 */
#ifndef STAPLEGUARD_KEYLESS_H
#define STAPLEGUARD_KEYLESS_H

#include <stdbool.h>

#include <openssl/provider.h>

struct keyless {
    OSSL_LIB_CTX *context;
    OSSL_PROVIDER *provider;
};

/* Certificates of X509_new_ex(keyless->context, NULL) must not outlive it.  Returns false where OpenSSL has no room. */
bool keyless_begin(struct keyless *keyless);

/* A zeroed one is allowed. */
void keyless_end(struct keyless *keyless);

#endif
