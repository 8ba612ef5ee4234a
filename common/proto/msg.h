/* SPDX-License-Identifier: ISC */
/*
 * Owns: every message between two processes: one table says who may send it to whom, when, with what.
 * Runs in: supervisor, fetcher, writer.
 * Never: trusts a length, a direction or a state; a message is decoded whole or not at all.
 *
 * From the field lists below come the structs, both codecs and the length bounds, so they cannot drift apart.
 * Wire format: type (16 bit), then the fields in order, big-endian; TEXT and BLOB carry a 16-bit length.  The
 * descriptor that CERT_ADD carries travels beside it (SCM_RIGHTS).
 */
#ifndef STAPLEGUARD_MSG_H
#define STAPLEGUARD_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"
#include "words/event.h"

/* No certificate: an event about the service itself. */
#define CERT_NO_NONE UINT32_MAX

/* FLAGS of MSG_FETCH_CONFIG, MSG_WRITE_CONFIG and MSG_CERT_ADD. */
enum {
    MSG_FLAG_VERBOSE = 1,
    MSG_FLAG_ALLOW_PRIVATE = 2,
    MSG_FLAG_ALLOW_LOOPBACK = 4,
    MSG_FLAG_SCAN_GUARD = 8,
    MSG_FLAG_ALLOW_SHA1 = 16,
    MSG_FLAG_REQUIRE_SANDBOX = 32,
    MSG_FLAG_KEEPER
    = 64, /* of MSG_WRITE_CONFIG: commit as things change, with a keeper of Apache's file; else once, at the end */
    MSG_FLAG_SHIELD = 128, /* of MSG_WRITE_CONFIG: shield = auto */
};

/* What is known of a certificate's staple; the writer decides it, everybody shows it. */
/* clang-format off */
#define CERT_STATE_TABLE(STATE) \
    STATE(MISSING, "missing")   /* no staple that Apache could serve */ \
    STATE(GOOD, "good")         /* a verified good response is held and not past its end */ \
    STATE(REVOKED, "revoked")   /* withdrawn: verified revoked */ \
    STATE(UNKNOWN, "unknown")   /* withdrawn: verified unknown, and the certificate is no longer young */ \
    STATE(NO_OCSP, "no-ocsp")   /* quiet: names no responder */ \
    STATE(EXPIRED, "expired")   /* quiet: the certificate itself is past its end */ \
    STATE(UNUSABLE, "unusable") /* cannot be read or has no issuer */

enum cert_state {
#define CERT_STATE_CONSTANT(constant, word) CERT_STATE_##constant,
    CERT_STATE_TABLE(CERT_STATE_CONSTANT)
#undef CERT_STATE_CONSTANT
    CERT_STATE_COUNT
};
/* clang-format on */

const char *cert_state_word(enum cert_state state);

/* The immutable flag of the directory of Apache's file (FS_IMMUTABLE_FL). */
enum shield_state {
    SHIELD_DOWN,
    SHIELD_UP,
    SHIELD_IMPOSSIBLE, /* the file system has no such flag, the kernel no way to build elsewhere, or shield = off */
    SHIELD_STATE_COUNT
};

/* How Apache's `ssl-stapling` mutex is taken from outside (httpd: `Mutex flock:DIR` and `Mutex file:DIR`). */
enum apache_lock_kind {
    APACHE_LOCK_NONE, /* a mutex in Apache's own memory: nobody outside can take it */
    APACHE_LOCK_FLOCK,
    APACHE_LOCK_FCNTL,
    APACHE_LOCK_KIND_COUNT
};

/* What an ANSWER is about. */
enum answer_kind {
    ANSWER_HELD,     /* to CERT_ADD, RESUME and PEER: what the store holds */
    ANSWER_ACCEPTED, /* to OFFER: verified, stored, acknowledged */
    ANSWER_REFUSED,  /* to OFFER: `reason` says why */
};

/*
 * The fields.  U8, U16, U32, I64: integers.  BYTES(name, n): exactly n octets.  TEXT(name, max): clean UTF-8 (text.h),
 * 0..max octets, a terminated string in the struct.  BLOB(name, min, max): octets; in a decoded message `name` points
 * into the received buffer and lives as long as that does.  Times are seconds since 1970, 0 meaning "none".
 */

