/* SPDX-License-Identifier: ISC */
#include "audit/audit_message.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "text/text.h"

#define MESSAGE_MAX 2400u

/* What happened, without whom it is about; where an event says enough with its detail, "". */
static const char *const phrases[EVENT_COUNT] = {
    [EVENT_SERVICE_START] = "stapleguardd started",
    [EVENT_SERVICE_STOP] = "stapleguardd stopped",
    [EVENT_SERVICE_RELOAD] = "configuration reloaded",
    [EVENT_SERVICE_RELOAD_FAILED] = "configuration not reloaded, going on as before",
    [EVENT_PROCESS_START] = "started",
    [EVENT_PROCESS_EXIT] = "ended",
    [EVENT_SANDBOX_VIOLATION] = "ended by its sandbox after a forbidden system call; the kernel's audit log names it (type=1326)",
    [EVENT_PROTOCOL_VIOLATION] = "broke the protocol between the processes; its channel is closed",
    [EVENT_AUDIT_GAP] = "gap in the audit log",
    [EVENT_AUDIT_MOVED] = "the audit log moved",
    [EVENT_AUDIT_SEAL_ON] = "records of the audit log are sealed from here on",
    [EVENT_AUDIT_SEAL_OFF] = "records of the audit log are NOT sealed from here on",
    [EVENT_AUDIT_SEAL_FAILED] = "sealing the audit log does not work",
    [EVENT_AUDIT_THROTTLED] = "reports more than any schedule needs; what is too much is counted, not recorded",
    [EVENT_CERT_ADDED] = "looked after from now on",
    [EVENT_CERT_CHANGED] = "has changed",
    [EVENT_CERT_REFUSED] = "cannot be looked after",
    [EVENT_CERT_DROPPED] = "not looked after any more",
    [EVENT_CERT_RESUMED] = "looked after again",
    [EVENT_CERT_WITHDRAWN] = "withdrawn, its staple is gone; not asked for again until its file changes or: stapleguard resume",
    [EVENT_FETCH_FAILED] = "asking the responder failed",
    [EVENT_RESPONSE_REJECTED] = "the response was rejected",
    [EVENT_OFFER_REFUSED] = "the writer refused a response",
    [EVENT_STAPLE_STORED] = "a fresh staple",
    [EVENT_STAPLE_EXTENDED] = "the staple is served longer than safety_margin allows, for want of a fresh one",
    [EVENT_STORE_SET_ASIDE] = "the store was damaged and is set aside",
    [EVENT_STORE_FAILED] = "the store cannot be written",
    [EVENT_STORE_RECORD_DROPPED] = "a record of the store was dropped",
    [EVENT_DBM_COMMITTED] = "Apache's file written",
    [EVENT_DBM_FAILED] = "Apache's file NOT written",
    [EVENT_DBM_FOREIGN_DROPPED] = "entries of others were left out of Apache's file",
    [EVENT_DBM_GUARD_LEFT_OUT] = "Apache's file has no scan guard",
    [EVENT_DBM_LOCK_TIMEOUT] = "Apache's lock was not free",
    [EVENT_DBM_REPAIRED] = "Apache's file repaired",
    [EVENT_SHIELD_UP] = "the shield is up: Apache cannot delete its file",
    [EVENT_SHIELD_DOWN] = "the shield is down: Apache can delete its file",
    [EVENT_APACHE_FOUND] = "Apache runs",
    [EVENT_APACHE_ENDED] = "Apache has ended",
    [EVENT_APACHE_RESTART_SEEN] = "Apache was restarted by somebody, and has its file back",
    [EVENT_APACHE_RESTARTED] = "Apache restarted as asked",
    [EVENT_APACHE_CONFIGTEST_FAILED] = "Apache not restarted: its configuration is broken",
    [EVENT_DISCOVERY_FAILED] = "Apache does not tell its certificates",
    [EVENT_CLOCK_WRONG] = "this machine's clock is wrong, nothing is judged",
};

struct sentence {
    char text[MESSAGE_MAX];
    size_t len;
};

static __attribute__((format(printf, 2, 3))) void add(struct sentence *sentence, const char *format, ...)
{
    va_list arguments;
    int len;

    va_start(arguments, format);
    len = vsnprintf(sentence->text + sentence->len, sizeof sentence->text - sentence->len, format, arguments);
    va_end(arguments);
    if (len > 0)
        sentence->len
            += (size_t)len < sizeof sentence->text - sentence->len ? (size_t)len : sizeof sentence->text - sentence->len - 1;
}

static bool is_text(const char *text)
{
    return text != NULL && text[0] != '\0';
}

/* Whom it is about: the certificate, or the process that is the subject of such an event. */
static void add_subject(struct sentence *sentence, const struct audit_fields *fields)
{
    switch (fields->event) {
    case EVENT_PROCESS_START:
    case EVENT_PROCESS_EXIT:
    case EVENT_SANDBOX_VIOLATION:
    case EVENT_PROTOCOL_VIOLATION:
    case EVENT_AUDIT_THROTTLED:
        add(sentence, "%s: ", party_name(fields->process));
        break;
    default:
        if (is_text(fields->cert))
            add(sentence, "%.255s: ", fields->cert);
        break;
    }
}

static void add_end(struct sentence *sentence, const struct audit_fields *fields)
{
    time_t expiry = (time_t)fields->expiry;
    char until[32];
    struct tm utc;

    if (fields->event == EVENT_STAPLE_STORED && fields->expiry != 0 && gmtime_r(&expiry, &utc) != NULL
        && strftime(until, sizeof until, "%Y-%m-%d %H:%M UTC", &utc) > 0)
        add(sentence, ", served until %s", until);
    if (fields->event == EVENT_PROCESS_EXIT && fields->status < 0)
        add(sentence, " by signal %" PRId32, -fields->status);
    else if (fields->event == EVENT_PROCESS_EXIT && fields->status == 127)
        add(sentence, " before it began: it could not be executed; is it installed beside stapleguardd?");
    else if (fields->has_status && fields->event != EVENT_SANDBOX_VIOLATION)
        add(sentence, " with code %" PRId32, fields->status);
    if (fields->pid != 0)
        add(sentence, " (process %" PRId32 ")", fields->pid);
    if (fields->event == EVENT_DBM_COMMITTED)
        add(sentence, ", entries: %" PRIu32, fields->count);
    else if (fields->count != 0)
        add(sentence, " (%" PRIu32 ")", fields->count);
}

void audit_message(const struct audit_fields *fields, char *out, size_t cap)
{
    struct sentence sentence = {.len = 0};
    bool has_detail = is_text(fields->detail);

    add_subject(&sentence, fields);
    add(&sentence, "%s", (size_t)fields->event < EVENT_COUNT ? phrases[fields->event] : "something happened");
    add_end(&sentence, fields);
    if (fields->reason != REASON_NONE)
        add(&sentence, ": %s", reason_word(fields->reason));
    if (is_text(fields->responder))
        add(&sentence, ": %.1024s", fields->responder);
    if (has_detail)
        add(&sentence, ": %.400s", fields->detail);
    else if (fields->reason != REASON_NONE)
        add(&sentence, ": %s", reason_sentence(fields->reason));
    text_clean_copy(out, cap, sentence.text, sentence.len);
}

enum severity audit_severity(const struct audit_fields *fields)
{
    if (fields->event == EVENT_PROCESS_EXIT && fields->status != 0)
        return SEVERITY_ERROR;
    return event_severity(fields->event);
}
