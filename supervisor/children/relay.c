/* SPDX-License-Identifier: ISC */
#include "children/relay.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "audit/audit_journal.h"
#include "sandbox/child.h"
#include "system/clock.h"
#include "system/log.h"

void relay_init(struct relay *relay, struct cert_list *list, const struct known *known, struct audit *audit, struct facts *facts,
    const struct relay_hooks *hooks)
{
    *relay = (struct relay){.list = list, .known = known, .audit = audit, .facts = facts, .hooks = hooks};
}

/* Floods. */

static const char *kind_name(size_t kind)
{
    return kind == THROTTLE_LOG_LINES ? "lines for the log" : event_name((enum event)kind);
}

static void audit_flood(struct relay *relay, enum party party, uint32_t count, const char *detail)
{
    audit_announce(relay->audit,
        &(struct audit_fields){
            .event = EVENT_AUDIT_THROTTLED, .process = party, .reason = REASON_FLOOD, .count = count, .detail = detail});
}

/* May the child report one more of this kind?  The first that may not is said. */
static bool may_report(struct relay *relay, const struct child *child, size_t kind)
{
    struct throttle *throttle = child->party == PARTY_FETCHER ? &relay->fetcher : &relay->writer;
    char detail[DETAIL_MAX + 1];

    switch (throttle_take(throttle, kind, relay->list->sent_count, clock_monotonic_msec())) {
    case THROTTLE_PASS:
        return true;
    case THROTTLE_BEGINS:
        snprintf(detail, sizeof detail, "%s: further ones are counted, not recorded", kind_name(kind));
        audit_flood(relay, child->party, 0, detail);
        break;
    case THROTTLE_SUPPRESS:
        break;
    }
    return false;
}

static void tell_floods(struct relay *relay, enum party party, bool is_last)
{
    struct throttle *throttle = party == PARTY_FETCHER ? &relay->fetcher : &relay->writer;
    char detail[DETAIL_MAX + 1];
    uint64_t count;

    for (size_t kind = 0; throttle_tell(throttle, &kind, clock_monotonic_msec(), is_last, &count); kind++) {
        snprintf(detail, sizeof detail, "%s: %" PRIu64 " %s not recorded", kind_name(kind), count, count == 1 ? "was" : "were");
        audit_flood(relay, party, count > UINT32_MAX ? UINT32_MAX : (uint32_t)count, detail);
    }
}

void relay_tick(struct relay *relay)
{
    tell_floods(relay, PARTY_FETCHER, false);
    tell_floods(relay, PARTY_WRITER, false);
}

/* Certificates and processes. */

static void name_cert(struct audit_fields *fields, const struct listed_cert *cert)
{
    fields->cert = cert->name;
    fields->sha256 = cert->told.is_known ? cert->told.sha256 : NULL;
    fields->serial = cert->told.serial;
    fields->serial_len = cert->told.serial_len;
}

/* Record what the certificate is, or why it cannot be used (told_reason, detail), if that is news.  is_logged: log it in any case. */
static void tell_cert(struct relay *relay, struct listed_cert *cert, bool is_logged)
{
    struct audit_fields fields = {.process = PARTY_SUPERVISOR, .reason = cert->told.reason, .detail = cert->trouble.detail};
    enum known_news news = cert->told.is_recorded ? KNOWN_IS_CHANGED : known_compare(relay->known, cert);

    bool is_in_journal = false;

    cert->told.is_recorded = true;
    fields.event = news == KNOWN_IS_NEW ? EVENT_CERT_ADDED : EVENT_CERT_CHANGED;
    if (cert->state == CERT_STATE_UNUSABLE)
        fields.event = EVENT_CERT_REFUSED;
    name_cert(&fields, cert);
    if (news != KNOWN_NOTHING_NEW)
        is_in_journal = audit_write(relay->audit, &fields);
    if (is_logged)
        audit_log_event(&fields, is_in_journal);
}

