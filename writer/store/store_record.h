/* SPDX-License-Identifier: ISC */
/*
 * Owns: how one response is kept in our store.
 * Runs in: writer.
 * Never: believes what it reads: every octet is covered by a digest that also covers the certificate it is kept for.
 */
#ifndef STAPLEGUARD_STORE_RECORD_H
#define STAPLEGUARD_STORE_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "bounds.h"
#include "dbm/dbm_record.h"
#include "proto/msg.h"
#include "store/gone_names.h"

/* The key: SHA-256 of the certificate's DER, its identity. */
#define STORE_ID_LEN 32u

/* version, state, Apache's key, the name's id, six times, length; the response; the digest. */
#define STORE_RECORD_HEADER_LEN (2u + 1u + DBM_KEY_LEN + GONE_NAME_ID_LEN + 6u * 8u + 2u)
#define STORE_RECORD_DIGEST_LEN 32u
#define STORE_RECORD_MAX (STORE_RECORD_HEADER_LEN + STAPLE_DER_MAX + STORE_RECORD_DIGEST_LEN)

/* Times are seconds since 1970. */
struct store_record {
    enum cert_state state; /* GOOD, REVOKED or UNKNOWN: what the response says */
    uint8_t apache_key[DBM_KEY_LEN];
    uint8_t name_id[GONE_NAME_ID_LEN]; /* of the name that the certificate was configured under (gone_names.h) */
    int64_t this_update;
    int64_t next_update; /* 0: none, which only a revoked or unknown response may have */
    int64_t produced_at;
    int64_t effective_end;
    int64_t expiry; /* what Apache is told */
    int64_t fetched_at;
    const uint8_t *der; /* borrowed; 1..STAPLE_DER_MAX octets */
    size_t der_len;
};

enum store_record_result {
    STORE_RECORD_OK,
    STORE_RECORD_BAD_VERSION,
    STORE_RECORD_MALFORMED,
    STORE_RECORD_BAD_DIGEST,
    STORE_RECORD_NO_DIGEST, /* libcrypto gave none */
};

/* Encode for the certificate id into out (STORE_RECORD_MAX octets); *len on success.  Partner: store_record_decode. */
enum store_record_result store_record_encode(
    const struct store_record *record, const uint8_t id[STORE_ID_LEN], uint8_t *out, size_t *len);

/* Decode what is kept for id; record->der points into data.  Partner: store_record_encode. */
enum store_record_result store_record_decode(
    const uint8_t *data, size_t len, const uint8_t id[STORE_ID_LEN], struct store_record *record);

/* "a version that is not known", "malformed" …: for the log. */
const char *store_record_result_text(enum store_record_result result);

#endif
