/* SPDX-License-Identifier: ISC */
#include "audit/audit_journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "audit/audit_sentence.h"
#include "system/log.h"
#include "text/hex.h"
#include "text/text.h"

#define IDENTIFIER "stapleguard"
#define NAME(field) "STAPLEGUARD_" field

_Static_assert(JOURNAL_ENTRY_MAX >= AUDIT_MESSAGE_MAX + CERT_NAME_MAX + URL_MAX + DETAIL_MAX + 2 * CERT_SERIAL_MAX + 2048,
    "the longest event does not fit");

static void put_time(struct journal_entry *entry, const char *name, int64_t seconds)
{
    time_t time = (time_t)seconds;
    char text[40];
    struct tm utc;

    if (seconds != 0 && gmtime_r(&time, &utc) != NULL && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc) > 0)
        journal_entry_text(entry, name, text);
}

static void put_number(struct journal_entry *entry, const char *name, int64_t value)
{
    if (value != 0)
        journal_entry_number(entry, name, value);
}

void audit_message(const struct audit_fields *fields, char out[AUDIT_MESSAGE_MAX + 1])
{
    char sentence[AUDIT_SENTENCE_MAX + 1];

    audit_sentence(fields, sentence);
    text_clean_format(out, AUDIT_MESSAGE_MAX + 1, "%.255s%s%s", fields->cert == NULL ? "" : fields->cert,
        fields->cert == NULL || fields->cert[0] == '\0' ? "" : ": ", sentence);
}

/* Return how serious the event is: as event.h has it, but a child that did not end well is an error. */
static enum severity severity_of(const struct audit_fields *fields)
{
    if (fields->event == EVENT_PROCESS_EXIT && fields->status != 0)
        return SEVERITY_ERROR;
    return event_severity(fields->event);
}

void audit_log_event(const struct audit_fields *fields, bool is_told)
{
    char message[AUDIT_MESSAGE_MAX + 1];

    audit_message(fields, message);
    log_unless_told(is_told, severity_of(fields), "%s", message);
}

/* syslog(3): 3 an error, 4 a warning, 6 information. */
static int priority_of(const struct audit_fields *fields)
{
    switch (fields->is_repeated ? SEVERITY_INFO : severity_of(fields)) {
    case SEVERITY_ERROR:
        return 3;
    case SEVERITY_WARNING:
        return 4;
    case SEVERITY_INFO:
        break;
    }
    return 6;
}

static void put_details(struct journal_entry *entry, const struct audit_fields *fields)
{
    journal_entry_text(entry, NAME("RESPONDER"), fields->responder);
    journal_entry_text(entry, NAME("DETAIL"), fields->detail);
    put_time(entry, NAME("THIS_UPDATE"), fields->this_update);
    put_time(entry, NAME("NEXT_UPDATE"), fields->next_update);
    put_time(entry, NAME("EXPIRY"), fields->expiry);
    put_number(entry, NAME("BYTES"), fields->bytes);
    put_number(entry, NAME("COUNT"), fields->count);
    put_number(entry, NAME("DURATION_MS"), fields->duration_msec);
    put_number(entry, NAME("HTTP_STATUS"), fields->http_status);
    put_number(entry, NAME("PID"), fields->pid);
    if (fields->has_status)
        journal_entry_number(entry, NAME("STATUS"), fields->status);
}

static void put_chain(struct journal_entry *entry, const struct audit_chain *chain)
{
    char seq[24];

    snprintf(seq, sizeof seq, "%" PRIu64, chain->seq);
    journal_entry_text(entry, NAME("SEQ"), seq);
    journal_entry_hex(entry, NAME("HASH"), chain->hash, sizeof chain->hash);
}

void audit_journal_entry(const struct audit_fields *fields, const struct audit_chain *chain, struct journal_entry *entry)
{
    char message[AUDIT_MESSAGE_MAX + 1];

    audit_message(fields, message);
    journal_entry_begin(entry);
    journal_entry_text(entry, "MESSAGE", message);
    journal_entry_number(entry, "PRIORITY", priority_of(fields));
    journal_entry_text(entry, "SYSLOG_IDENTIFIER", IDENTIFIER);
    journal_entry_text(entry, NAME("EVENT"), event_name(fields->event));
    journal_entry_text(entry, NAME("PROCESS"), party_name(fields->process));
    journal_entry_text(entry, NAME("CERT"), fields->cert);
    journal_entry_hex(entry, NAME("SHA256"), fields->sha256, 32);
    journal_entry_hex(
        entry, NAME("SERIAL"), fields->serial, fields->serial_len < CERT_SERIAL_MAX ? fields->serial_len : CERT_SERIAL_MAX);
    if (fields->reason != REASON_NONE)
        journal_entry_text(entry, NAME("REASON"), reason_word(fields->reason));
    if (chain != NULL)
        put_chain(entry, chain);
    put_details(entry, fields);
}

bool audit_journal_event(struct journal *journal, const struct audit_fields *fields, const struct audit_chain *chain)
{
    struct journal_entry entry;

    if (journal == NULL)
        return false;
    audit_journal_entry(fields, chain, &entry);
    return journal_send(journal, &entry);
}

static void say_anchor(const struct audit_chain *head, const char *path)
{
    char hash[2 * AUDIT_HASH_LEN + 1] = "";

    hex_write(head->hash, sizeof head->hash, hash);
    if (isatty(STDERR_FILENO) == 1)
        log_trace("audit anchor %" PRIu64 ":%s of %s", head->seq, hash, path);
    else
        log_info("audit anchor %" PRIu64 ":%s of %s", head->seq, hash, path);
}

bool audit_journal_anchor(struct journal *journal, const struct audit_chain *head, const char *path)
{
    struct journal_entry entry;
    char message[128];

    if (journal == NULL) {
        say_anchor(head, path);
        return true;
    }
    snprintf(message, sizeof message, "the audit log has %" PRIu64 " records", head->seq);
    journal_entry_begin(&entry);
    journal_entry_text(&entry, "MESSAGE", message);
    journal_entry_number(&entry, "PRIORITY", 6);
    journal_entry_text(&entry, "SYSLOG_IDENTIFIER", IDENTIFIER);
    journal_entry_text(&entry, NAME("EVENT"), "audit.anchor");
    put_chain(&entry, head);
    journal_entry_text(&entry, NAME("AUDIT_LOG"), path);
    return journal_send(journal, &entry);
}
