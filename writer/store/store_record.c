/* SPDX-License-Identifier: ISC */
#include "store/store_record.h"

#include <string.h>

#include <openssl/evp.h>

#include "proto/buf.h"

#define VERSION 1u

/* SHA-256 over the certificate's id and the octets of the record before the digest. */
static bool digest_of(const uint8_t *data, size_t len, const uint8_t id[STORE_ID_LEN], uint8_t digest[STORE_RECORD_DIGEST_LEN])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_done = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1
        && EVP_DigestUpdate(context, id, STORE_ID_LEN) == 1 && EVP_DigestUpdate(context, data, len) == 1
        && EVP_DigestFinal_ex(context, digest, NULL) == 1;

    EVP_MD_CTX_free(context);
    return is_done;
}

static bool is_allowed(const struct store_record *record)
{
    return (record->state == CERT_STATE_GOOD || record->state == CERT_STATE_REVOKED || record->state == CERT_STATE_UNKNOWN)
        && record->der_len >= 1 && record->der_len <= STAPLE_DER_MAX;
}

enum store_record_result store_record_encode(
    const struct store_record *record, const uint8_t id[STORE_ID_LEN], uint8_t *out, size_t *len)
{
    uint8_t digest[STORE_RECORD_DIGEST_LEN];
    struct buf_out buf;

    if (!is_allowed(record))
        return STORE_RECORD_MALFORMED;
    buf_out_init(&buf, out, STORE_RECORD_MAX);
    buf_put_u16(&buf, VERSION);
    buf_put_u8(&buf, (uint8_t)record->state);
    buf_put_bytes(&buf, record->apache_key, DBM_KEY_LEN);
    buf_put_bytes(&buf, record->name_id, GONE_NAME_ID_LEN);
    buf_put_i64(&buf, record->this_update);
    buf_put_i64(&buf, record->next_update);
    buf_put_i64(&buf, record->produced_at);
    buf_put_i64(&buf, record->effective_end);
    buf_put_i64(&buf, record->expiry);
    buf_put_i64(&buf, record->fetched_at);
    buf_put_u16(&buf, (uint16_t)record->der_len);
    buf_put_bytes(&buf, record->der, record->der_len);
    if (!digest_of(out, buf.len, id, digest))
        return STORE_RECORD_NO_DIGEST;
    buf_put_bytes(&buf, digest, sizeof digest);
    *len = buf.len;
    return STORE_RECORD_OK;
}

static enum store_record_result check_digest(const uint8_t *data, size_t len, const uint8_t id[STORE_ID_LEN])
{
    uint8_t digest[STORE_RECORD_DIGEST_LEN];

    if (len < STORE_RECORD_HEADER_LEN + STORE_RECORD_DIGEST_LEN || len > STORE_RECORD_MAX)
        return STORE_RECORD_MALFORMED;
    if (!digest_of(data, len - sizeof digest, id, digest))
        return STORE_RECORD_NO_DIGEST;
    return memcmp(digest, data + len - sizeof digest, sizeof digest) == 0 ? STORE_RECORD_OK : STORE_RECORD_BAD_DIGEST;
}

enum store_record_result store_record_decode(
    const uint8_t *data, size_t len, const uint8_t id[STORE_ID_LEN], struct store_record *record)
{
    enum store_record_result result = check_digest(data, len, id);
    const uint8_t *name_id;
    const uint8_t *key;
    struct buf_in in;

    if (result != STORE_RECORD_OK)
        return result;
    buf_in_init(&in, data, len - STORE_RECORD_DIGEST_LEN);
    if (buf_get_u16(&in) != VERSION)
        return STORE_RECORD_BAD_VERSION;
    record->state = (enum cert_state)buf_get_u8(&in);
    key = buf_get_bytes(&in, DBM_KEY_LEN);
    name_id = buf_get_bytes(&in, GONE_NAME_ID_LEN);
    record->this_update = buf_get_i64(&in);
    record->next_update = buf_get_i64(&in);
    record->produced_at = buf_get_i64(&in);
    record->effective_end = buf_get_i64(&in);
    record->expiry = buf_get_i64(&in);
    record->fetched_at = buf_get_i64(&in);
    record->der_len = buf_get_u16(&in);
    record->der = buf_get_bytes(&in, record->der_len);
    if (!buf_in_is_done(&in) || !is_allowed(record))
        return STORE_RECORD_MALFORMED;
    memcpy(record->apache_key, key, DBM_KEY_LEN);
    memcpy(record->name_id, name_id, GONE_NAME_ID_LEN);
    return STORE_RECORD_OK;
}

const char *store_record_result_text(enum store_record_result result)
{
    switch (result) {
    case STORE_RECORD_OK:
        return "valid";
    case STORE_RECORD_BAD_VERSION:
        return "of a version that is not known";
    case STORE_RECORD_MALFORMED:
        return "malformed";
    case STORE_RECORD_BAD_DIGEST:
        return "not what was written";
    case STORE_RECORD_NO_DIGEST:
        return "not to be checked, because libcrypto makes no digest";
    }
    return "invalid";
}
