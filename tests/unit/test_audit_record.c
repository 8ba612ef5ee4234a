/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of common/audit/audit_record.c.
 * Runs in: the build.
 * Never: asks a clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <json.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit_record.h"
#include "text/text.h"

#define TIME_USEC INT64_C(1795455253000042)

/* Hashes by another implementation (Python's hashlib). */
#define HASH_1 "a93879640eb92f6a3ab7e351626e73f5307d1ce37dd4698198b6fe7962cc72c0"
#define HASH_2 "b073fc29133b05e2fa9816927a46d7d78df3e37ffbe472c79fd2bb39f5bd6c8d"
#define HASH_3 "58a70f15dbdfa19a663ff242bf679001a06678bebbd9a319896bfb459c4ebbfa"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static const char line_1[]
    = "{\"seq\":1,\"time\":\"2026-11-23T17:34:13.000042Z\",\"process\":\"supervisor\","
      "\"event\":\"service.start\",\"prev\":\"" ZEROS "\",\"hash\":\"" HASH_1 "\"}";
static const char line_2[]
    = "{\"seq\":2,\"time\":\"2026-11-23T17:34:14.123456Z\",\"process\":\"writer\",\"event\":\"staple.stored\","
      "\"cert\":\"shop \\\"d\xc3\xbcrer\\\" \\\\ x\","
      "\"sha256\":\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\",\"serial\":\"00ff10\","
      "\"responder\":\"http://ocsp.example/\",\"this_update\":\"2026-11-23T00:00:00Z\","
      "\"next_update\":\"2026-11-30T00:00:00Z\",\"expiry\":\"2026-11-28T18:00:00Z\",\"reason\":\"short-ttl\","
      "\"detail\":\"a detail\",\"bytes\":1301,\"count\":7,\"duration_ms\":4294967295,\"http_status\":503,"
      "\"pid\":2147483647,\"status\":-31,\"prev\":\"" HASH_1 "\",\"hash\":\"" HASH_2 "\"}";
static const char line_3[]
    = "{\"seq\":3,\"time\":\"1970-01-01T00:00:00.000000Z\",\"process\":\"fetcher\","
      "\"event\":\"fetch.failed\",\"status\":0,\"prev\":\"" HASH_2 "\",\"hash\":\"" HASH_3 "\"}";

static uint8_t sha256[32];
static const uint8_t serial[] = {0x00, 0xff, 0x10};

static struct audit_fields fields_1(void)
{
    return (struct audit_fields){.event = EVENT_SERVICE_START, .process = PARTY_SUPERVISOR};
}

static struct audit_fields fields_2(void)
{
    for (size_t i = 0; i < sizeof sha256; i++)
        sha256[i] = (uint8_t)i;
    return (struct audit_fields){
        .event = EVENT_STAPLE_STORED,
        .process = PARTY_WRITER,
        .cert = "shop \"d\xc3\xbcrer\" \\ x",
        .sha256 = sha256,
        .serial = serial,
        .serial_len = sizeof serial,
        .responder = "http://ocsp.example/",
        .this_update = 1795392000,
        .next_update = 1795996800,
        .expiry = 1795888800,
        .reason = REASON_SHORT_TTL,
        .detail = "a detail",
        .bytes = 1301,
        .count = 7,
        .duration_msec = UINT32_MAX,
        .http_status = 503,
        .pid = INT32_MAX,
        .has_status = true,
        .status = -31,
    };
}

static void writes_exactly_these_lines(void **state)
{
    struct audit_fields first = fields_1();
    struct audit_fields second = fields_2();
    const struct audit_fields third
        = {.event = EVENT_FETCH_FAILED, .process = PARTY_FETCHER, .cert = "", .responder = "", .detail = "", .has_status = true};
    struct audit_chain chain = {0};
    char line[AUDIT_LINE_MAX + 1];

    (void)state;
    assert_int_equal(audit_record_format(&first, TIME_USEC, &chain, NULL, line), strlen(line_1));
    assert_string_equal(line, line_1);
    assert_int_equal(chain.seq, 1);
    assert_int_equal(audit_record_format(&second, TIME_USEC + 1123414, &chain, NULL, line), strlen(line_2));
    assert_string_equal(line, line_2);
    assert_int_equal(audit_record_format(&third, -5, &chain, NULL, line), strlen(line_3));
    assert_string_equal(line, line_3);
    assert_int_equal(chain.seq, 3);
}

