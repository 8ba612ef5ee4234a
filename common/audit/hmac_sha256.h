/* SPDX-License-Identifier: ISC */
/*
 * Owns: HMAC with SHA-256 (RFC 2104), which libmd does not have.
 * Runs in: supervisor, command line.
 * Never: leaves a key behind on its stack.
 */
#ifndef STAPLEGUARD_HMAC_SHA256_H
#define STAPLEGUARD_HMAC_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define HMAC_SHA256_LEN 32u

/* mac = HMAC-SHA256(key, data).  A key longer than 64 bytes is hashed first, as the RFC says. */
void hmac_sha256(const uint8_t *key, size_t key_len, const void *data, size_t len, uint8_t mac[HMAC_SHA256_LEN]);

#endif