/* clang-format off */
/* supervisor -> fetcher, once, before anything else: how to lock itself in and how to fetch. */
#define MSG_FIELDS_FETCH_CONFIG(U8, U16, U32, I64, BYTES, TEXT, BLOB) \
    U32(flags) U32(uid) U32(gid) U32(timeout_msec) U32(concurrency) U32(per_responder) U32(max_body) \
    TEXT(proxy, URL_MAX) TEXT(ca_file, FILE_PATH_MAX) TEXT(root_dir, FILE_PATH_MAX)

/* supervisor -> writer, once, before anything else.  dbm_path: Apache's file.  state_dir: where the store lies. */
#define MSG_FIELDS_WRITE_CONFIG(U8, U16, U32, I64, BYTES, TEXT, BLOB) \
    U32(flags) U32(uid) U32(gid) U32(commit_delay_msec) TEXT(dbm_path, FILE_PATH_MAX) TEXT(state_dir, FILE_PATH_MAX)

/*
 * supervisor -> both, with a sealed memfd of CERTIFICATE blocks (never a key): the certificate `cert_no`, which is higher
 * than any before it (a child that was started anew hears nothing of dropped ones) and never used again for another.  leaf_blocks: how many blocks come from the certificate's own file (the
 * leaf is one of them); the others come from `chain`.  responder: replaces the certificate's own URLs when not empty.
 */
#define MSG_FIELDS_CERT_ADD(U8, U16, U32, I64, BYTES, TEXT, BLOB) \
    U32(cert_no) U32(flags) U16(leaf_blocks) U32(safety_margin_sec) U32(min_ttl_sec) U32(refresh_every_sec) \
    U32(unknown_grace_sec) TEXT(name, CERT_NAME_MAX) TEXT(responder, URL_MAX)

/*
 * supervisor -> writer: the file of the certificate `name` does not exist any more.  What is held under that name is
 * withdrawn (PARITY P5), unless the same certificate was added from another file.
 */
#define MSG_FIELDS_CERT_GONE(U8, U16, U32, I64, BYTES, TEXT, BLOB) TEXT(name, CERT_NAME_MAX)

/*
 * supervisor -> both: the certificates so far are all there are for now; look after them until the channel closes.
 * CERT_ADD, CERT_DROP and CERT_GONE may come at any time afterwards.  is_once (for the fetcher): ask for what is due now, or
 * with is_forced for everything, and not again; PROGRESS tells when that is done.
 */
#define MSG_FIELDS_BEGIN(U8, U16, U32, I64, BYTES, TEXT, BLOB) U8(is_once) U8(is_forced)

/*
 * supervisor -> both: `cert_no` is not looked after any more: the configuration or the file's content changed.  A staple
 * that is held stays in Apache's file until it ends, because Apache may use the old certificate until its next restart.
 */
#define MSG_FIELDS_CERT_DROP(U8, U16, U32, I64, BYTES, TEXT, BLOB) U32(cert_no)

/*
 * supervisor -> both, with a socket: the sibling ended and was started anew; this is the channel to it.  life: which start
 * of the sibling's it is, from 1.  The writer answers (ANSWER_HELD) for every certificate again.
 */
#define MSG_FIELDS_PEER(U8, U16, U32, I64, BYTES, TEXT, BLOB) U32(life)

/* supervisor -> fetcher: ask now, whatever the schedule says.  CERT_NO_NONE: for all that are not withdrawn. */
#define MSG_FIELDS_REFRESH(U8, U16, U32, I64, BYTES, TEXT, BLOB) U32(cert_no)

/*
 * supervisor -> writer: an administrator wants a withdrawn certificate looked after again.  The writer forgets what it
 * holds (the event cert.resumed) and answers ANSWER_HELD anew, upon which the fetcher asks.
 */
#define MSG_FIELDS_RESUME(U8, U16, U32, I64, BYTES, TEXT, BLOB) U32(cert_no)

/*
 * supervisor -> writer, with a pidfd: Apache's main process, found through its PidFile.  It has no lock of Apache's until
 * APACHE_LOCK follows.  Its end shows in the pidfd.
 */