static void changed(const struct relay *relay, struct listed_cert *cert)
{
    relay->hooks->cert_changed(relay->hooks->context, cert);
}

void relay_file_refused(struct relay *relay, struct listed_cert *cert, enum reason reason, const char *path, const char *detail)
{
    char sentence[DETAIL_MAX + 1];
    bool is_kept = cert->sent.cert_no != CERT_NO_NONE && reason != REASON_FILE_MISSING;
    bool is_news = !relay->is_summarised && (cert->told.reason != reason || !cert->trouble.is_said);

    snprintf(sentence, sizeof sentence, "%s: %s", path, detail[0] != '\0' ? detail : reason_sentence(reason));
    if (is_kept) {
        log_warning("%s: %s; the previous certificate stays managed", cert->name, sentence);
        return;
    }
    cert->state = CERT_STATE_UNUSABLE;
    cert->told.reason = reason;
    cert->staple.expiry = 0;
    listed_cert_fail(cert, reason, sentence);
    tell_cert(relay, cert, is_news);
    cert->trouble.is_said = cert->trouble.is_said || is_news;
    changed(relay, cert);
}

void relay_service_event(struct relay *relay, enum event event, enum party about, enum reason reason, const char *detail)
{
    audit_announce(relay->audit, &(struct audit_fields){.event = event, .process = about, .reason = reason, .detail = detail});
}

void relay_child_start(struct relay *relay, const struct child *child)
{
    audit_write(relay->audit, &(struct audit_fields){.event = EVENT_PROCESS_START, .process = child->party, .pid = child->pid});
}

void relay_child_exit(struct relay *relay, const struct child *child)
{
    bool is_killed = WIFSIGNALED(child->exit_status);
    int status = is_killed ? -WTERMSIG(child->exit_status) : WEXITSTATUS(child->exit_status);
    bool is_keepers = child->party == PARTY_WRITER && status == CHILD_EXIT_KEEPER_VIOLATION;
    enum event event = status == -SIGSYS || is_keepers ? EVENT_SANDBOX_VIOLATION : EVENT_PROCESS_EXIT;
    struct audit_fields fields = {.event = event,
        .process = child->party,
        .has_status = true,
        .status = status,
        .detail = is_keepers ? "the keeper" : NULL};
    bool is_in_journal;

    tell_floods(relay, child->party, true);
    is_in_journal = audit_write(relay->audit, &fields);
    if (status != 0)
        audit_log_event(&fields, is_in_journal);
}

static const char *take_ready(struct child *child, const struct msg_ready *ready)
{
    child->is_ready = true;
    child->missing_layers = ready->missing_layers;
    child->ipc.state = MSG_STATE_RUN;
    return NULL;
}

static const char *take_log(struct relay *relay, const struct child *child, const struct msg_log *log)
{
    if (log->severity > SEVERITY_ERROR)
        return "a severity that does not exist";
    if (may_report(relay, child, THROTTLE_LOG_LINES))
        log_line((enum severity)log->severity, "%s: %s", party_name(child->party), log->text);
    return NULL;
}

/* What an event means for the certificate it is about. */
static void note_event(struct listed_cert *cert, const struct msg_event *event)
{
    char sentence[URL_MAX + DETAIL_MAX + 8];

    switch ((enum event)event->event) {
    case EVENT_FETCH_FAILED:
    case EVENT_RESPONSE_REJECTED:
    case EVENT_OFFER_REFUSED:
    case EVENT_CERT_WITHDRAWN:
        cert->trouble.has_failed = true;
        snprintf(sentence, sizeof sentence, "%s%s%s", event->responder, event->responder[0] != '\0' ? ": " : "",
            event->detail[0] != '\0' ? event->detail : reason_sentence((enum reason)event->reason));
        listed_cert_fail(cert, (enum reason)event->reason, sentence);
        break;
    case EVENT_STAPLE_STORED:
        listed_cert_fail(cert, REASON_NONE, "");
        break;
    default:
        break;
    }
}

