/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of common/dbm_record.c (PARITY P13).
 * Runs in: the build.
 * Never: asks a clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dbm/dbm_record.h"

#define EXPIRY_USEC INT64_C(1767323045123456)

static const uint8_t sample_der[] = {0x30, 0x03, 0x0a, 0x01, 0x00};

/* clang-format off */
/* Two records as httpd 2.4.71 on x86-64 stored them by itself: a good response, and a responder's tryLater. */
static const uint8_t captured_good[] = {
    0xca, 0xf6, 0x5e, 0x6d, 0xf6, 0x60, 0x06, 0x00, 0x01, 0x30, 0x82, 0x01, 0x04, 0x0a, 0x01, 0x00, 0xa0, 0x81,
    0xfe, 0x30, 0x81, 0xfb, 0x06, 0x09, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01, 0x04, 0x81, 0xed,
    0x30, 0x81, 0xea, 0x30, 0x81, 0x90, 0xa2, 0x16, 0x04, 0x14, 0x48, 0x5d, 0x26, 0x98, 0xb1, 0x18, 0x22, 0xda,
    0xf8, 0xe7, 0x16, 0xf6, 0x08, 0xb1, 0xc5, 0x88, 0x28, 0x07, 0x36, 0x9e, 0x18, 0x0f, 0x32, 0x30, 0x32, 0x36,
    0x31, 0x31, 0x32, 0x33, 0x31, 0x38, 0x31, 0x36, 0x31, 0x33, 0x5a, 0x30, 0x65, 0x30, 0x63, 0x30, 0x3b, 0x30,
    0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14, 0x98, 0xbf, 0x85, 0x16, 0x14, 0xcf,
    0x98, 0x05, 0x48, 0xd7, 0x18, 0xe3, 0xed, 0x2a, 0x25, 0x1d, 0x31, 0xaa, 0xcd, 0x5e, 0x04, 0x14, 0x48, 0x5d,
    0x26, 0x98, 0xb1, 0x18, 0x22, 0xda, 0xf8, 0xe7, 0x16, 0xf6, 0x08, 0xb1, 0xc5, 0x88, 0x28, 0x07, 0x36, 0x9e,
    0x02, 0x02, 0x10, 0x04, 0x80, 0x00, 0x18, 0x0f, 0x32, 0x30, 0x32, 0x36, 0x31, 0x31, 0x32, 0x33, 0x31, 0x37,
    0x31, 0x36, 0x31, 0x33, 0x5a, 0xa0, 0x11, 0x18, 0x0f, 0x32, 0x30, 0x32, 0x36, 0x31, 0x31, 0x33, 0x30, 0x31,
    0x38, 0x31, 0x36, 0x31, 0x33, 0x5a, 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02,
    0x03, 0x49, 0x00, 0x30, 0x46, 0x02, 0x21, 0x00, 0xc1, 0x23, 0xd7, 0xf6, 0xea, 0x59, 0x7e, 0x74, 0xb8, 0x17,
    0x5c, 0x8f, 0x20, 0xf1, 0x6a, 0x5d, 0x18, 0xfc, 0xc4, 0xd4, 0x40, 0x7e, 0x58, 0x6f, 0x40, 0x9e, 0xf2, 0x90,
    0x56, 0x04, 0x59, 0x3b, 0x02, 0x21, 0x00, 0x9f, 0x23, 0xac, 0x91, 0x31, 0x53, 0x96, 0x4b, 0x21, 0x65, 0xd8,
    0x43, 0xe9, 0xa7, 0xe1, 0x19, 0xb2, 0x5e, 0x29, 0x58, 0x0d, 0x1d, 0xc0, 0xd2, 0x12, 0x3a, 0xfd, 0x5c, 0x43,
    0x84, 0xfc, 0xb5,
};
/* clang-format on */
/* clang-format off */
static const uint8_t captured_error[] = {
    0x56, 0xad, 0x8e, 0xba, 0xf5, 0x60, 0x06, 0x00, 0x00, 0x30, 0x03, 0x0a, 0x01, 0x03,
};
/* clang-format on */

