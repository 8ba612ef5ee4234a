/* SPDX-License-Identifier: ISC */
/*
 * Owns: what of the audit log goes to the system journal: each event with its fields, and the anchors (the head of the chain).
 * Runs in: supervisor.
 * Never: waits for the journal.
 *
 * MESSAGE, PRIORITY, SYSLOG_IDENTIFIER=stapleguard, and as far as the event has them STAPLEGUARD_EVENT, _PROCESS, _CERT, _SHA256,
 * _SERIAL, _RESPONDER, _REASON, _DETAIL, _THIS_UPDATE, _NEXT_UPDATE, _EXPIRY, _BYTES, _COUNT, _DURATION_MS, _HTTP_STATUS, _PID,
 * _STATUS with the record's values, and _SEQ and _HASH of the record.  docs/audit.md has them for people.
 */
#ifndef STAPLEGUARD_AUDIT_JOURNAL_H
#define STAPLEGUARD_AUDIT_JOURNAL_H

#include <stdbool.h>

#include "audit/audit_record.h"
#include "audit/audit_sentence.h"
#include "audit/journal_entry.h"

/* A sentence (audit_sentence.h) with the certificate before it. */
#define AUDIT_MESSAGE_MAX (CERT_NAME_MAX + 2u + AUDIT_SENTENCE_MAX)

/* "shop: OCSP request to http://… failed: …", for MESSAGE and for the log. */
void audit_message(const struct audit_fields *fields, char out[AUDIT_MESSAGE_MAX + 1]);

/* Log the event's message.  is_told: whether the journal has the event (log_unless_told). */
void audit_log_event(const struct audit_fields *fields, bool is_told);

/* The bytes of an event's entry.  chain: with the record; NULL: it has none, because the log cannot be written. */
void audit_journal_entry(const struct audit_fields *fields, const struct audit_chain *chain, struct journal_entry *entry);

/* journal: NULL for none.  Returns whether the journal has it. */
bool audit_journal_event(struct journal *journal, const struct audit_fields *fields, const struct audit_chain *chain);

/*
 * The head of the chain, whose record is on the disk: STAPLEGUARD_EVENT=audit.anchor, _SEQ, _HASH, _AUDIT_LOG.  Without a journal
 * it is a line of the log: "audit anchor SEQ:HASH of PATH", as `stapleguard audit --anchor` takes it; on a terminal, where nobody
 * would keep it, only with -v.  Returns whether somebody has it.
 */
bool audit_journal_anchor(struct journal *journal, const struct audit_chain *head, const char *path);

#endif
