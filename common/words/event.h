/* SPDX-License-Identifier: ISC */
/*
 * Owns: the events of the audit log: their names, who may report them, how serious they are.
 * Runs in: every process; the supervisor alone writes them down.
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

/* EVENT(constant, name, parties that may report it, severity) */
/* clang-format off */
#define EVENT_TABLE(EVENT) \
    EVENT(SERVICE_START, "service.start", PARTY_SUPERVISOR, SEVERITY_INFO) \
    EVENT(SERVICE_STOP, "service.stop", PARTY_SUPERVISOR, SEVERITY_INFO) \
    EVENT(SERVICE_RELOAD, "service.reload", PARTY_SUPERVISOR, SEVERITY_INFO) \
    EVENT(SERVICE_RELOAD_FAILED, "service.reload_failed", PARTY_SUPERVISOR, SEVERITY_ERROR) \
    EVENT(PROCESS_START, "process.start", PARTY_SUPERVISOR, SEVERITY_INFO) \
    EVENT(PROCESS_EXIT, "process.exit", PARTY_SUPERVISOR, SEVERITY_INFO) \
    EVENT(SANDBOX_VIOLATION, "sandbox.violation", PARTY_SUPERVISOR, SEVERITY_ERROR) \
    EVENT(PROTOCOL_VIOLATION, "protocol.violation", PARTY_SUPERVISOR | PARTY_FETCHER | PARTY_WRITER, SEVERITY_ERROR) \
    EVENT(AUDIT_GAP, "audit.gap", PARTY_SUPERVISOR, SEVERITY_WARNING) \
    EVENT(AUDIT_MOVED, "audit.moved", PARTY_SUPERVISOR, SEVERITY_INFO) \
    EVENT(AUDIT_SEAL_ON, "audit.seal_on", PARTY_SUPERVISOR, SEVERITY_INFO) \
    EVENT(AUDIT_SEAL_OFF, "audit.seal_off", PARTY_SUPERVISOR, SEVERITY_WARNING) \
    EVENT(AUDIT_SEAL_FAILED, "audit.seal_failed", PARTY_SUPERVISOR, SEVERITY_ERROR) \
    EVENT(AUDIT_THROTTLED, "audit.throttled", PARTY_SUPERVISOR, SEVERITY_WARNING) \
    EVENT(CERT_ADDED, "cert.added", PARTY_SUPERVISOR, SEVERITY_INFO) \
    EVENT(CERT_CHANGED, "cert.changed", PARTY_SUPERVISOR, SEVERITY_INFO) \
    EVENT(CERT_REFUSED, "cert.refused", PARTY_SUPERVISOR, SEVERITY_ERROR) \
    EVENT(CERT_DROPPED, "cert.dropped", PARTY_SUPERVISOR, SEVERITY_INFO) \
    EVENT(CERT_RESUMED, "cert.resumed", PARTY_WRITER, SEVERITY_INFO) \
    EVENT(CERT_WITHDRAWN, "cert.withdrawn", PARTY_WRITER, SEVERITY_WARNING) \
    EVENT(FETCH_FAILED, "fetch.failed", PARTY_FETCHER, SEVERITY_WARNING) \
    EVENT(RESPONSE_REJECTED, "response.rejected", PARTY_FETCHER, SEVERITY_WARNING) \
    EVENT(OFFER_REFUSED, "offer.refused", PARTY_WRITER, SEVERITY_WARNING) \
    EVENT(STAPLE_STORED, "staple.stored", PARTY_WRITER, SEVERITY_INFO) \
    EVENT(STAPLE_EXTENDED, "staple.extended", PARTY_WRITER, SEVERITY_WARNING) \
    EVENT(STORE_SET_ASIDE, "store.set_aside", PARTY_WRITER, SEVERITY_ERROR) \
    EVENT(STORE_FAILED, "store.failed", PARTY_WRITER, SEVERITY_ERROR) \
    EVENT(STORE_RECORD_DROPPED, "store.record_dropped", PARTY_WRITER, SEVERITY_WARNING) \
    EVENT(DBM_COMMITTED, "dbm.committed", PARTY_WRITER, SEVERITY_INFO) \
    EVENT(DBM_FAILED, "dbm.failed", PARTY_WRITER, SEVERITY_ERROR) \
    EVENT(DBM_FOREIGN_DROPPED, "dbm.foreign_dropped", PARTY_WRITER, SEVERITY_WARNING) \
    EVENT(DBM_GUARD_LEFT_OUT, "dbm.guard_left_out", PARTY_WRITER, SEVERITY_WARNING) \
    EVENT(DBM_LOCK_TIMEOUT, "dbm.lock_timeout", PARTY_WRITER, SEVERITY_WARNING) \
    EVENT(DBM_REPAIRED, "dbm.repaired", PARTY_WRITER, SEVERITY_WARNING) \
    EVENT(SHIELD_UP, "shield.up", PARTY_WRITER, SEVERITY_INFO) \
    EVENT(SHIELD_DOWN, "shield.down", PARTY_WRITER, SEVERITY_INFO) \
    EVENT(APACHE_FOUND, "apache.found", PARTY_SUPERVISOR, SEVERITY_INFO) \
    EVENT(APACHE_ENDED, "apache.ended", PARTY_SUPERVISOR, SEVERITY_INFO) \
    EVENT(APACHE_RESTART_SEEN, "apache.restart_seen", PARTY_WRITER, SEVERITY_INFO) \
    EVENT(APACHE_RESTARTED, "apache.restarted", PARTY_WRITER, SEVERITY_INFO) \
    EVENT(APACHE_CONFIGTEST_FAILED, "apache.configtest_failed", PARTY_SUPERVISOR, SEVERITY_ERROR) \
    EVENT(DISCOVERY_FAILED, "apache.discovery_failed", PARTY_SUPERVISOR, SEVERITY_WARNING) \
    EVENT(CLOCK_WRONG, "clock.wrong", PARTY_FETCHER | PARTY_WRITER, SEVERITY_ERROR)

enum event {
#define EVENT_CONSTANT(constant, name, parties, severity) EVENT_##constant,
    EVENT_TABLE(EVENT_CONSTANT)
#undef EVENT_CONSTANT
    EVENT_COUNT
};
/* clang-format on */

/* The event's name in the audit log; NULL for a number out of range. */
const char *event_name(enum event event);
enum severity event_severity(enum event event);
bool event_may_come_from(enum event event, enum party party);
/* "supervisor", "fetcher" or "writer". */
const char *party_name(enum party party);

#endif
