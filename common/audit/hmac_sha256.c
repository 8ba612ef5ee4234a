/* SPDX-License-Identifier: ISC */
#include "audit/hmac_sha256.h"

#include <sha2.h>
#include <string.h>
#include <sys/types.h>

#define INNER 0x36
#define OUTER 0x5c

static void hash_behind_pad(const uint8_t *block, uint8_t pad, const void *data, size_t len, uint8_t hash[HMAC_SHA256_LEN])
{
    uint8_t padded[SHA256_BLOCK_LENGTH];
    SHA2_CTX context;

    for (size_t i = 0; i < sizeof padded; i++)
        padded[i] = block[i] ^ pad;
    SHA256Init(&context);
    SHA256Update(&context, padded, sizeof padded);
    SHA256Update(&context, data, len);
    SHA256Final(hash, &context);
    explicit_bzero(padded, sizeof padded);
    explicit_bzero(&context, sizeof context);
}

void hmac_sha256(const uint8_t *key, size_t key_len, const void *data, size_t len, uint8_t mac[HMAC_SHA256_LEN])
{
    uint8_t block[SHA256_BLOCK_LENGTH] = {0};
    uint8_t inner[HMAC_SHA256_LEN];
    SHA2_CTX context;

    if (key_len > sizeof block) {
        SHA256Init(&context);
        SHA256Update(&context, key, key_len);
        SHA256Final(block, &context);
        explicit_bzero(&context, sizeof context);
    } else {
        memcpy(block, key, key_len);
    }
    hash_behind_pad(block, INNER, data, len, inner);
    hash_behind_pad(block, OUTER, inner, sizeof inner, mac);
    explicit_bzero(block, sizeof block);
    explicit_bzero(inner, sizeof inner);
}
