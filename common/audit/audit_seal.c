/* SPDX-License-Identifier: ISC */
#include "audit/audit_seal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/hmac_sha256.h"
#include "text/hex.h"

#define NEXT_KEY "stapleguard audit seal: next key"
#define EPOCH_START ",\"epoch\":"
#define SEAL_START ",\"seal\":\""
#define SEAL_END "\"}"
#define KEY_START "sg1-"
#define EPOCH_DIGITS_MAX 10u

_Static_assert(AUDIT_KEY_LEN == HMAC_SHA256_LEN && AUDIT_SEAL_LEN == HMAC_SHA256_LEN, "a key or a seal is one HMAC");

uint32_t audit_key_epoch_at(const struct audit_key *key, int64_t time_sec)
{
    uint64_t passed;

    if (time_sec <= key->start || key->interval == 0)
        return 0;
    passed = ((uint64_t)time_sec - (uint64_t)key->start) / key->interval;
    return passed < UINT32_MAX ? (uint32_t)passed : UINT32_MAX;
}

void audit_key_evolve(struct audit_key *key, uint32_t epoch)
{
    uint8_t next[AUDIT_KEY_LEN];

    for (; key->epoch < epoch; key->epoch++) {
        hmac_sha256(key->secret, sizeof key->secret, NEXT_KEY, sizeof NEXT_KEY - 1, next);
        memcpy(key->secret, next, sizeof next);
    }
    explicit_bzero(next, sizeof next);
}

void audit_seal_make(const struct audit_key *key, const uint8_t *hash, size_t hash_len, struct audit_seal *seal)
{
    seal->epoch = key->epoch;
    hmac_sha256(key->secret, sizeof key->secret, hash, hash_len, seal->mac);
}

size_t audit_seal_append(const struct audit_seal *seal, char *line, size_t line_len)
{
    char *at = line + line_len - 1; /* over the '}' */

    at += sprintf(at, EPOCH_START "%" PRIu32 SEAL_START, seal->epoch);
    hex_write(seal->mac, sizeof seal->mac, at);
    at += 2 * sizeof seal->mac;
    memcpy(at, SEAL_END, sizeof SEAL_END);
    return (size_t)(at - line) + sizeof SEAL_END - 1;
}

static bool ends_in(const char *line, size_t len, const char *text)
{
    size_t text_len = strlen(text);

    return len >= text_len && memcmp(line + len - text_len, text, text_len) == 0;
}

/* A number as we write it, at the end of the line: *len moves to before it. */
static bool take_epoch(const char *line, size_t *len, uint32_t *epoch)
{
    size_t end = *len;
    uint64_t value = 0;

    while (*len > 0 && end - *len < EPOCH_DIGITS_MAX && line[*len - 1] >= '0' && line[*len - 1] <= '9')
        --*len;
    if (*len == end || (line[*len] == '0' && end - *len > 1))
        return false;
    for (size_t i = *len; i < end; i++)
        value = value * 10 + (uint64_t)(line[i] - '0');
    *epoch = (uint32_t)value;
    return value <= UINT32_MAX;
}

size_t audit_seal_split(const char *line, size_t len, struct audit_seal *seal, bool *is_sealed)
{
    struct audit_seal found;
    size_t at = len;

    *is_sealed = false;
    if (!ends_in(line, len, "}"))
        return 0;
    if (!ends_in(line, at, SEAL_END) || at < sizeof SEAL_END - 1 + 2 * sizeof found.mac)
        return len - 1;
    at -= sizeof SEAL_END - 1 + 2 * sizeof found.mac;
    if (!hex_read(line + at, found.mac, sizeof found.mac) || !ends_in(line, at, SEAL_START))
        return len - 1;
    at -= sizeof SEAL_START - 1;
    if (!take_epoch(line, &at, &found.epoch) || !ends_in(line, at, EPOCH_START))
        return len - 1;
    *seal = found;
    *is_sealed = true;
    return at - (sizeof EPOCH_START - 1);
}

size_t audit_key_format(const struct audit_key *key, char text[AUDIT_KEY_TEXT_MAX])
{
    int len = sprintf(text, KEY_START "%" PRId64 "-%" PRIu32 "-", key->start, key->interval);

    hex_write(key->secret, sizeof key->secret, text + len);
    text[(size_t)len + 2 * sizeof key->secret] = '\0';
    return (size_t)len + 2 * sizeof key->secret;
}

bool audit_key_parse(const char *text, struct audit_key *key)
{
    int hex_at = 0;

    memset(key, 0, sizeof *key);
    if (sscanf(text, KEY_START "%" SCNd64 "-%" SCNu32 "-%n", &key->start, &key->interval, &hex_at) != 2 || hex_at == 0)
        return false;
    return key->start >= 0 && key->interval > 0 && strlen(text + hex_at) == 2 * sizeof key->secret
        && hex_read(text + hex_at, key->secret, sizeof key->secret);
}
