/* SPDX-License-Identifier: ISC */
/*
 * Owns: keys for the tests of Apache's file: at random, and ground to stand in bucket 0.
 * Runs in: unit tests.
 * Never: uses a random source that changes.
 */
#ifndef STAPLEGUARD_TEST_DBM_KEYS_H
#define STAPLEGUARD_TEST_DBM_KEYS_H

#include <stddef.h>
#include <stdint.h>

#define TEST_KEY_LEN 20u

/* A small generator (xorshift32): the same numbers for the same seed, which is not 0. */
uint32_t test_random(uint32_t *state);

void test_keys_random(uint8_t (*keys)[TEST_KEY_LEN], size_t count, uint32_t seed);

/*
 * Keys that stand in bucket 0 whatever the number of buckets, up to 2^TEST_BEHIND_ZEROS: made, not tried, so that there may be
 * 100,000 of them.  None comes twice.
 */
#define TEST_BEHIND_ZEROS 22u
void test_keys_behind(uint8_t (*keys)[TEST_KEY_LEN], size_t count, uint32_t seed);

/* Find a key whose hash has exactly `zeros` low zero bits. */
void test_key_ground(uint8_t key[TEST_KEY_LEN], unsigned zeros, uint32_t seed);

#endif