#define MSG_FIELDS_APACHE(U8, U16, U32, I64, BYTES, TEXT, BLOB) U32(pid)

/* supervisor -> writer, with the lock's file: Apache's `ssl-stapling` mutex is of a kind that we can take. */
#define MSG_FIELDS_APACHE_LOCK(U8, U16, U32, I64, BYTES, TEXT, BLOB) U8(kind)

/* supervisor -> writer: Apache's configuration was found good; restart it gracefully (SIGUSR1).  RESTARTED answers. */
#define MSG_FIELDS_RESTART(U8, U16, U32, I64, BYTES, TEXT, BLOB) U32(request)

/* child -> supervisor, once: locked in.  missing_layers: SANDBOX_LAYER_* that this kernel does not have. */
#define MSG_FIELDS_READY(U8, U16, U32, I64, BYTES, TEXT, BLOB) U32(missing_layers)

/* child -> supervisor: a line for the log. */
#define MSG_FIELDS_LOG(U8, U16, U32, I64, BYTES, TEXT, BLOB) U8(severity) TEXT(text, LOG_TEXT_MAX)

/* child -> supervisor: something for the audit log; fields that the event does not need are 0 or empty. */
#define MSG_FIELDS_EVENT(U8, U16, U32, I64, BYTES, TEXT, BLOB) \
    U16(event) U16(reason) U32(cert_no) I64(this_update) I64(next_update) I64(expiry) U32(bytes) U32(count) \
    U32(duration_msec) U16(http_status) TEXT(responder, URL_MAX) TEXT(detail, DETAIL_MAX)

/* writer -> supervisor, once for each CERT_ADD: what it is. */
#define MSG_FIELDS_CERT_INFO(U8, U16, U32, I64, BYTES, TEXT, BLOB) \
    U32(cert_no) U8(state) U16(reason) U8(is_must_staple) I64(not_after) BYTES(sha256, 32) \
    BLOB(serial, 0, CERT_SERIAL_MAX) TEXT(detail, DETAIL_MAX)

/*
 * writer -> supervisor: how a certificate stands after a commit.  is_refreshed: an offer was accepted since the one before.
 * expiry: until when Apache serves the staple.
 */
#define MSG_FIELDS_CERT_STATE(U8, U16, U32, I64, BYTES, TEXT, BLOB) \
    U32(cert_no) U8(state) U16(reason) U8(is_refreshed) I64(this_update) I64(next_update) I64(expiry) I64(fetched_at)

/*
 * fetcher -> supervisor, after BEGIN with is_once, a few times a second, the last time with done == due: nothing is under way
 * any more, and every offer is answered.  due: asked for; not_due: fresh enough; done: of those due; failed and refused (by
 * the writer): of those done.
 */
#define MSG_FIELDS_PROGRESS(U8, U16, U32, I64, BYTES, TEXT, BLOB) \
    U32(due) U32(not_due) U32(done) U32(failed) U32(refused)

/* writer -> supervisor: the file is in place (reason NONE) or not; each CERT_STATE was sent before. */
#define MSG_FIELDS_WRITE_DONE(U8, U16, U32, I64, BYTES, TEXT, BLOB) \
    U16(reason) U32(entries) U32(foreign) TEXT(detail, DETAIL_MAX)

/*
 * fetcher -> supervisor, after BEGIN without is_once: when `cert_no` is asked for next (0: not before something changes), how many attempts
 * failed since the last success, and when it was asked last (0: never).
 */
#define MSG_FIELDS_CERT_NEXT(U8, U16, U32, I64, BYTES, TEXT, BLOB) U32(cert_no) U32(failures) I64(next_at) I64(asked_at)

/*
 * writer -> supervisor, whenever one of them changes: Apache's file and what guards it.  shield: enum
 * shield_state; reason: why it is not up.  restarts: restarts of Apache seen (the file was deleted, or would have been),
 * the last one at restart_at, after which the file was away for away_usec (UINT32_MAX: it could not be put back at once).
 */
#define MSG_FIELDS_FILE_STATE(U8, U16, U32, I64, BYTES, TEXT, BLOB) \
    U8(shield) U16(reason) U32(restarts) I64(restart_at) U32(away_usec)

