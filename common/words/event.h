/* SPDX-License-Identifier: ISC */
/*
 * Owns: the events of the audit log: name, the processes that may report it, severity and sentence.
 * Runs in: every process; only the supervisor records them.
 * Never: lets a process report an event that is not its own (event_may_come_from).
 */
#ifndef STAPLEGUARD_EVENT_H
#define STAPLEGUARD_EVENT_H

#include <stdbool.h>

/* The processes, as messages and the audit log name them. */
enum party {
    PARTY_SUPERVISOR = 1,
    PARTY_FETCHER = 2,
    PARTY_WRITER = 4,
};

enum severity {
    SEVERITY_INFO,
    SEVERITY_WARNING,
    SEVERITY_ERROR,
};

/*
 * EVENT(constant, name, parties that may report it, severity, sentence)
 *
 * In a sentence (audit_sentence.h), {member} is the record's member of that name, {reason} the reason's sentence and word, {a|b} the
 * first of the two that the record has, and {count entry entries} a number with its noun.  A part in [ ] is left out when the record
 * lacks a member of it.  The certificate stands before the sentence.
 */
/* clang-format off */
#define EVENT_TABLE(EVENT) \
    EVENT(SERVICE_START, "service.start", PARTY_SUPERVISOR, SEVERITY_INFO, \
        "stapleguardd[ {detail}] started[ (pid {pid})]") \
    EVENT(SERVICE_STOP, "service.stop", PARTY_SUPERVISOR, SEVERITY_INFO, \
        "stapleguardd stopped[ ({status})]") \
    EVENT(SERVICE_RELOAD, "service.reload", PARTY_SUPERVISOR, SEVERITY_INFO, \
        "configuration and certificates reloaded[: {detail}]") \
    EVENT(SERVICE_RELOAD_FAILED, "service.reload_failed", PARTY_SUPERVISOR, SEVERITY_ERROR, \
        "reload failed[: {detail}]; the previous configuration stays in use") \
    EVENT(PROCESS_START, "process.start", PARTY_SUPERVISOR, SEVERITY_INFO, \
        "the {process} started[ (pid {pid})]") \
    EVENT(PROCESS_EXIT, "process.exit", PARTY_SUPERVISOR, SEVERITY_INFO, \
        "the {process} ended[: {status}]") \
    EVENT(SANDBOX_VIOLATION, "sandbox.violation", PARTY_SUPERVISOR, SEVERITY_ERROR, \
        "the {process}[ ({detail})] was killed by its sandbox after a forbidden system call; the kernel's audit log names " \
        "the call (type=1326)") \
    EVENT(PROTOCOL_VIOLATION, "protocol.violation", PARTY_SUPERVISOR | PARTY_FETCHER | PARTY_WRITER, SEVERITY_ERROR, \
        "forbidden message on a channel of the {process}[: {detail}]; the channel was closed") \
    EVENT(AUDIT_GAP, "audit.gap", PARTY_SUPERVISOR, SEVERITY_WARNING, \
        "gap in the audit log[: {detail}]") \
    EVENT(AUDIT_MOVED, "audit.moved", PARTY_SUPERVISOR, SEVERITY_INFO, \
        "audit log moved[: {detail}]") \
    EVENT(AUDIT_SEAL_ON, "audit.seal_on", PARTY_SUPERVISOR, SEVERITY_INFO, \
        "audit records are sealed from now on[: {detail}]") \
    EVENT(AUDIT_SEAL_OFF, "audit.seal_off", PARTY_SUPERVISOR, SEVERITY_WARNING, \
        "audit records are no longer sealed[: {detail}]") \
    EVENT(AUDIT_SEAL_FAILED, "audit.seal_failed", PARTY_SUPERVISOR, SEVERITY_ERROR, \
        "sealing audit records failed[: {detail}]") \
    EVENT(AUDIT_THROTTLED, "audit.throttled", PARTY_SUPERVISOR, SEVERITY_WARNING, \
        "the {process} reports more than its certificates can account for[: {detail}]") \
    EVENT(CERT_ADDED, "cert.added", PARTY_SUPERVISOR, SEVERITY_INFO, \
        "certificate added[; {reason}][; {detail}]") \
    EVENT(CERT_CHANGED, "cert.changed", PARTY_SUPERVISOR, SEVERITY_INFO, \
        "certificate changed[; {reason}][; {detail}]") \
    EVENT(CERT_REFUSED, "cert.refused", PARTY_SUPERVISOR, SEVERITY_ERROR, \
        "certificate cannot be used[: {reason}][; {detail}]; it will be checked again when its file changes") \
    EVENT(CERT_DROPPED, "cert.dropped", PARTY_SUPERVISOR, SEVERITY_INFO, \
        "certificate removed[: {detail}]") \
    EVENT(CERT_RESUMED, "cert.resumed", PARTY_WRITER, SEVERITY_INFO, \
        "withdrawn certificate resumed[: {reason}][; {detail}]") \
    EVENT(CERT_WITHDRAWN, "cert.withdrawn", PARTY_WRITER, SEVERITY_WARNING, \
        "staple withdrawn[: {reason}][; {detail}]; no further request until the file changes or `stapleguard resume` is run") \
    EVENT(FETCH_FAILED, "fetch.failed", PARTY_FETCHER, SEVERITY_WARNING, \
        "OCSP request[ to {responder}] failed[ after {duration_ms}][: {reason}][; HTTP status {http_status}][; " \
        "{detail}]; it will be retried, and a staple already stored is kept") \
    EVENT(RESPONSE_REJECTED, "response.rejected", PARTY_FETCHER, SEVERITY_WARNING, \
        "OCSP response[ from {responder}] rejected[: {reason}][; {detail}]; the request will be retried, and a staple " \
        "already stored is kept") \
    EVENT(OFFER_REFUSED, "offer.refused", PARTY_WRITER, SEVERITY_WARNING, \
        "the writer refused a response from the fetcher[: {reason}][; {detail}]; a staple already stored is kept") \
    EVENT(STAPLE_STORED, "staple.stored", PARTY_WRITER, SEVERITY_INFO, \
        "fresh staple stored[, valid until {next_update}][, served until {expiry}][ ({detail})]") \
    EVENT(STAPLE_EXTENDED, "staple.extended", PARTY_WRITER, SEVERITY_WARNING, \
        "no newer response is available; the current staple is served into its safety_margin[, until {expiry}]") \
    EVENT(STORE_SET_ASIDE, "store.set_aside", PARTY_WRITER, SEVERITY_ERROR, \
        "the store was damaged and has been set aside[: {detail}]; a new store is filled from the network") \
    EVENT(STORE_FAILED, "store.failed", PARTY_WRITER, SEVERITY_ERROR, \
        "cannot write the store[: {detail}]; Apache keeps its current staples") \
    EVENT(STORE_RECORD_DROPPED, "store.record_dropped", PARTY_WRITER, SEVERITY_WARNING, \
        "damaged record removed from the store[: {detail}]") \
    EVENT(DBM_COMMITTED, "dbm.committed", PARTY_WRITER, SEVERITY_INFO, \
        "Apache's cache written[: {count entry entries}][, {bytes byte bytes}][, in {duration_ms}][; {detail}]") \
    EVENT(DBM_FAILED, "dbm.failed", PARTY_WRITER, SEVERITY_ERROR, \
        "cannot write Apache's cache[: {reason}][; {detail}]") \
    EVENT(DBM_FOREIGN_DROPPED, "dbm.foreign_dropped", PARTY_WRITER, SEVERITY_WARNING, \
        "entries of other origin were not kept in Apache's cache[: {count entry entries}][; {reason}][; {detail}]") \
    EVENT(DBM_GUARD_LEFT_OUT, "dbm.guard_left_out", PARTY_WRITER, SEVERITY_WARNING, \
        "Apache's cache was written without a scan guard[: {detail|reason}]") \
    EVENT(DBM_LOCK_TIMEOUT, "dbm.lock_timeout", PARTY_WRITER, SEVERITY_WARNING, \
        "timed out waiting for Apache's ssl-stapling lock[ ({detail})]; its cache was written without the lock") \
    EVENT(DBM_REPAIRED, "dbm.repaired", PARTY_WRITER, SEVERITY_WARNING, \
        "Apache's cache repaired[: {count entry entries}][; {detail}]") \
    EVENT(SHIELD_UP, "shield.up", PARTY_WRITER, SEVERITY_INFO, \
        "shield up[: {detail|reason}]") \
    EVENT(SHIELD_DOWN, "shield.down", PARTY_WRITER, SEVERITY_INFO, \
        "shield down[: {detail|reason}]") \
    EVENT(APACHE_FOUND, "apache.found", PARTY_SUPERVISOR, SEVERITY_INFO, \
        "Apache is running[ (pid {pid})][; {detail}]") \
    EVENT(APACHE_ENDED, "apache.ended", PARTY_SUPERVISOR, SEVERITY_INFO, \
        "Apache ended[ (pid {pid})]") \
    EVENT(APACHE_RESTART_SEEN, "apache.restart_seen", PARTY_WRITER, SEVERITY_INFO, \
        "Apache restarted[; {detail}]") \
    EVENT(APACHE_RESTARTED, "apache.restarted", PARTY_WRITER, SEVERITY_INFO, \
        "that restart was requested here[; {detail}]") \
    EVENT(APACHE_CONFIGTEST_FAILED, "apache.configtest_failed", PARTY_SUPERVISOR, SEVERITY_ERROR, \
        "Apache not restarted: its configuration test failed[: {detail}]") \
    EVENT(DISCOVERY_FAILED, "apache.discovery_failed", PARTY_SUPERVISOR, SEVERITY_WARNING, \
        "cannot list Apache's certificates[: {detail}]; the previous list, if any, stays in use") \
    EVENT(CLOCK_WRONG, "clock.wrong", PARTY_FETCHER | PARTY_WRITER, SEVERITY_ERROR, \
        "the system clock is wrong[: {detail|reason}]; nothing is fetched or verified until it is set")

enum event {
#define EVENT_CONSTANT(constant, name, parties, severity, sentence) EVENT_##constant,
    EVENT_TABLE(EVENT_CONSTANT)
#undef EVENT_CONSTANT
    EVENT_COUNT
};
/* clang-format on */

/* The event's name in the audit log; NULL for a number out of range. */
const char *event_name(enum event event);
enum severity event_severity(enum event event);
/* The sentence as the table has it, with its placeholders. */
const char *event_sentence(enum event event);
bool event_may_come_from(enum event event, enum party party);
/* "supervisor", "fetcher" or "writer". */
const char *party_name(enum party party);

#endif
