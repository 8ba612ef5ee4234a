/* SPDX-License-Identifier: ISC */
/*
 * Owns: values for the tests of Apache's file, and putting one in as Apache's children do.
 * Runs in: unit tests.
 * Never: uses the code under test to write a file.
 */
#ifndef STAPLEGUARD_TEST_DBM_VALUES_H
#define STAPLEGUARD_TEST_DBM_VALUES_H

#include "dbm/dbm_record.h"

#define TEST_VALUE_LEN (DBM_HEADER_LEN + 300u)

/* expiry: seconds since 1970.  Returns TEST_VALUE_LEN. */
size_t test_value(int64_t expiry, enum dbm_flag flag, uint8_t content, uint8_t out[DBM_VALUE_MAX]);

void test_value_digest(const uint8_t *value, size_t value_len, uint8_t digest[32]);

/* Open, put, close; the file is made where there is none. */
void test_put_as_apache(const char *name, const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len);

#endif
