/* SPDX-License-Identifier: ISC */
/*
 * Owns: audit logs for tests: lines that follow each other, in memory, and what was done to them.
 * Runs in: unit tests.
 * Never: touches a file or a clock.
 */
#ifndef STAPLEGUARD_TEST_REVIEW_LOG_H
#define STAPLEGUARD_TEST_REVIEW_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "audit/audit_record.h"
#include "audit/review_check.h"

#define REVIEW_LOG_MAX 200u
#define REVIEW_LOG_START INT64_C(1795455253)

struct review_log {
    char lines[REVIEW_LOG_MAX][AUDIT_LINE_MAX + 64]; /* without newlines */
    size_t files[REVIEW_LOG_MAX];                    /* in which file each is */
    size_t count;
    bool is_end_open; /* the last line of each file has no newline */
    struct audit_chain chain;
    int64_t now_sec;
    struct audit_key *key; /* seals what is added; NULL: not */
};

/* count records, a second apart, of different events. */
void review_log_make(struct review_log *log, size_t count, struct audit_key *key);
void review_log_add(struct review_log *log, const struct audit_fields *fields);
void review_log_insert(struct review_log *log, size_t at, const char *line);
void review_log_drop(struct review_log *log, size_t at);
void review_log_swap(struct review_log *log, size_t a, size_t b);
/* Give a line a hash that fits, and no seal. */
void review_log_rehash(char *line);
/* Write all lines from `at` on anew so that each links to the one before; what is sealed stays as it was. */
void review_log_relink(struct review_log *log, size_t at);
/* What must be the hash of the record at. */
struct review_anchor review_log_anchor(const struct review_log *log, size_t at);

/* Verify it; *verdict is a copy. */
void review_log_check(const struct review_log *log, const struct review_anchor *anchors, size_t anchor_count,
    const struct audit_key *keys, size_t key_count, struct review_verdict *verdict);
/* The same for any bytes of one file. */
void review_text_check(const char *text, size_t len, struct review_verdict *verdict);

/* Fail the test unless this was found, of this record and in this line; and it has a sentence. */
void review_verdict_expect(const struct review_verdict *verdict, enum review_fault fault, uint64_t seq, uint64_t line);
/* Verify the log without anchors and keys, and expect this. */
void review_log_expect(const struct review_log *log, enum review_fault fault, uint64_t seq, uint64_t line);

#endif
