/* SPDX-License-Identifier: ISC */
/*
 * Owns: whom https responders must be vouched for by, and that OpenSSL has read all that it will ever read.
 * Runs in: fetcher.
 * Never: opens a file after the process is locked in.
 */
#ifndef STAPLEGUARD_TRUST_H
#define STAPLEGUARD_TRUST_H

#include <openssl/x509.h>
#include <stdbool.h>

/*
 * Make OpenSSL read its configuration, load its providers and error texts and seed its random numbers now.  False when it
 * cannot.
 */
bool trust_prepare(void);

/*
 * The certificates of ca_file (PEM; "" for none).  A file that cannot be read leaves the store empty and sets *problem to
 * OpenSSL's words (static text), else NULL: no https responder is believed then, http ones are not touched.
 * NULL without memory.  The caller frees it (X509_STORE_free).
 */
X509_STORE *trust_load(const char *ca_file, const char **problem);

#endif
