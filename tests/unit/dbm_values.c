/* SPDX-License-Identifier: ISC */
#include "dbm_values.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <db.h>
#include <openssl/evp.h>

size_t test_value(int64_t expiry, enum dbm_flag flag, uint8_t content, uint8_t out[DBM_VALUE_MAX])
{
    uint8_t der[TEST_VALUE_LEN - DBM_HEADER_LEN];
    const struct dbm_record record = {.expiry_usec = expiry * 1000000, .flag = flag, .der = der, .der_len = sizeof der};
    size_t len = 0;

    memset(der, content, sizeof der);
    assert_int_equal(dbm_record_encode(&record, out, &len), DBM_RESULT_OK);
    return len;
}

void test_value_digest(const uint8_t *value, size_t value_len, uint8_t digest[32])
{
    assert_int_equal(EVP_Digest(value, value_len, digest, NULL, EVP_sha256(), NULL), 1);
}

void test_put_as_apache(const char *name, const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len)
{
    DBT key_dbt = {.data = (void *)(uintptr_t)key, .size = (u_int32_t)key_len};
    DBT value_dbt = {.data = (void *)(uintptr_t)value, .size = (u_int32_t)value_len};
    DB *db = NULL;

    assert_int_equal(db_create(&db, NULL, 0), 0);
    assert_int_equal(db->open(db, NULL, name, NULL, DB_HASH, DB_CREATE, 0644), 0);
    assert_int_equal(db->put(db, NULL, &key_dbt, &value_dbt, 0), 0);
    assert_int_equal(db->close(db, 0), 0);
}