/*
 * writer -> supervisor, the answer to RESTART.  reason NONE: Apache restarted; away_usec: how long its file was away (0:
 * never).  Else why it did not, or why nobody saw it.
 */
#define MSG_FIELDS_RESTARTED(U8, U16, U32, I64, BYTES, TEXT, BLOB) \
    U32(request) U16(reason) U32(away_usec) TEXT(detail, DETAIL_MAX)

/* writer -> fetcher: one for each CERT_ADD, one for each OFFER.  Times are those of the response now held. */
#define MSG_FIELDS_ANSWER(U8, U16, U32, I64, BYTES, TEXT, BLOB) \
    U32(cert_no) U8(kind) U16(reason) U8(state) I64(this_update) I64(next_update) I64(effective_end) I64(fetched_at)

/* fetcher -> writer: a response for `cert_no`.  The writer believes nothing of it before it has verified it itself. */
#define MSG_FIELDS_OFFER(U8, U16, U32, I64, BYTES, TEXT, BLOB) U32(cert_no) BLOB(der, 1, STAPLE_DER_MAX)

/* Both children, as senders or receivers. */
#define PARTY_CHILD (PARTY_FETCHER | PARTY_WRITER)

/* When a message is allowed: before READY, after it, or both. */
enum msg_state {
    MSG_STATE_SETUP = 1,
    MSG_STATE_RUN = 2,
    MSG_STATE_ANY = 3,
};

/* MESSAGE(constant, struct, from, to, states, descriptors).  The order of the table numbers the messages, from 1. */
#define MSG_TABLE(MESSAGE) \
    MESSAGE(FETCH_CONFIG, fetch_config, PARTY_SUPERVISOR, PARTY_FETCHER, MSG_STATE_SETUP, 0) \
    MESSAGE(WRITE_CONFIG, write_config, PARTY_SUPERVISOR, PARTY_WRITER, MSG_STATE_SETUP, 0) \
    MESSAGE(CERT_ADD, cert_add, PARTY_SUPERVISOR, PARTY_CHILD, MSG_STATE_RUN, 1) \
    MESSAGE(CERT_GONE, cert_gone, PARTY_SUPERVISOR, PARTY_WRITER, MSG_STATE_RUN, 0) \
    MESSAGE(BEGIN, begin, PARTY_SUPERVISOR, PARTY_CHILD, MSG_STATE_RUN, 0) \
    MESSAGE(CERT_DROP, cert_drop, PARTY_SUPERVISOR, PARTY_CHILD, MSG_STATE_RUN, 0) \
    MESSAGE(PEER, peer, PARTY_SUPERVISOR, PARTY_CHILD, MSG_STATE_RUN, 1) \
    MESSAGE(REFRESH, refresh, PARTY_SUPERVISOR, PARTY_FETCHER, MSG_STATE_RUN, 0) \
    MESSAGE(RESUME, resume, PARTY_SUPERVISOR, PARTY_WRITER, MSG_STATE_RUN, 0) \
    MESSAGE(APACHE, apache, PARTY_SUPERVISOR, PARTY_WRITER, MSG_STATE_RUN, 1) \
    MESSAGE(APACHE_LOCK, apache_lock, PARTY_SUPERVISOR, PARTY_WRITER, MSG_STATE_RUN, 1) \
    MESSAGE(RESTART, restart, PARTY_SUPERVISOR, PARTY_WRITER, MSG_STATE_RUN, 0) \
    MESSAGE(READY, ready, PARTY_CHILD, PARTY_SUPERVISOR, MSG_STATE_SETUP, 0) \
    MESSAGE(LOG, log, PARTY_CHILD, PARTY_SUPERVISOR, MSG_STATE_ANY, 0) \
    MESSAGE(EVENT, event, PARTY_CHILD, PARTY_SUPERVISOR, MSG_STATE_ANY, 0) \
    MESSAGE(CERT_INFO, cert_info, PARTY_WRITER, PARTY_SUPERVISOR, MSG_STATE_RUN, 0) \
    MESSAGE(CERT_STATE, cert_state, PARTY_WRITER, PARTY_SUPERVISOR, MSG_STATE_RUN, 0) \
    MESSAGE(PROGRESS, progress, PARTY_FETCHER, PARTY_SUPERVISOR, MSG_STATE_RUN, 0) \
    MESSAGE(WRITE_DONE, write_done, PARTY_WRITER, PARTY_SUPERVISOR, MSG_STATE_RUN, 0) \
    MESSAGE(CERT_NEXT, cert_next, PARTY_FETCHER, PARTY_SUPERVISOR, MSG_STATE_RUN, 0) \
    MESSAGE(FILE_STATE, file_state, PARTY_WRITER, PARTY_SUPERVISOR, MSG_STATE_RUN, 0) \
    MESSAGE(RESTARTED, restarted, PARTY_WRITER, PARTY_SUPERVISOR, MSG_STATE_RUN, 0) \
    MESSAGE(ANSWER, answer, PARTY_WRITER, PARTY_FETCHER, MSG_STATE_RUN, 0) \
    MESSAGE(OFFER, offer, PARTY_FETCHER, PARTY_WRITER, MSG_STATE_RUN, 0)