/* Where nobody reads a summary, the log says once that a certificate's trouble begins, and once that it is over. */
static void log_cert_event(struct listed_cert *cert, const struct audit_fields *fields, bool is_in_journal)
{
    bool is_trouble = event_severity(fields->event) != SEVERITY_INFO;

    if (is_trouble ? !cert->trouble.is_said || fields->event == EVENT_CERT_WITHDRAWN
                   : cert->trouble.is_said && fields->event == EVENT_STAPLE_STORED) {
        audit_log_event(fields, is_in_journal);
        cert->trouble.is_said = is_trouble;
    }
}

static const char *take_event(struct relay *relay, const struct child *child, const struct msg_event *event)
{
    struct listed_cert *cert = cert_list_find(relay->list, event->cert_no);
    struct audit_fields fields = {
        .event = (enum event)event->event,
        .process = child->party,
        .reason = (enum reason)event->reason,
        .responder = event->responder,
        .detail = event->detail,
        .this_update = event->this_update,
        .next_update = event->next_update,
        .expiry = event->expiry,
        .bytes = event->bytes,
        .count = event->count,
        .duration_msec = event->duration_msec,
        .http_status = event->http_status,
    };
    bool is_in_journal;

    if (!event_may_come_from((enum event)event->event, child->party))
        return "an event that is not its own";
    if (event->reason >= REASON_COUNT)
        return "a reason that does not exist";
    if (event->cert_no != CERT_NO_NONE && event->cert_no >= relay->list->sent_count)
        return "an event about a certificate that does not exist";
    if (cert != NULL)
        note_event(cert, event);
    if (!may_report(relay, child, event->event))
        return NULL;
    if (cert != NULL) {
        name_cert(&fields, cert);
        fields.is_repeated = cert->trouble.is_said && fields.event != EVENT_CERT_WITHDRAWN;
    }
    is_in_journal = audit_write(relay->audit, &fields);
    if (cert != NULL && !relay->is_summarised)
        log_cert_event(cert, &fields, is_in_journal);
    else if (cert == NULL && event_severity(fields.event) != SEVERITY_INFO)
        audit_log_event(&fields, is_in_journal);
    if (event->event == EVENT_APACHE_RESTART_SEEN)
        relay->hooks->apache_restarted(relay->hooks->context);
    return NULL;
}

/* A child may still speak of a certificate that was just dropped: *cert is then NULL.  Returns false for one that never was. */
static bool find_cert(struct relay *relay, uint32_t cert_no, struct listed_cert **cert)
{
    *cert = cert_list_find(relay->list, cert_no);
    return cert_no < relay->list->sent_count;
}

static const char *take_cert_info(struct relay *relay, const struct child *child, const struct msg_cert_info *info)
{
    struct listed_cert *cert;
    bool is_told;

    if (!find_cert(relay, info->cert_no, &cert) || info->state >= CERT_STATE_COUNT || info->reason >= REASON_COUNT)
        return "facts about a certificate that does not exist";
    if (cert == NULL)
        return NULL;
    /* A writer that was started anew says again what is known. */
    is_told = cert->told.is_known && memcmp(cert->told.sha256, info->sha256, sizeof cert->told.sha256) == 0
        && cert->told.reason == (enum reason)info->reason;
    if (!is_told) {
        cert->state = (enum cert_state)info->state;
        cert->staple.expiry = 0;
    }
    cert->told.cert_no = info->cert_no;
    cert->told.is_must_staple = info->is_must_staple != 0;
    cert->told.not_after = info->not_after;
    cert->told.is_known = true;
    memcpy(cert->told.sha256, info->sha256, sizeof cert->told.sha256);
    memcpy(cert->told.serial, info->serial, info->serial_len);
    cert->told.serial_len = info->serial_len;
    cert->told.reason = (enum reason)info->reason;
    if (is_told)
        return NULL;
    listed_cert_fail(cert, cert->told.reason, info->detail);
    if (may_report(relay, child, EVENT_CERT_CHANGED))
        tell_cert(relay, cert, false);
    changed(relay, cert);
    return NULL;
}

