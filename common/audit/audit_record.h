/* SPDX-License-Identifier: ISC */
/*
 * Owns: one record of the audit log as one line of JSON, and its place in the chain of SHA-256 hashes.
 * Runs in: supervisor (writes), command line (reads and verifies).
 * Never: touches a file or a clock; lets a byte into a line that text.h would not let through.
 *
 * A line, here broken up, with its members always in this order; those that are empty, 0 or NONE are left out:
 *     {"seq":N,"time":"RFC 3339 with microseconds, UTC","process":"…","event":"…","cert":"…","sha256":"hex",
 *      "serial":"hex","responder":"…","this_update":"RFC 3339","next_update":"RFC 3339","expiry":"RFC 3339",
 *      "reason":"word","detail":"…","bytes":N,"count":N,"duration_ms":N,"http_status":N,"pid":N,"status":N,
 *      "prev":"hex","hash":"hex","epoch":N,"seal":"hex"}
 * epoch, seal: audit_seal.h, where seals are on.  hash: SHA-256 over the line's bytes before ,"hash" (hex is lower case).  prev: the hash of the record before; 64 zeros
 * in the very first.  seq: counts from 1, without a hole, also across restarts and rotated files.  So nobody can change,
 * insert or leave out a line without changing every later one; that the whole was not written anew, only a copy of a
 * hash elsewhere can tell.
 */
#ifndef STAPLEGUARD_AUDIT_RECORD_H
#define STAPLEGUARD_AUDIT_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/audit_seal.h"
#include "bounds.h"
#include "words/event.h"
#include "words/reason.h"

#define AUDIT_HASH_LEN 32u

/* The longest line, without its newline: every text at its bound and each of its bytes escaped, all else at its longest. */
#define AUDIT_LINE_MAX 4300u

/* What happened.  All zero: nothing.  Texts and arrays are borrowed; texts are cut at their bounds and cleaned. */
struct audit_fields {
    enum event event;
    enum party process;    /* who reports it */
    const char *cert;      /* the certificate's name, at most CERT_NAME_MAX bytes; NULL or "" for none, like all texts */
    const uint8_t *sha256; /* 32 bytes, or NULL */
    const uint8_t *serial; /* serial_len bytes, at most CERT_SERIAL_MAX */
    size_t serial_len;
    const char *responder; /* at most URL_MAX bytes */
    int64_t this_update;   /* seconds since 1970; 0 for none.  Past the year 9999 its last second is written. */
    int64_t next_update;
    int64_t expiry;
    enum reason reason;
    const char *detail; /* at most DETAIL_MAX bytes */
    uint32_t bytes;
    uint32_t count;
    uint32_t duration_msec;
    uint16_t http_status;
    int32_t pid;
    bool has_status; /* an exit status, or minus the number of the signal that ended the process; 0 is one too */
    int32_t status;
    bool is_repeated; /* nothing new for people: not in the record, but the journal gives it less weight */
};

/* The end of a chain.  All zero: nothing written yet. */
struct audit_chain {
    uint64_t seq;
    uint8_t hash[AUDIT_HASH_LEN];
};

/*
 * Write the next record into line (terminated, without newline) and move *chain on to it.  time_usec: microseconds since
 * 1970.  key: seals it, with its own epoch; may be NULL.  Returns the length.
 */
size_t audit_record_format(const struct audit_fields *fields, int64_t time_usec, struct audit_chain *chain,
    const struct audit_key *key, char line[AUDIT_LINE_MAX + 1]);

enum audit_result {
    AUDIT_OK,
    AUDIT_NOT_A_RECORD, /* torn, or not written by us: has not our shape */
    AUDIT_WRONG_HASH,   /* has our shape, but was changed */
    AUDIT_WRONG_PREV,   /* a sound record, but not the one that follows: something before it is missing or was changed */
    AUDIT_WRONG_SEQ,    /* follows by hash but not by number */
};

/*
 * Look at one line (len bytes, without newline) by itself.  AUDIT_OK: *before is the end of the chain that it was written
 * to, *after the end with it.  Either may be NULL.  AUDIT_NOT_A_RECORD or AUDIT_WRONG_HASH: neither is set.
 */
enum audit_result audit_record_read(const char *line, size_t len, struct audit_chain *before, struct audit_chain *after);

/* Is line the record that follows *chain?  AUDIT_OK: *chain is moved on to it; else it stays. */
enum audit_result audit_record_verify(const char *line, size_t len, struct audit_chain *chain);

/* A few words for people: "sound", "changed: its hash does not fit" … */
const char *audit_result_text(enum audit_result result);

#endif