enum msg_type {
    MSG_TYPE_NONE,
#define MSG_CONSTANT(constant, name, from, to, states, fds) MSG_##constant,
    MSG_TABLE(MSG_CONSTANT)
#undef MSG_CONSTANT
    MSG_TYPE_END
};

#define MSG_STRUCT_U8(name) uint8_t name;
#define MSG_STRUCT_U16(name) uint16_t name;
#define MSG_STRUCT_U32(name) uint32_t name;
#define MSG_STRUCT_I64(name) int64_t name;
#define MSG_STRUCT_BYTES(name, n) uint8_t name[n];
#define MSG_STRUCT_TEXT(name, max) char name[(max) + 1];
#define MSG_STRUCT_BLOB(name, min, max) const uint8_t *name; size_t name##_len;
#define MSG_STRUCT(constant, msg_name, from, to, states, fds) \
    struct msg_##msg_name { \
        MSG_FIELDS_##constant(MSG_STRUCT_U8, MSG_STRUCT_U16, MSG_STRUCT_U32, MSG_STRUCT_I64, MSG_STRUCT_BYTES, \
            MSG_STRUCT_TEXT, MSG_STRUCT_BLOB) \
    };
MSG_TABLE(MSG_STRUCT)
#undef MSG_STRUCT

/* Some 9 KiB, because two paths are in it: pass a pointer, never a value. */
struct msg {
    enum msg_type type;
    union {
#define MSG_MEMBER(constant, msg_name, from, to, states, fds) struct msg_##msg_name msg_name;
        MSG_TABLE(MSG_MEMBER)
#undef MSG_MEMBER
    };
};
/* clang-format on */

/* Why a message was refused, in the order in which it is checked. */
enum msg_result {
    MSG_OK,
    MSG_UNKNOWN_TYPE,
    MSG_WRONG_DIRECTION,
    MSG_WRONG_STATE,
    MSG_WRONG_DESCRIPTORS,
    MSG_WRONG_LENGTH,
    MSG_BAD_FIELD,
    MSG_TRAILING_BYTES,
};

/* "unknown type", "wrong direction" …: for the log and the audit log. */
const char *msg_result_text(enum msg_result result);

/* The message's name as the table has it ("OFFER"), or NULL for an unknown number. */
const char *msg_type_name(enum msg_type type);

/*
 * Encode *msg into out (cap octets; MSG_LEN_MAX is always enough).  Sets *len and returns MSG_OK, or MSG_BAD_FIELD when a
 * text or blob is out of its bounds or unclean (a bug of the caller's: clean outside text first, text_clean_copy).
 * Partner: msg_decode.
 */
enum msg_result msg_encode(const struct msg *msg, void *out, size_t cap, size_t *len);

/*
 * Decode len octets that came from `from` to `to` while the channel was in `state`, with fd_count descriptors attached.
 * On MSG_OK *out is filled; BLOBs point into data.  On anything else *out is not to be used.  Partner: msg_encode.
 */
enum msg_result msg_decode(
    const void *data, size_t len, enum party from, enum party to, enum msg_state state, unsigned fd_count, struct msg *out);

#endif