static size_t encode_sample(uint8_t out[DBM_VALUE_MAX])
{
    const struct dbm_record record
        = {.expiry_usec = EXPIRY_USEC, .flag = DBM_FLAG_GOOD, .der = sample_der, .der_len = sizeof sample_der};
    size_t len = 0;

    assert_int_equal(dbm_record_encode(&record, out, &len), DBM_RESULT_OK);
    return len;
}

/* P13: 8 octets of expiry whatever the width of long, one flag, the response, and nothing else. */
static void p13_is_eight_octets_a_flag_and_the_response(void **state)
{
    const int64_t expiry = EXPIRY_USEC;
    uint8_t value[DBM_VALUE_MAX];

    (void)state;
    assert_int_equal(encode_sample(value), 8 + 1 + sizeof sample_der);
    assert_memory_equal(value, &expiry, 8);
    assert_int_equal(value[8], 1);
    assert_memory_equal(value + 9, sample_der, sizeof sample_der);
}

static void comes_back_as_it_went(void **state)
{
    static const int64_t expiries[] = {INT64_MIN, -1, 0, 1, EXPIRY_USEC, INT64_MAX};
    uint8_t value[DBM_VALUE_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof expiries / sizeof expiries[0]; i++) {
        for (int flag = DBM_FLAG_ERROR; flag <= DBM_FLAG_GOOD; flag++) {
            const struct dbm_record in
                = {.expiry_usec = expiries[i], .flag = (enum dbm_flag)flag, .der = sample_der, .der_len = sizeof sample_der};
            struct dbm_record out;
            size_t len = 0;

            assert_int_equal(dbm_record_encode(&in, value, &len), DBM_RESULT_OK);
            assert_int_equal(dbm_record_decode(value, len, &out), DBM_RESULT_OK);
            assert_int_equal(out.expiry_usec, in.expiry_usec);
            assert_int_equal(out.flag, in.flag);
            assert_int_equal(out.der_len, in.der_len);
            assert_memory_equal(out.der, in.der, in.der_len);
        }
    }
}

static void carries_the_longest_response_and_none_longer(void **state)
{
    static uint8_t der[STAPLE_DER_MAX + 1];
    static uint8_t value[DBM_VALUE_MAX];
    struct dbm_record record = {.flag = DBM_FLAG_GOOD, .der = der, .der_len = STAPLE_DER_MAX};
    size_t len = 0;

    (void)state;
    assert_int_equal(dbm_record_encode(&record, value, &len), DBM_RESULT_OK);
    assert_int_equal(len, DBM_VALUE_MAX);
    assert_int_equal(dbm_record_decode(value, len, &record), DBM_RESULT_OK);
    assert_int_equal(record.der_len, STAPLE_DER_MAX);
    record.der_len = STAPLE_DER_MAX + 1;
    len = 77;
    assert_int_equal(dbm_record_encode(&record, value, &len), DBM_RESULT_TOO_BIG);
    assert_int_equal(len, 77);
}

static void has_room_for_the_scan_guard(void **state)
{
    const struct dbm_record guard = {.expiry_usec = EXPIRY_USEC, .flag = DBM_FLAG_ERROR};
    const struct dbm_record nothing_good = {.expiry_usec = EXPIRY_USEC, .flag = DBM_FLAG_GOOD};
    uint8_t value[DBM_VALUE_MAX];
    struct dbm_record out;
    size_t len = 0;

    (void)state;
    assert_int_equal(dbm_record_encode(&guard, value, &len), DBM_RESULT_OK);
    assert_int_equal(len, DBM_HEADER_LEN);
    assert_int_equal(dbm_record_decode(value, len, &out), DBM_RESULT_OK);
    assert_int_equal(out.der_len, 0);
    assert_int_equal(dbm_record_encode(&nothing_good, value, &len), DBM_RESULT_TOO_SHORT);
}

