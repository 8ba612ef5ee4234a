/* SPDX-License-Identifier: ISC */
#include "audit/audit_record.h"

#include <assert.h>
#include <inttypes.h>
#include <sha2.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#include "audit/audit_seal.h"
#include "proto/buf.h"
#include "system/clock.h"
#include "text/hex.h"
#include "text/text.h"

#define HEX_LEN (2 * AUDIT_HASH_LEN)
#define LINE_START "{\"seq\":"
#define PREV_START ",\"prev\":\""
#define PREV_END "\""
#define HASH_START ",\"hash\":\""
#define HASH_END "\""
#define LINE_END "}"

/* From ,"prev" to the hash's end: as long in every line. */
#define PREV_LEN (sizeof PREV_START - 1 + HEX_LEN + sizeof PREV_END - 1)
#define HASH_LEN (sizeof HASH_START - 1 + HEX_LEN + sizeof HASH_END - 1)

/* 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z: RFC 3339 section 5.6 has four digits for a year. */
#define TIME_MIN INT64_C(-62167219200)
#define TIME_MAX INT64_C(253402300799)

/* Of a text in a record, as it comes; escaping may double it. */
#define TEXT_MAX URL_MAX

_Static_assert(CERT_NAME_MAX <= TEXT_MAX && DETAIL_MAX <= TEXT_MAX, "a text would be cut below its bound");
_Static_assert(AUDIT_LINE_MAX >= 2 * (CERT_NAME_MAX + URL_MAX + DETAIL_MAX) + 2 * CERT_SERIAL_MAX + 700 + AUDIT_SEAL_TEXT_MAX,
    "the longest record does not fit");

static void put(struct buf_out *out, const char *text)
{
    buf_put_bytes(out, text, strlen(text));
}

/* Short text of our own: names, numbers, times. */
static __attribute__((format(printf, 2, 3))) void put_format(struct buf_out *out, const char *format, ...)
{
    char text[160];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put(out, text);
}

static void put_hex(struct buf_out *out, const uint8_t *data, size_t len)
{
    char text[2 * AUDIT_HASH_LEN];

    for (size_t part; len > 0; data += part, len -= part) {
        part = len < AUDIT_HASH_LEN ? len : AUDIT_HASH_LEN;
        hex_write(data, part, text);
        buf_put_bytes(out, text, 2 * part);
    }
}

/* A member whose value is text from anywhere: unclean bytes become '?', and what JSON gives a meaning is escaped. */
static void put_text(struct buf_out *out, const char *name, const char *text, size_t max)
{
    char clean[TEXT_MAX + 1];
    size_t len;

    if (text == NULL || text[0] == '\0')
        return;
    len = text_clean_copy(clean, max + 1, text, strlen(text));
    put_format(out, ",\"%s\":\"", name);
    for (size_t i = 0; i < len; i++) {
        /* RFC 8259 section 7; control characters are gone already. */
        if (clean[i] == '"' || clean[i] == '\\')
            put(out, "\\");
        buf_put_bytes(out, &clean[i], 1);
    }
    put(out, "\"");
}

static void put_octets(struct buf_out *out, const char *name, const uint8_t *data, size_t len)
{
    if (data == NULL || len == 0)
        return;
    put_format(out, ",\"%s\":\"", name);
    put_hex(out, data, len);
    put(out, "\"");
}

static void put_number(struct buf_out *out, const char *name, int64_t value)
{
    if (value != 0)
        put_format(out, ",\"%s\":%" PRId64, name, value);
}

