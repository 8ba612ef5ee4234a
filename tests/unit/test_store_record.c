/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of writer/store_record.c.
 * Runs in: the build.
 * Never: asks a clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>

#include "store/store_record.h"

static const uint8_t id[STORE_ID_LEN] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
static const uint8_t sample_der[] = {0x30, 0x03, 0x0a, 0x01, 0x00};

static struct store_record sample(void)
{
    return (struct store_record){
        .state = CERT_STATE_GOOD,
        .apache_key = {0xa0, 0xa1, 0xa2, 0xff},
        .name_id = {0xb0, 0xb1},
        .this_update = 1767323045,
        .next_update = 1767927845,
        .produced_at = -1,
        .effective_end = INT64_MAX,
        .expiry = INT64_MIN,
        .fetched_at = 0,
        .der = sample_der,
        .der_len = sizeof sample_der,
    };
}

static size_t encode(const struct store_record *record, uint8_t out[STORE_RECORD_MAX])
{
    size_t len = 0;

    assert_int_equal(store_record_encode(record, id, out, &len), STORE_RECORD_OK);
    return len;
}

static void assert_same(const struct store_record *a, const struct store_record *b)
{
    assert_int_equal(a->state, b->state);
    assert_memory_equal(a->apache_key, b->apache_key, DBM_KEY_LEN);
    assert_memory_equal(a->name_id, b->name_id, GONE_NAME_ID_LEN);
    assert_int_equal(a->this_update, b->this_update);
    assert_int_equal(a->next_update, b->next_update);
    assert_int_equal(a->produced_at, b->produced_at);
    assert_int_equal(a->effective_end, b->effective_end);
    assert_int_equal(a->expiry, b->expiry);
    assert_int_equal(a->fetched_at, b->fetched_at);
    assert_int_equal(a->der_len, b->der_len);
    assert_memory_equal(a->der, b->der, a->der_len);
}

static void comes_back_as_it_went(void **state)
{
    static const enum cert_state states[] = {CERT_STATE_GOOD, CERT_STATE_REVOKED, CERT_STATE_UNKNOWN};
    static uint8_t long_der[STAPLE_DER_MAX];
    uint8_t data[STORE_RECORD_MAX];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct store_record in = sample();
        struct store_record out;
        size_t len;

        in.state = states[i];
        len = encode(&in, data);
        assert_int_equal(store_record_decode(data, len, id, &out), STORE_RECORD_OK);
        assert_same(&in, &out);
        in.der = long_der;
        in.der_len = sizeof long_der;
        len = encode(&in, data);
        assert_int_equal(len, STORE_RECORD_MAX);
        assert_int_equal(store_record_decode(data, len, id, &out), STORE_RECORD_OK);
        assert_same(&in, &out);
    }
}

/* The same octets for ever: a store outlives the program that wrote it. */
static void the_octets_are_fixed(void **state)
{
    static const uint8_t head[] = {0x00, 0x01, 0x01, 0xa0, 0xa1, 0xa2, 0xff};
    static const uint8_t digest_begin[] = {0x28, 0x86, 0xd7, 0xdb, 0x24, 0x89, 0x76, 0x94};
    struct store_record record = sample();
    uint8_t data[STORE_RECORD_MAX];
    size_t len = encode(&record, data);

    (void)state;
    assert_int_equal(len, 2 + 1 + 20 + 32 + 6 * 8 + 2 + sizeof sample_der + 32);
    assert_memory_equal(data, head, sizeof head);
    assert_memory_equal(data + 103, "\x00\x05\x30\x03\x0a\x01\x00", 7);
    assert_memory_equal(data + 110, digest_begin, sizeof digest_begin);
}

static void refuses_what_is_no_response(void **state)
{
    static const enum cert_state states[] = {CERT_STATE_MISSING, CERT_STATE_NO_OCSP, CERT_STATE_EXPIRED, CERT_STATE_UNUSABLE};
    struct store_record record = sample();
    uint8_t data[STORE_RECORD_MAX];
    size_t len = 0;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        record.state = states[i];
        assert_int_equal(store_record_encode(&record, id, data, &len), STORE_RECORD_MALFORMED);
    }
    record = sample();
    record.der_len = 0;
    assert_int_equal(store_record_encode(&record, id, data, &len), STORE_RECORD_MALFORMED);
    record.der_len = STAPLE_DER_MAX + 1;
    assert_int_equal(store_record_encode(&record, id, data, &len), STORE_RECORD_MALFORMED);
    assert_int_equal(len, 0);
}