static const char *take_cert_state(struct relay *relay, const struct msg_cert_state *state)
{
    struct listed_cert *cert;

    if (!find_cert(relay, state->cert_no, &cert) || state->state >= CERT_STATE_COUNT || state->reason >= REASON_COUNT)
        return "a state of a certificate that does not exist";
    if (cert == NULL)
        return NULL;
    cert->state = (enum cert_state)state->state;
    cert->staple.this_update = state->this_update;
    cert->staple.next_update = state->next_update;
    cert->staple.fetched_at = state->fetched_at;
    cert->staple.expiry = state->expiry;
    cert->staple.is_refreshed = state->is_refreshed != 0;
    /* A failure that was told in words says more than the state's own reason. */
    if (cert->trouble.reason == REASON_NONE)
        cert->trouble.reason = (enum reason)state->reason;
    changed(relay, cert);
    return NULL;
}

static const char *take_cert_next(struct relay *relay, const struct msg_cert_next *next)
{
    struct listed_cert *cert;

    if (!find_cert(relay, next->cert_no, &cert))
        return "a schedule for a certificate that does not exist";
    if (cert == NULL)
        return NULL;
    if (next->asked_at > cert->asked.at) {
        relay->facts->fetches++;
        relay->facts->fetch_failures += next->failures > 0 ? 1 : 0;
    }
    cert->asked.next_at = next->next_at;
    cert->asked.at = next->asked_at;
    cert->asked.failures = next->failures;
    changed(relay, cert);
    return NULL;
}

static const char *take_file_state(struct relay *relay, const struct msg_file_state *state)
{
    if (state->shield >= SHIELD_STATE_COUNT || state->reason >= REASON_COUNT)
        return "a state of the file that does not exist";
    relay->facts->file = *state;
    return NULL;
}

static const char *take_restarted(struct relay *relay, const struct msg_restarted *restarted)
{
    if (restarted->reason >= REASON_COUNT)
        return "a reason that does not exist";
    relay->hooks->restart_answered(relay->hooks->context, restarted);
    return NULL;
}

static const char *take_progress(struct relay *relay, const struct msg_progress *progress)
{
    relay->facts->progress = *progress;
    relay->hooks->progressed(relay->hooks->context);
    return NULL;
}

static const char *take_write_done(struct relay *relay, const struct msg_write_done *done)
{
    if (done->reason >= REASON_COUNT)
        return "a reason that does not exist";
    relay->facts->commit = *done;
    relay->hooks->committed(relay->hooks->context);
    return NULL;
}

const char *relay_message(struct relay *relay, struct child *child, const struct msg *msg)
{
    switch (msg->type) {
    case MSG_READY:
        return take_ready(child, &msg->ready);
    case MSG_LOG:
        return take_log(relay, child, &msg->log);
    case MSG_EVENT:
        return take_event(relay, child, &msg->event);
    case MSG_CERT_INFO:
        return take_cert_info(relay, child, &msg->cert_info);
    case MSG_CERT_STATE:
        return take_cert_state(relay, &msg->cert_state);
    case MSG_PROGRESS:
        return take_progress(relay, &msg->progress);
    case MSG_WRITE_DONE:
        return take_write_done(relay, &msg->write_done);
    case MSG_CERT_NEXT:
        return take_cert_next(relay, &msg->cert_next);
    case MSG_FILE_STATE:
        return take_file_state(relay, &msg->file_state);
    case MSG_RESTARTED:
        return take_restarted(relay, &msg->restarted);
    default: /* the table lets no other through */
        return "a message that is not for the supervisor";
    }
}
