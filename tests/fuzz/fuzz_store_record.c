/* SPDX-License-Identifier: ISC */
/*
 * Owns: fuzzing of the codec of our store's records.
 * Runs in: the fuzzer.
 * Never: keeps anything between two inputs.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "store/store_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const uint8_t id[STORE_ID_LEN] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static void check_pair(const uint8_t *data, size_t len)
{
    static uint8_t again[STORE_RECORD_MAX];
    struct store_record record;
    size_t again_len = 0;

    if (store_record_decode(data, len, id, &record) != STORE_RECORD_OK)
        return;
    if (store_record_encode(&record, id, again, &again_len) != STORE_RECORD_OK || again_len != len
        || memcmp(again, data, len) != 0)
        abort();
}

/* No fuzzer finds a SHA-256, so the input also stands for the octets before a right one. */
static void check_with_digest(const uint8_t *data, size_t len)
{
    static uint8_t whole[STORE_ID_LEN + STORE_RECORD_MAX];
    const size_t body_max = STORE_RECORD_MAX - STORE_RECORD_DIGEST_LEN;
    size_t body_len = len < body_max ? len : body_max;

    memcpy(whole, id, sizeof id);
    memcpy(whole + sizeof id, data, body_len);
    if (EVP_Digest(whole, sizeof id + body_len, whole + sizeof id + body_len, NULL, EVP_sha256(), NULL) != 1)
        abort();
    check_pair(whole + sizeof id, body_len + STORE_RECORD_DIGEST_LEN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    check_pair(data, len);
    check_with_digest(data, len);
    return 0;
}