static void refuses_every_truncation_and_addition(void **state)
{
    struct store_record record = sample();
    static uint8_t data[STORE_RECORD_MAX + 1];
    size_t len = encode(&record, data);

    (void)state;
    for (size_t cut = 0; cut < len; cut++)
        assert_int_not_equal(store_record_decode(data, cut, id, &record), STORE_RECORD_OK);
    for (size_t more = len + 1; more <= sizeof data; more += 997)
        assert_int_not_equal(store_record_decode(data, more, id, &record), STORE_RECORD_OK);
    assert_int_equal(store_record_decode(data, sizeof data, id, &record), STORE_RECORD_MALFORMED);
}

static void refuses_every_flipped_bit(void **state)
{
    struct store_record record = sample();
    uint8_t data[STORE_RECORD_MAX];
    size_t len = encode(&record, data);

    (void)state;
    for (size_t bit = 0; bit < len * 8; bit++) {
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(store_record_decode(data, len, id, &record), STORE_RECORD_BAD_DIGEST);
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(store_record_decode(data, len, id, &record), STORE_RECORD_OK);
}

/* A record that was put under another certificate is not that certificate's. */
static void refuses_another_certificates_record(void **state)
{
    struct store_record record = sample();
    uint8_t data[STORE_RECORD_MAX];
    uint8_t other[STORE_ID_LEN];
    size_t len = encode(&record, data);

    (void)state;
    memcpy(other, id, sizeof other);
    other[31] ^= 1;
    assert_int_equal(store_record_decode(data, len, other, &record), STORE_RECORD_BAD_DIGEST);
}

/* A digest that is right says who wrote it, not that it makes sense: another version of this program may have. */
static void a_right_digest_is_not_enough(void **state)
{
    static const struct {
        size_t at;
        uint8_t octet;
        size_t more; /* octets after the end */
        enum store_record_result result;
    } rows[] = {
        {0, 0, 0, STORE_RECORD_OK},
        {1, 2, 0, STORE_RECORD_BAD_VERSION},
        {2, CERT_STATE_MISSING, 0, STORE_RECORD_MALFORMED},
        {2, CERT_STATE_UNUSABLE, 0, STORE_RECORD_MALFORMED},
        {2, 0xff, 0, STORE_RECORD_MALFORMED},
        {STORE_RECORD_HEADER_LEN - 1, sizeof sample_der + 1, 0, STORE_RECORD_MALFORMED},
        {STORE_RECORD_HEADER_LEN - 1, sizeof sample_der - 1, 0, STORE_RECORD_MALFORMED},
        {0, 0, 1, STORE_RECORD_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t signed_octets[STORE_ID_LEN + STORE_RECORD_MAX];
        uint8_t *data = signed_octets + STORE_ID_LEN;
        struct store_record record = sample();
        size_t len = encode(&record, data) - STORE_RECORD_DIGEST_LEN;

        memcpy(signed_octets, id, STORE_ID_LEN);
        if (rows[i].at > 0)
            data[rows[i].at] = rows[i].octet;
        memset(data + len, 0, rows[i].more);
        len += rows[i].more;
        assert_int_equal(EVP_Digest(signed_octets, STORE_ID_LEN + len, data + len, NULL, EVP_sha256(), NULL), 1);
        assert_int_equal(store_record_decode(data, len + STORE_RECORD_DIGEST_LEN, id, &record), rows[i].result);
    }
}

static void each_result_has_words(void **state)
{
    (void)state;
    for (int result = STORE_RECORD_OK; result <= STORE_RECORD_NO_DIGEST; result++)
        assert_string_not_equal(store_record_result_text((enum store_record_result)result), "invalid");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_as_it_went),
        cmocka_unit_test(the_octets_are_fixed),
        cmocka_unit_test(refuses_what_is_no_response),
        cmocka_unit_test(refuses_every_truncation_and_addition),
        cmocka_unit_test(refuses_every_flipped_bit),
        cmocka_unit_test(refuses_another_certificates_record),
        cmocka_unit_test(a_right_digest_is_not_enough),
        cmocka_unit_test(each_result_has_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