static void verifies_a_chain(void **state)
{
    struct audit_chain chain = {0};
    struct audit_chain before;
    struct audit_chain after;

    (void)state;
    assert_int_equal(audit_record_verify(line_1, strlen(line_1), &chain), AUDIT_OK);
    assert_int_equal(audit_record_verify(line_2, strlen(line_2), &chain), AUDIT_OK);
    assert_int_equal(audit_record_read(line_3, strlen(line_3), &before, &after), AUDIT_OK);
    assert_int_equal(before.seq, 2);
    assert_memory_equal(before.hash, chain.hash, AUDIT_HASH_LEN);
    assert_int_equal(audit_record_verify(line_3, strlen(line_3), &chain), AUDIT_OK);
    assert_int_equal(after.seq, 3);
    assert_int_equal(chain.seq, 3);
    assert_memory_equal(after.hash, chain.hash, AUDIT_HASH_LEN);
    assert_int_equal(audit_record_read(line_3, strlen(line_3), NULL, NULL), AUDIT_OK);
}

static void finds_a_missing_or_doubled_line(void **state)
{
    struct audit_chain chain = {0};
    struct audit_chain start = {0};

    (void)state;
    assert_int_equal(audit_record_verify(line_2, strlen(line_2), &chain), AUDIT_WRONG_PREV);
    assert_memory_equal(&chain, &start, sizeof chain);
    assert_int_equal(audit_record_verify(line_1, strlen(line_1), &chain), AUDIT_OK);
    assert_int_equal(audit_record_verify(line_1, strlen(line_1), &chain), AUDIT_WRONG_PREV);
    assert_int_equal(audit_record_verify(line_3, strlen(line_3), &chain), AUDIT_WRONG_PREV);
    assert_int_equal(chain.seq, 1);
    chain.seq = 7;
    assert_int_equal(audit_record_verify(line_2, strlen(line_2), &chain), AUDIT_WRONG_SEQ);
    assert_int_equal(chain.seq, 7);
}

/* Every byte of a line, changed in every bit: never taken for sound. */
static void finds_any_change(void **state)
{
    char line[sizeof line_2];

    (void)state;
    memcpy(line, line_2, sizeof line);
    for (size_t i = 0; i < strlen(line_2) * 8; i++) {
        line[i / 8] = (char)(line[i / 8] ^ 1 << i % 8);
        assert_int_not_equal(audit_record_read(line, strlen(line_2), NULL, NULL), AUDIT_OK);
        line[i / 8] = line_2[i / 8];
    }
    assert_int_equal(audit_record_read(line, strlen(line_2), NULL, NULL), AUDIT_OK);
}

static void tells_changed_from_torn(void **state)
{
    static const struct {
        const char *line;
        enum audit_result result;
    } rows[] = {
        {"", AUDIT_NOT_A_RECORD},
        {"{}", AUDIT_NOT_A_RECORD},
        {"{\"seq\":1,\"time\":\"2026-11-23T17:34:13.000042Z\"}", AUDIT_NOT_A_RECORD},
    };
    char line[sizeof line_1 + 64];
    size_t len = strlen(line_1);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(audit_record_read(rows[i].line, strlen(rows[i].line), NULL, NULL), rows[i].result);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(audit_record_read(line_1, cut, NULL, NULL), AUDIT_NOT_A_RECORD);
    for (size_t start = 1; start < len; start++)
        assert_int_equal(audit_record_read(line_1 + start, len - start, NULL, NULL), AUDIT_NOT_A_RECORD);
    memcpy(line, line_1, len + 1);
    line[7] = '2';
    assert_int_equal(audit_record_read(line, len, NULL, NULL), AUDIT_WRONG_HASH);
    line[7] = '0';
    assert_int_equal(audit_record_read(line, len, NULL, NULL), AUDIT_NOT_A_RECORD);
    snprintf(line, sizeof line, "%s\n", line_1);
    assert_int_equal(audit_record_read(line, len + 1, NULL, NULL), AUDIT_NOT_A_RECORD);
    /* a number that does not fit in 64 bits */
    snprintf(line, sizeof line, "{\"seq\":18446744073709551616%s", line_1 + 8);
    assert_int_equal(audit_record_read(line, strlen(line), NULL, NULL), AUDIT_NOT_A_RECORD);
    snprintf(line, sizeof line, "{\"seq\":18446744073709551615%s", line_1 + 8);
    assert_int_equal(audit_record_read(line, strlen(line), NULL, NULL), AUDIT_WRONG_HASH);
}