static void reads_and_writes_what_httpd_wrote(void **state)
{
    uint8_t value[DBM_VALUE_MAX];
    struct dbm_record record;
    size_t len = 0;

    (void)state;
    assert_int_equal(dbm_record_decode(captured_good, sizeof captured_good, &record), DBM_RESULT_OK);
    assert_int_equal(record.expiry_usec, INT64_C(1795461373425354));
    assert_int_equal(record.flag, DBM_FLAG_GOOD);
    assert_int_equal(record.der_len, 264);
    assert_int_equal(dbm_record_encode(&record, value, &len), DBM_RESULT_OK);
    assert_int_equal(len, sizeof captured_good);
    assert_memory_equal(value, captured_good, len);
    assert_int_equal(dbm_record_decode(captured_error, sizeof captured_error, &record), DBM_RESULT_OK);
    assert_int_equal(record.expiry_usec, INT64_C(1795458373430614));
    assert_int_equal(record.flag, DBM_FLAG_ERROR);
    assert_int_equal(record.der_len, 5);
}

static void refuses_every_truncation_of_the_header(void **state)
{
    uint8_t value[DBM_VALUE_MAX];
    size_t len = encode_sample(value);
    struct dbm_record record;

    (void)state;
    for (size_t cut = 0; cut < len; cut++) {
        enum dbm_result result = dbm_record_decode(value, cut, &record);

        /* What is behind the header is DER, whose end is not this module's to know. */
        assert_int_equal(result, cut <= DBM_HEADER_LEN ? DBM_RESULT_TOO_SHORT : DBM_RESULT_OK);
        if (result == DBM_RESULT_OK)
            assert_int_equal(record.der_len, cut - DBM_HEADER_LEN);
    }
}

static void refuses_what_is_too_long(void **state)
{
    static uint8_t value[DBM_VALUE_MAX + 1];
    struct dbm_record record;

    (void)state;
    assert_int_equal(dbm_record_decode(value, sizeof value, &record), DBM_RESULT_TOO_BIG);
    assert_int_equal(dbm_record_decode(value, SIZE_MAX, &record), DBM_RESULT_TOO_BIG);
}

static void a_flipped_bit_changes_one_field_or_is_refused(void **state)
{
    uint8_t value[DBM_VALUE_MAX];
    size_t len = encode_sample(value);

    (void)state;
    for (size_t bit = 0; bit < len * 8; bit++) {
        struct dbm_record record;
        enum dbm_result result;
        size_t at = bit / 8;

        value[at] ^= (uint8_t)(1u << bit % 8);
        result = dbm_record_decode(value, len, &record);
        if (at == 8) {
            assert_int_equal(result, bit % 8 == 0 ? DBM_RESULT_OK : DBM_RESULT_BAD_FLAG);
            if (result == DBM_RESULT_OK)
                assert_int_equal(record.flag, DBM_FLAG_ERROR);
        } else {
            assert_int_equal(result, DBM_RESULT_OK);
            assert_int_equal(record.expiry_usec != EXPIRY_USEC, at < 8);
            assert_int_equal(memcmp(record.der, sample_der, sizeof sample_der) != 0, at > 8);
        }
        value[at] ^= (uint8_t)(1u << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(p13_is_eight_octets_a_flag_and_the_response),
        cmocka_unit_test(comes_back_as_it_went),
        cmocka_unit_test(carries_the_longest_response_and_none_longer),
        cmocka_unit_test(has_room_for_the_scan_guard),
        cmocka_unit_test(reads_and_writes_what_httpd_wrote),
        cmocka_unit_test(refuses_every_truncation_of_the_header),
        cmocka_unit_test(refuses_what_is_too_long),
        cmocka_unit_test(a_flipped_bit_changes_one_field_or_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
