/* SPDX-License-Identifier: ISC */
#include "dbm_keys.h"

#include <stdbool.h>

uint32_t test_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

void test_keys_random(uint8_t (*keys)[TEST_KEY_LEN], size_t count, uint32_t seed)
{
    uint32_t state = seed * 2654435761u + 1;

    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < TEST_KEY_LEN; k++)
            keys[i][k] = (uint8_t)(test_random(&state) >> 11);
}

/* Berkeley DB's __ham_func5, written down a second time. */
static uint32_t hash(const uint8_t *key)
{
    uint32_t h = 0;

    for (size_t i = 0; i < TEST_KEY_LEN; i++)
        h = (h * 16777619u) ^ key[i];
    return h;
}

/*
 * The last two octets that lead from a state of the hash (its lowest bits alone matter) to 0, where there are such: the
 * multiplier is odd, so that each step can be undone.
 */
static const uint16_t *ends_of(bool *has_end)
{
    static uint16_t ends[1u << TEST_BEHIND_ZEROS];
    const uint32_t mask = (1u << TEST_BEHIND_ZEROS) - 1;
    uint32_t inverse = 1;

    for (int i = 0; i < 5; i++) /* Newton's iteration doubles the bits that are right */
        inverse *= 2 - 16777619u * inverse;
    for (uint32_t pair = 0; pair <= UINT16_MAX; pair++) {
        uint32_t before = ((((pair & 0xff) * inverse) ^ pair >> 8) * inverse) & mask;

        ends[before] = (uint16_t)pair;
        has_end[before] = true;
    }
    return ends;
}

void test_keys_behind(uint8_t (*keys)[TEST_KEY_LEN], size_t count, uint32_t seed)
{
    static bool has_end[1u << TEST_BEHIND_ZEROS];
    const uint32_t mask = (1u << TEST_BEHIND_ZEROS) - 1;
    const uint16_t *ends = ends_of(has_end);
    uint32_t state = seed * 2654435761u + 1;

    for (size_t i = 0; i < count; i++) {
        uint32_t h;

        do {
            h = 0;
            for (size_t k = 0; k < TEST_KEY_LEN - 2; k++) {
                keys[i][k] = k < 4 ? (uint8_t)(i >> 8 * k) : (uint8_t)(test_random(&state) >> 11);
                h = (h * 16777619u) ^ keys[i][k];
            }
        } while (!has_end[h & mask]);
        keys[i][TEST_KEY_LEN - 2] = (uint8_t)(ends[h & mask] >> 8);
        keys[i][TEST_KEY_LEN - 1] = (uint8_t)ends[h & mask];
    }
}

/* The last octet is xored in at the end: it alone settles the lowest eight bits, the others are tried. */
void test_key_ground(uint8_t key[TEST_KEY_LEN], unsigned zeros, uint32_t seed)
{
    uint32_t state = seed * 2654435761u + 1;
    uint32_t h;

    do {
        for (size_t i = 0; i < TEST_KEY_LEN; i += 4) {
            uint32_t word = test_random(&state);

            key[i] = (uint8_t)word;
            key[i + 1] = (uint8_t)(word >> 8);
            key[i + 2] = (uint8_t)(word >> 16);
            key[i + 3] = (uint8_t)(word >> 24);
        }
        h = hash(key);
        if (zeros >= 8) {
            key[TEST_KEY_LEN - 1] ^= (uint8_t)h;
            h = hash(key);
        }
    } while (h == 0 || (unsigned)__builtin_ctz(h) != zeros);
}