/* A line with a hash that fits, which anybody can make. */
static void read_forged(const char *middle, size_t filling, enum audit_result expected)
{
    char line[2 * AUDIT_LINE_MAX];
    char hash[SHA256_DIGEST_STRING_LENGTH];
    size_t len = (size_t)snprintf(line, sizeof line, "{\"seq\":1,\"time\":\"%s", middle);

    memset(line + len, 'x', filling);
    len += filling;
    len += (size_t)snprintf(line + len, sizeof line - len, "\",\"prev\":\"" ZEROS "\"");
    SHA256Data((const uint8_t *)line, len, hash);
    len += (size_t)snprintf(line + len, sizeof line - len, ",\"hash\":\"%s\"}", hash);
    assert_int_equal(audit_record_read(line, len, NULL, NULL), expected);
}

static void a_fitting_hash_is_not_enough(void **state)
{
    /* {"seq":1,"time":" and the closing quote, prev, hash */
    size_t longest = AUDIT_LINE_MAX - 17 - 1 - 74 - 75;

    (void)state;
    read_forged("x", 0, AUDIT_OK);
    read_forged("\x1b[2J", 0, AUDIT_NOT_A_RECORD);
    read_forged("\xff", 0, AUDIT_NOT_A_RECORD);
    read_forged("", longest, AUDIT_OK);
    read_forged("", longest + 1, AUDIT_NOT_A_RECORD);
}

static const char *member(struct json_object *record, const char *name)
{
    struct json_object *value = NULL;

    return json_object_object_get_ex(record, name, &value) ? json_object_get_string(value) : "(none)";
}

/* Text that no caller should hand over comes out as valid, clean JSON in one line. */
static void hostile_text_stays_in_its_place(void **state)
{
    static const struct {
        const char *text;
        const char *written;
    } rows[] = {
        {"\",\"event\":\"service.stop\",\"x\":\"", "\",\"event\":\"service.stop\",\"x\":\""},
        {"a\\", "a\\"},
        {"\\u0022", "\\u0022"},
        {"line\nbreak\r\ttab", "line?break??tab"},
        {"\x1b[31mred\x7f", "?[31mred?"},
        {"\xff\xfe not UTF-8 \xc3", "?? not UTF-8 ?"},
        {"\xe2\x80\xae turned \xe2\x80\xa8", "??? turned ???"},
        {"\xc2\x9b C1", "?? C1"},
        {"\xed\xa0\x80 surrogate", "??? surrogate"},
        {"\xf0\x9f\x94\x92 and d\xc3\xbcrer", "\xf0\x9f\x94\x92 and d\xc3\xbcrer"},
    };
    struct audit_chain chain = {0};
    struct audit_chain checked = {0};
    char line[AUDIT_LINE_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct audit_fields fields = {.event = EVENT_FETCH_FAILED,
            .process = PARTY_FETCHER,
            .cert = rows[i].text,
            .responder = rows[i].text,
            .detail = rows[i].text};
        size_t len = audit_record_format(&fields, TIME_USEC, &chain, NULL, line);
        struct json_object *record = json_tokener_parse(line);

        assert_true(text_is_clean(line, len));
        assert_non_null(record);
        assert_string_equal(member(record, "cert"), rows[i].written);
        assert_string_equal(member(record, "responder"), rows[i].written);
        assert_string_equal(member(record, "detail"), rows[i].written);
        assert_string_equal(member(record, "event"), "fetch.failed");
        json_object_put(record);
        assert_int_equal(audit_record_verify(line, len, &checked), AUDIT_OK);
    }
}

