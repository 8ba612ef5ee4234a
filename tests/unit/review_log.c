/* SPDX-License-Identifier: ISC */
#include "review_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sha2.h>
#include <stdio.h>
#include <string.h>

#include "text/hex.h"

#define HASH_START ",\"hash\":\""
#define PREV_START ",\"prev\":\""
#define HEX_LEN (2 * AUDIT_HASH_LEN)

void review_log_add(struct review_log *log, const struct audit_fields *fields)
{
    assert_true(log->count < REVIEW_LOG_MAX);
    log->now_sec++;
    if (log->key != NULL)
        audit_key_evolve(log->key, audit_key_epoch_at(log->key, log->now_sec));
    audit_record_format(fields, log->now_sec * 1000000, &log->chain, log->key, log->lines[log->count]);
    log->files[log->count] = 0;
    log->count++;
}

void review_log_make(struct review_log *log, size_t count, struct audit_key *key)
{
    static const struct audit_fields fields[] = {
        {.event = EVENT_FETCH_FAILED,
            .process = PARTY_FETCHER,
            .cert = "shop \"d\xc3\xbcrer\"",
            .responder = "http://ocsp.example/",
            .reason = REASON_TIMEOUT,
            .duration_msec = 10000},
        {.event = EVENT_STAPLE_STORED, .process = PARTY_WRITER, .cert = "a", .expiry = 1795996800, .bytes = 503},
        {.event = EVENT_DBM_COMMITTED, .process = PARTY_WRITER, .count = 7},
        {.event = EVENT_PROCESS_EXIT, .process = PARTY_WRITER, .has_status = true, .status = -9},
    };

    memset(log, 0, sizeof *log);
    log->now_sec = REVIEW_LOG_START;
    log->key = key;
    while (log->count < count)
        review_log_add(log, &fields[log->count % (sizeof fields / sizeof fields[0])]);
}

void review_log_insert(struct review_log *log, size_t at, const char *line)
{
    char copy[sizeof log->lines[0]];

    assert_true(log->count < REVIEW_LOG_MAX);
    snprintf(copy, sizeof copy, "%s", line);
    memmove(log->lines[at + 1], log->lines[at], (log->count - at) * sizeof log->lines[0]);
    memmove(&log->files[at + 1], &log->files[at], (log->count - at) * sizeof log->files[0]);
    memcpy(log->lines[at], copy, sizeof copy);
    log->count++;
}

void review_log_drop(struct review_log *log, size_t at)
{
    log->count--;
    memmove(log->lines[at], log->lines[at + 1], (log->count - at) * sizeof log->lines[0]);
    memmove(&log->files[at], &log->files[at + 1], (log->count - at) * sizeof log->files[0]);
}

void review_log_swap(struct review_log *log, size_t a, size_t b)
{
    char line[sizeof log->lines[0]];

    memcpy(line, log->lines[a], sizeof line);
    memcpy(log->lines[a], log->lines[b], sizeof line);
    memcpy(log->lines[b], line, sizeof line);
}

void review_log_rehash(char *line)
{
    char digest[SHA256_DIGEST_STRING_LENGTH];
    char *hash = strstr(line, HASH_START);

    assert_non_null(hash);
    SHA256Data((const uint8_t *)line, (size_t)(hash - line), digest);
    memcpy(hash + sizeof HASH_START - 1, digest, HEX_LEN);
}

void review_log_relink(struct review_log *log, size_t at)
{
    for (; at < log->count; at++) {
        char *prev = strstr(log->lines[at], PREV_START) + sizeof PREV_START - 1;

        if (at > 0)
            memcpy(prev, strstr(log->lines[at - 1], HASH_START) + sizeof HASH_START - 1, HEX_LEN);
        review_log_rehash(log->lines[at]);
    }
}

struct review_anchor review_log_anchor(const struct review_log *log, size_t at)
{
    struct audit_chain after;
    struct review_anchor anchor;

    assert_int_equal(audit_record_read(log->lines[at], strlen(log->lines[at]), NULL, &after), AUDIT_OK);
    anchor.seq = after.seq;
    memcpy(anchor.hash, after.hash, sizeof anchor.hash);
    return anchor;
}

void review_log_check(const struct review_log *log, const struct review_anchor *anchors, size_t anchor_count,
    const struct audit_key *keys, size_t key_count, struct review_verdict *verdict)
{
    struct review_check *check = review_check_new(anchors, anchor_count, keys, key_count, REVIEW_LOG_START + 86400);
    uint64_t number = 0;

    assert_non_null(check);
    for (size_t i = 0; i < log->count; i++) {
        bool is_last = i + 1 == log->count || log->files[i + 1] != log->files[i];
        struct review_line line = {.path = "log",
            .file = log->files[i],
            .text = log->lines[i],
            .len = strlen(log->lines[i]),
            .is_ended = !is_last || !log->is_end_open};

        number = i > 0 && log->files[i] != log->files[i - 1] ? 1 : number + 1;
        line.number = number;
        if (!review_check_line(check, &line))
            break;
    }
    *verdict = *review_check_end(check);
    review_check_free(check);
}

void review_text_check(const char *text, size_t len, struct review_verdict *verdict)
{
    struct review_check *check = review_check_new(NULL, 0, NULL, 0, REVIEW_LOG_START);
    uint64_t number = 0;

    assert_non_null(check);
    while (len > 0) {
        const char *newline = memchr(text, '\n', len);
        struct review_line line = {.path = "log",
            .number = ++number,
            .text = text,
            .len = newline == NULL ? len : (size_t)(newline - text),
            .is_ended = newline != NULL};

        if (!review_check_line(check, &line))
            break;
        len -= line.len + (newline == NULL ? 0 : 1);
        text += line.len + (newline == NULL ? 0 : 1);
    }
    *verdict = *review_check_end(check);
    review_check_free(check);
}

void review_verdict_expect(const struct review_verdict *verdict, enum review_fault fault, uint64_t seq, uint64_t line)
{
    if (verdict->fault != fault || verdict->seq != seq || verdict->place.line != line)
        fail_msg("%s record %llu line %llu (%s), expected %s record %llu line %llu", review_fault_word(verdict->fault),
            (unsigned long long)verdict->seq, (unsigned long long)verdict->place.line, verdict->sentence,
            review_fault_word(fault), (unsigned long long)seq, (unsigned long long)line);
    assert_true(fault == REVIEW_SOUND || verdict->sentence[0] != '\0');
}

void review_log_expect(const struct review_log *log, enum review_fault fault, uint64_t seq, uint64_t line)
{
    struct review_verdict verdict;

    review_log_check(log, NULL, 0, NULL, 0, &verdict);
    review_verdict_expect(&verdict, fault, seq, line);
}
