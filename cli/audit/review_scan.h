/* SPDX-License-Identifier: ISC */
/*
 * Owns: one line of the audit log taken apart into its members, without copying or building anything.
 * Runs in: command line.
 * Never: believes a line: what is not shaped as audit_record.h says is no record, and is said to be none.
 */
#ifndef STAPLEGUARD_REVIEW_SCAN_H
#define STAPLEGUARD_REVIEW_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* MEMBER(constant, name, is_text): all that a record may have, in the order of the line (audit_record.h). */
/* clang-format off */
#define REVIEW_MEMBER_TABLE(MEMBER) \
    MEMBER(SEQ, "seq", false) \
    MEMBER(TIME, "time", true) \
    MEMBER(PROCESS, "process", true) \
    MEMBER(EVENT, "event", true) \
    MEMBER(CERT, "cert", true) \
    MEMBER(SHA256, "sha256", true) \
    MEMBER(SERIAL, "serial", true) \
    MEMBER(RESPONDER, "responder", true) \
    MEMBER(THIS_UPDATE, "this_update", true) \
    MEMBER(NEXT_UPDATE, "next_update", true) \
    MEMBER(EXPIRY, "expiry", true) \
    MEMBER(REASON, "reason", true) \
    MEMBER(DETAIL, "detail", true) \
    MEMBER(BYTES, "bytes", false) \
    MEMBER(COUNT, "count", false) \
    MEMBER(DURATION_MS, "duration_ms", false) \
    MEMBER(HTTP_STATUS, "http_status", false) \
    MEMBER(PID, "pid", false) \
    MEMBER(STATUS, "status", false) \
    MEMBER(PREV, "prev", true) \
    MEMBER(HASH, "hash", true) \
    MEMBER(EPOCH, "epoch", false) \
    MEMBER(SEAL, "seal", true)

enum review_member {
#define REVIEW_CONSTANT(constant, name, is_text) REVIEW_##constant,
    REVIEW_MEMBER_TABLE(REVIEW_CONSTANT)
#undef REVIEW_CONSTANT
    REVIEW_MEMBER_COUNT
};
/* clang-format on */

/* A value as it stands in the line: of a text without its quotes, and with \" and \\ still escaped.  at NULL: not there. */
struct review_value {
    const char *at;
    size_t len;
};

/* Borrows from its line. */
struct review_record {
    struct review_value values[REVIEW_MEMBER_COUNT];
};

/* "2026-11-23T17:34:13.000042Z": the time of a record; texts of this form sort as the times do. */
#define REVIEW_TIME_LEN 27u

/*
 * Take a line (without newline) apart.  True: it is clean text (text.h), one flat JSON object with our members in our order, with
 * seq, time, process, event, prev and hash; members that a later version may have added are passed over.  Says nothing of
 * its hash.
 */
bool review_scan(const char *line, size_t len, struct review_record *record);

/* Is the value that of the text?  False for one that is not there. */
bool review_value_is(const struct review_value *value, const char *text);

/* Copy a value without its escapes (cap bytes, always terminated, cut where it does not fit).  Returns the length. */
size_t review_value_copy(const struct review_value *value, char *out, size_t cap);

/* A value of digits, perhaps with a sign; 0 for one that is not there, the nearest bound for one that does not fit. */
int64_t review_value_number(const struct review_value *value);

/* Microseconds since 1970 of a record's time; seconds of this_update and its kin.  -1: it is no such time. */
int64_t review_value_usec(const struct review_value *value);
int64_t review_value_sec(const struct review_value *value);

/* "seq", "time" … */
const char *review_member_name(enum review_member member);

#endif
