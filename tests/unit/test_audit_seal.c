/* SPDX-License-Identifier: ISC */
/* Seals of the audit log: HMAC as the RFC has it, keys that go one way, and what a sealed line looks like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "audit/audit_record.h"
#include "audit/audit_seal.h"
#include "audit/hmac_sha256.h"
#include "text/hex.h"

/* RFC 4231 section 4, test cases 1, 2, 6 and 7 (keys of 20 and 4 octets, and two longer than a block). */
static void hmac_is_rfc_4231_s(void **state)
{
    static const struct {
        uint8_t filler;
        const char *key;
        size_t key_len;
        const char *data;
        const char *mac;
    } rows[] = {
        {0x0b, NULL, 20, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {0, "Jefe", 4, "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {0xaa, NULL, 131, "Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {0xaa, NULL, 131,
            "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed "
            "before being used by the HMAC algorithm.",
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t key[131];
        uint8_t mac[HMAC_SHA256_LEN];
        char text[2 * HMAC_SHA256_LEN + 1] = "";

        memset(key, rows[i].filler, sizeof key);
        if (rows[i].key != NULL)
            memcpy(key, rows[i].key, rows[i].key_len);
        hmac_sha256(key, rows[i].key_len, rows[i].data, strlen(rows[i].data), mac);
        hex_write(mac, sizeof mac, text);
        assert_string_equal(text, rows[i].mac);
    }
}

static struct audit_key key_of(uint8_t first)
{
    struct audit_key key = {.start = 1700000000, .interval = 900};

    for (size_t i = 0; i < sizeof key.secret; i++)
        key.secret[i] = (uint8_t)(first + i);
    return key;
}

static void an_epoch_is_an_interval(void **state)
{
    static const struct {
        int64_t time;
        uint32_t epoch;
    } rows[]
        = {{INT64_MIN, 0}, {0, 0}, {1700000000, 0}, {1700000899, 0}, {1700000900, 1}, {1700001800, 2}, {INT64_MAX, UINT32_MAX}};
    const struct audit_key key = key_of(0);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(audit_key_epoch_at(&key, rows[i].time), rows[i].epoch);
}

static void a_key_goes_one_way(void **state)
{
    struct audit_key first = key_of(1);
    struct audit_key step = first;
    struct audit_key leap = first;
    struct audit_key other = key_of(2);

    (void)state;
    for (uint32_t epoch = 1; epoch <= 100; epoch++) {
        uint8_t before[AUDIT_KEY_LEN];

        memcpy(before, step.secret, sizeof before);
        audit_key_evolve(&step, epoch);
        assert_int_equal(step.epoch, epoch);
        assert_memory_not_equal(step.secret, before, sizeof before);
    }
    audit_key_evolve(&leap, 100);
    assert_memory_equal(leap.secret, step.secret, sizeof leap.secret);
    audit_key_evolve(&leap, 7);
    assert_int_equal(leap.epoch, 100);
    assert_memory_equal(leap.secret, step.secret, sizeof leap.secret);
    audit_key_evolve(&other, 100);
    assert_memory_not_equal(leap.secret, other.secret, sizeof leap.secret);
}

static void a_sealed_line_is_a_record_with_a_seal(void **state)
{
    const struct audit_fields fields = {.event = EVENT_SERVICE_START, .process = PARTY_SUPERVISOR, .detail = "x"};
    struct audit_key key = key_of(9);
    struct audit_chain sealed = {0};
    struct audit_chain plain = {0};
    char line[AUDIT_LINE_MAX + 1];
    char unsealed[AUDIT_LINE_MAX + 1];

    (void)state;
    for (uint32_t epoch = 0; epoch < 3; epoch++) {
        struct audit_chain before = plain;
        struct audit_chain after;
        struct audit_seal seal;
        struct audit_seal expected;
        bool is_sealed;
        size_t len;

        audit_key_evolve(&key, epoch);
        len = audit_record_format(&fields, 0, &sealed, &key, line);
        audit_record_format(&fields, 0, &plain, NULL, unsealed);
        /* The chain is that of the same log without seals. */
        assert_memory_equal(&sealed, &plain, sizeof plain);
        assert_int_equal(strlen(line), len);
        assert_int_equal(audit_record_read(line, len, NULL, &after), AUDIT_OK);
        assert_memory_equal(after.hash, plain.hash, sizeof after.hash);
        assert_int_equal(audit_record_verify(line, len, &before), AUDIT_OK);
        assert_int_equal(audit_seal_split(line, len, &seal, &is_sealed), strlen(unsealed) - 1);
        assert_true(is_sealed);
        audit_seal_make(&key, after.hash, sizeof after.hash, &expected);
        assert_int_equal(seal.epoch, epoch);
        assert_memory_equal(seal.mac, expected.mac, sizeof seal.mac);
    }
}

static void what_is_no_seal_is_none(void **state)
{
    static const char mac[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    static const struct {
        const char *epoch;
        bool is_one;
    } rows[] = {{"0", true}, {"4294967295", true}, {"4294967296", false}, {"00", false}, {"01", false}, {"", false},
        {"-1", false}, {"1x", false}, {"99999999999", false}};
    struct audit_seal seal;
    bool is_sealed = true;
    char line[256];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int len = snprintf(line, sizeof line, "{\"hash\":\"x\",\"epoch\":%s,\"seal\":\"%s\"}", rows[i].epoch, mac);

        assert_int_equal(audit_seal_split(line, (size_t)len, &seal, &is_sealed), rows[i].is_one ? 11 : len - 1);
        assert_int_equal(is_sealed, rows[i].is_one);
        for (int cut = 0; cut < len; cut++) {
            assert_int_equal(audit_seal_split(line, (size_t)cut, &seal, &is_sealed), 0);
            assert_false(is_sealed);
        }
    }
    assert_int_equal(audit_seal_split("}", 1, &seal, &is_sealed), 0);
    assert_int_equal(audit_seal_split(line, 0, &seal, &is_sealed), 0);
}

static void a_key_goes_on_paper_and_back(void **state)
{
    static const char *const wrong[] = {"", "sg1", "sg1-", "sg1-1-2-", "sg1-1-0-00", "sg2-1-2-00", "sg1--1-900-00", "sg1-1-2",
        "sg1-1-900-000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1",
        "sg1-1-900-000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0",
        "sg1-1-900-000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1F"};
    const struct audit_key key = key_of(200);
    struct audit_key again;
    char text[AUDIT_KEY_TEXT_MAX];
    size_t len;

    (void)state;
    len = audit_key_format(&key, text);
    assert_int_equal(len, strlen(text));
    assert_true(audit_key_parse(text, &again));
    assert_memory_equal(&again, &key, sizeof key);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(audit_key_parse(wrong[i], &again));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hmac_is_rfc_4231_s),
        cmocka_unit_test(an_epoch_is_an_interval),
        cmocka_unit_test(a_key_goes_one_way),
        cmocka_unit_test(a_sealed_line_is_a_record_with_a_seal),
        cmocka_unit_test(what_is_no_seal_is_none),
        cmocka_unit_test(a_key_goes_on_paper_and_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