static void cuts_at_the_bounds_and_fits(void **state)
{
    static char text[4000];
    static uint8_t many[64];
    struct audit_fields fields = fields_2();
    struct audit_chain chain = {.seq = UINT64_MAX - 1};
    char line[AUDIT_LINE_MAX + 1];
    struct json_object *record;
    size_t len;

    (void)state;
    memset(text, '"', sizeof text - 1);
    fields.event = EVENT_DBM_FOREIGN_DROPPED;
    fields.process = PARTY_SUPERVISOR;
    fields.reason = REASON_STATUS_MALFORMED_REQUEST;
    fields.cert = fields.responder = fields.detail = text;
    fields.serial = many;
    fields.serial_len = sizeof many;
    fields.this_update = fields.next_update = fields.expiry = INT64_MAX;
    fields.bytes = fields.count = UINT32_MAX;
    fields.http_status = UINT16_MAX;
    fields.pid = fields.status = INT32_MIN;
    len = audit_record_format(&fields, INT64_MAX, &chain, NULL, line);
    assert_true(len <= AUDIT_LINE_MAX);
    assert_true(len > AUDIT_LINE_MAX - 512); /* the bound is not far from what is needed */
    assert_int_equal(audit_record_read(line, len, NULL, NULL), AUDIT_OK);
    record = json_tokener_parse(line);
    assert_non_null(record);
    assert_int_equal(strlen(member(record, "cert")), CERT_NAME_MAX);
    assert_int_equal(strlen(member(record, "responder")), URL_MAX);
    assert_int_equal(strlen(member(record, "detail")), DETAIL_MAX);
    assert_int_equal(strlen(member(record, "serial")), 2 * CERT_SERIAL_MAX);
    assert_string_equal(member(record, "time"), "9999-12-31T23:59:59.000000Z");
    assert_string_equal(member(record, "expiry"), "9999-12-31T23:59:59Z");
    json_object_put(record);
    /* a character is never cut in two */
    for (size_t i = 0; i + 1 < sizeof text; i++)
        text[i] = (char)(i % 2 == 0 ? 0xc3 : 0xbc);
    len = audit_record_format(&fields, TIME_USEC, &chain, NULL, line);
    assert_true(text_is_clean(line, len));
    assert_null(strchr(line, '?'));
}

static void writes_any_time_and_number(void **state)
{
    struct audit_fields fields = fields_1();
    struct audit_chain chain = {0};
    char line[AUDIT_LINE_MAX + 1];

    (void)state;
    fields.this_update = -1;
    fields.next_update = INT64_MIN;
    fields.expiry = 951782400;
    fields.event = EVENT_COUNT;
    fields.process = (enum party)77;
    fields.reason = (enum reason)9999;
    audit_record_format(&fields, INT64_MIN, &chain, NULL, line);
    assert_non_null(strstr(line,
        ",\"this_update\":\"1969-12-31T23:59:59Z\",\"next_update\":\"0000-01-01T00:00:00Z\","
        "\"expiry\":\"2000-02-29T00:00:00Z\",\"reason\":\"internal\","));
    assert_non_null(strstr(line, "\"time\":\"1970-01-01T00:00:00.000000Z\",\"process\":\"nobody\",\"event\":\"unknown\","));
}

static void has_words_for_each_result(void **state)
{
    (void)state;
    for (int i = AUDIT_OK; i <= AUDIT_WRONG_SEQ; i++)
        for (int j = AUDIT_OK; j < i; j++)
            assert_string_not_equal(audit_result_text((enum audit_result)i), audit_result_text((enum audit_result)j));
    assert_string_equal(audit_result_text((enum audit_result)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_exactly_these_lines),
        cmocka_unit_test(verifies_a_chain),
        cmocka_unit_test(finds_a_missing_or_doubled_line),
        cmocka_unit_test(finds_any_change),
        cmocka_unit_test(tells_changed_from_torn),
        cmocka_unit_test(a_fitting_hash_is_not_enough),
        cmocka_unit_test(hostile_text_stays_in_its_place),
        cmocka_unit_test(cuts_at_the_bounds_and_fits),
        cmocka_unit_test(writes_any_time_and_number),
        cmocka_unit_test(has_words_for_each_result),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
