/* SPDX-License-Identifier: ISC */
/*
 * Owns: a pool of certificates and their pre-signed responses as make_pool writes it, and how a response is found in it.
 * Runs in: the benchmark's own programs.
 * Never: part of what is measured.
 *
 * A pool is a directory:
 *   ca.pem, leaf.key     the CA, and the one key that all leaves share
 *   certs/siteN.pem      leaf and CA, N from 0
 *   responses            all responses, in the order of the certificates
 *   newer                BENCH_POOL_NEWER responses for certificate 0, each signed 5 seconds after the one before
 *   by-ca                one response for certificate 0 that the CA signed itself: no signer's certificate is in it
 * Each of these files: for each response its length (4 octets, host byte order) and its DER.
 */
#ifndef STAPLEGUARD_BENCH_BENCH_POOL_H
#define STAPLEGUARD_BENCH_BENCH_POOL_H

#include <stddef.h>
#include <stdint.h>

#define BENCH_POOL_NEWER 400u

/* Serial numbers: this octet, seven zeros, and the certificate's number in eight octets. */
#define BENCH_POOL_SERIAL_FIRST 0x10u
#define BENCH_POOL_SERIAL_LEN 16u

struct bench_pool_response {
    const uint8_t *der; /* borrowed from the mapped file */
    uint32_t len;
};

struct bench_pool_file {
    struct bench_pool_response *items;
    size_t count;
};

/* Map a file of responses; it stays mapped.  Ends the program with a word on standard error when that cannot be done. */
void bench_pool_open(const char *directory, const char *name, struct bench_pool_file *file);

void bench_pool_serial(uint64_t number, uint8_t out[BENCH_POOL_SERIAL_LEN]);

/*
 * The certificate that an OCSPRequest (DER) asks about, found by the form of our serials; -1 when there is none.  Far faster
 * than d2i_OCSP_REQUEST, so that the responder takes little of the machine that is measured.
 */
int64_t bench_pool_asked_for(const uint8_t *request, size_t len);

#endif