/* "2026-11-23T17:34:13" of a time in RFC 3339's bounds. */
static void put_date(struct buf_out *out, int64_t seconds)
{
    time_t time = (time_t)seconds;
    struct tm tm = {0};

    gmtime_r(&time, &tm);
    put_format(
        out, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static int64_t in_bounds(int64_t value, int64_t min, int64_t max)
{
    return value < min ? min : value > max ? max : value;
}

static void put_time(struct buf_out *out, const char *name, int64_t seconds)
{
    if (seconds == 0)
        return;
    put_format(out, ",\"%s\":\"", name);
    put_date(out, in_bounds(seconds, TIME_MIN, TIME_MAX));
    put(out, "Z\"");
}

static void put_fields(struct buf_out *out, const struct audit_fields *fields)
{
    const char *name = event_name(fields->event);

    put_format(out, ",\"process\":\"%s\",\"event\":\"%s\"", party_name(fields->process), name == NULL ? "unknown" : name);
    put_text(out, "cert", fields->cert, CERT_NAME_MAX);
    put_octets(out, "sha256", fields->sha256, 32);
    put_octets(out, "serial", fields->serial, fields->serial_len < CERT_SERIAL_MAX ? fields->serial_len : CERT_SERIAL_MAX);
    put_text(out, "responder", fields->responder, URL_MAX);
    put_time(out, "this_update", fields->this_update);
    put_time(out, "next_update", fields->next_update);
    put_time(out, "expiry", fields->expiry);
    if (fields->reason != REASON_NONE)
        put_format(out, ",\"reason\":\"%s\"", reason_word(fields->reason));
    put_text(out, "detail", fields->detail, DETAIL_MAX);
    put_number(out, "bytes", fields->bytes);
    put_number(out, "count", fields->count);
    put_number(out, "duration_ms", fields->duration_msec);
    put_number(out, "http_status", fields->http_status);
    put_number(out, "pid", fields->pid);
    if (fields->has_status)
        put_format(out, ",\"status\":%" PRId32, fields->status);
}

static void hash_line(const char *line, size_t len, uint8_t hash[AUDIT_HASH_LEN])
{
    SHA2_CTX context;

    SHA256Init(&context);
    SHA256Update(&context, (const uint8_t *)line, len);
    SHA256Final(hash, &context);
}

size_t audit_record_format(const struct audit_fields *fields, int64_t time_usec, struct audit_chain *chain,
    const struct audit_key *key, char line[AUDIT_LINE_MAX + 1])
{
    struct audit_seal seal;
    struct buf_out out;

    time_usec = in_bounds(time_usec, 0, TIME_MAX * USEC_PER_SEC);
    chain->seq++;
    buf_out_init(&out, line, AUDIT_LINE_MAX - AUDIT_SEAL_TEXT_MAX);
    put_format(&out, LINE_START "%" PRIu64 ",\"time\":\"", chain->seq);
    put_date(&out, time_usec / USEC_PER_SEC);
    put_format(&out, ".%06dZ\"", (int)(time_usec % USEC_PER_SEC));
    put_fields(&out, fields);
    put(&out, PREV_START);
    put_hex(&out, chain->hash, AUDIT_HASH_LEN);
    put(&out, PREV_END);
    assert(out.ok);
    hash_line(line, out.len, chain->hash);
    put(&out, HASH_START);
    put_hex(&out, chain->hash, AUDIT_HASH_LEN);
    put(&out, HASH_END LINE_END);
    assert(out.ok);
    line[out.len] = '\0';
    if (key == NULL)
        return out.len;
    audit_seal_make(key, chain->hash, sizeof chain->hash, &seal);
    return audit_seal_append(&seal, line, out.len);
}

/* Move *at over text, which must stand there. */
static bool take(const char **at, const char *end, const char *text)
{
    size_t len = strlen(text);

    if ((size_t)(end - *at) < len || memcmp(*at, text, len) != 0)
        return false;
    *at += len;
    return true;
}

static bool take_hash(const char **at, const char *end, uint8_t hash[AUDIT_HASH_LEN])
{
    if ((size_t)(end - *at) < HEX_LEN || !hex_read(*at, hash, AUDIT_HASH_LEN))
        return false;
    *at += HEX_LEN;
    return true;
}

/* A positive number as we write it: no sign, no leading zero. */
static bool take_seq(const char **at, const char *end, uint64_t *seq)
{
    uint64_t value = 0;

    if (*at == end || **at < '1' || **at > '9')
        return false;
    for (; *at < end && **at >= '0' && **at <= '9'; ++*at)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, (uint64_t)(**at - '0'), &value))
            return false;
    *seq = value;
    return true;
}

/* A record without its '}' or seal. */
static enum audit_result read_core(const char *line, size_t len, struct audit_chain *before, struct audit_chain *after)
{
    const char *end = line + len;
    const char *at = line;
    uint8_t hash[AUDIT_HASH_LEN];

    if (len < PREV_LEN + HASH_LEN)
        return AUDIT_NOT_A_RECORD;
    if (!take(&at, end, LINE_START) || !take_seq(&at, end, &after->seq) || !take(&at, end, ",\"time\":\""))
        return AUDIT_NOT_A_RECORD;
    if ((size_t)(end - at) < PREV_LEN + HASH_LEN)
        return AUDIT_NOT_A_RECORD;
    at = end - HASH_LEN - PREV_LEN;
    if (!take(&at, end, PREV_START) || !take_hash(&at, end, before->hash) || !take(&at, end, PREV_END HASH_START)
        || !take_hash(&at, end, after->hash) || !take(&at, end, HASH_END))
        return AUDIT_NOT_A_RECORD;
    hash_line(line, len - HASH_LEN, hash);
    if (memcmp(hash, after->hash, sizeof hash) != 0)
        return AUDIT_WRONG_HASH;
    before->seq = after->seq - 1;
    return AUDIT_OK;
}

enum audit_result audit_record_read(const char *line, size_t len, struct audit_chain *before, struct audit_chain *after)
{
    struct audit_chain read_before;
    struct audit_chain read_after;
    struct audit_seal seal;
    bool is_sealed;
    size_t core_len;
    enum audit_result result;

    if (len > AUDIT_LINE_MAX || !text_is_clean(line, len))
        return AUDIT_NOT_A_RECORD;
    core_len = audit_seal_split(line, len, &seal, &is_sealed);
    result = read_core(line, core_len, &read_before, &read_after);
    if (result != AUDIT_OK)
        return result;
    if (before != NULL)
        *before = read_before;
    if (after != NULL)
        *after = read_after;
    return AUDIT_OK;
}

enum audit_result audit_record_verify(const char *line, size_t len, struct audit_chain *chain)
{
    struct audit_chain before;
    struct audit_chain after;
    enum audit_result result = audit_record_read(line, len, &before, &after);

    if (result != AUDIT_OK)
        return result;
    if (memcmp(before.hash, chain->hash, sizeof before.hash) != 0)
        return AUDIT_WRONG_PREV;
    if (before.seq != chain->seq)
        return AUDIT_WRONG_SEQ;
    *chain = after;
    return AUDIT_OK;
}

const char *audit_result_text(enum audit_result result)
{
    switch (result) {
    case AUDIT_OK:
        return "sound";
    case AUDIT_NOT_A_RECORD:
        return "torn, or not a record";
    case AUDIT_WRONG_HASH:
        return "changed: its hash does not fit";
    case AUDIT_WRONG_PREV:
        return "does not follow the record before it: one is missing or was changed";
    case AUDIT_WRONG_SEQ:
        return "has a number that does not follow";
    }
    return "unknown";
}
