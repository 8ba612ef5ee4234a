/*
 * Owns: what becomes of a child's message: a line of the log, a record of the audit log, a fact in the pool.
 * Runs in: supervisor.
 * Never: lets a child report an event that is not its own, or about a certificate that does not exist.
 */
#include "relay.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "log.h"

void relay_init(struct relay *relay, struct pool *pool, const struct known *known, struct audit *audit, struct report *report)
{
    relay->pool = pool;
    relay->known = known;
    relay->audit = audit;
    relay->report = report;
}

static void name_cert(struct audit_fields *fields, const struct pool_cert *cert)
{
    fields->cert = cert->name;
    fields->sha256 = cert->is_known ? cert->sha256 : NULL;
    fields->serial = cert->serial;
    fields->serial_len = cert->serial_len;
}

void relay_cert_told(struct relay *relay, const struct pool_cert *cert)
{
    struct audit_fields fields = {.process = PARTY_SUPERVISOR, .reason = cert->told_reason, .detail = cert->detail};
    enum known_news news = known_compare(relay->known, cert);

    if (news == KNOWN_NOTHING_NEW)
        return;
    fields.event = news == KNOWN_IS_NEW ? EVENT_CERT_ADDED : EVENT_CERT_CHANGED;
    if (cert->state == CERT_STATE_UNUSABLE)
        fields.event = EVENT_CERT_REFUSED;
    name_cert(&fields, cert);
    audit_write(relay->audit, &fields);
}

void relay_service_event(struct relay *relay, enum event event, enum party about, enum reason reason, const char *detail)
{
    audit_write(relay->audit, &(struct audit_fields){.event = event, .process = about, .reason = reason, .detail = detail});
}

void relay_child_start(struct relay *relay, const struct child *child)
{
    audit_write(relay->audit,
        &(struct audit_fields){.event = EVENT_PROCESS_START, .process = child->party, .pid = child->pid});
}

void relay_child_exit(struct relay *relay, const struct child *child)
{
    bool is_killed = WIFSIGNALED(child->exit_status);
    int status = is_killed ? -WTERMSIG(child->exit_status) : WEXITSTATUS(child->exit_status);
    enum event event = status == -SIGSYS ? EVENT_SANDBOX_VIOLATION : EVENT_PROCESS_EXIT;

    audit_write(relay->audit,
        &(struct audit_fields){.event = event, .process = child->party, .has_status = true, .status = status});
    if (event == EVENT_SANDBOX_VIOLATION)
        log_error("%s was ended by its sandbox: it made a system call that it must not make; the kernel's audit log names it "
                  "(type=1326)", party_name(child->party));
    else if (is_killed)
        log_error("%s was ended by signal %d", party_name(child->party), -status);
    else if (status == 127)
        log_error("%s could not be executed; is it installed beside stapleguardd?", party_name(child->party));
    else if (status != 0)
        log_error("%s ended with code %d", party_name(child->party), status);
}

static const char *take_ready(struct child *child, const struct msg_ready *ready)
{
    child->is_ready = true;
    child->missing_layers = ready->missing_layers;
    child->ipc.state = MSG_STATE_RUN;
    return NULL;
}

static const char *take_log(const struct child *child, const struct msg_log *log)
{
    if (log->severity > SEVERITY_ERROR)
        return "a severity that does not exist";
    log_line((enum severity)log->severity, "%s: %s", party_name(child->party), log->text);
    return NULL;
}

/* What an event means for the certificate it is about. */
static void note_event(struct pool_cert *cert, const struct msg_event *event)
{
    char sentence[URL_MAX + DETAIL_MAX + 8];

    switch ((enum event)event->event) {
    case EVENT_FETCH_FAILED:
    case EVENT_RESPONSE_REJECTED:
    case EVENT_OFFER_REFUSED:
    case EVENT_CERT_WITHDRAWN:
        cert->has_failed = true;
        snprintf(sentence, sizeof sentence, "%s%s%s", event->responder, event->responder[0] != '\0' ? ": " : "",
            event->detail[0] != '\0' ? event->detail : reason_sentence((enum reason)event->reason));
        pool_cert_fail(cert, (enum reason)event->reason, sentence);
        break;
    case EVENT_STAPLE_STORED:
        pool_cert_fail(cert, REASON_NONE, "");
        break;
    default:
        break;
    }
}

static const char *take_event(struct relay *relay, const struct child *child, const struct msg_event *event)
{
    struct pool_cert *cert = pool_find(relay->pool, event->cert_no);
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

    if (!event_may_come_from((enum event)event->event, child->party))
        return "an event that is not its own";
    if (event->reason >= REASON_COUNT)
        return "a reason that does not exist";
    if (event->cert_no != CERT_NO_NONE && cert == NULL)
        return "an event about a certificate that does not exist";
    if (cert != NULL) {
        name_cert(&fields, cert);
        note_event(cert, event);
    } else if (event_severity((enum event)event->event) != SEVERITY_INFO) {
        log_line(event_severity((enum event)event->event), "%s: %s: %s", party_name(child->party),
            reason_sentence((enum reason)event->reason), event->detail);
    }
    audit_write(relay->audit, &fields);
    return NULL;
}

static const char *take_cert_info(struct relay *relay, const struct msg_cert_info *info)
{
    struct pool_cert *cert = pool_find(relay->pool, info->cert_no);

    if (cert == NULL || info->state >= CERT_STATE_COUNT || info->reason >= REASON_COUNT)
        return "facts about a certificate that does not exist";
    cert->state = (enum cert_state)info->state;
    cert->is_must_staple = info->is_must_staple != 0;
    cert->not_after = info->not_after;
    cert->is_known = true;
    memcpy(cert->sha256, info->sha256, sizeof cert->sha256);
    memcpy(cert->serial, info->serial, info->serial_len);
    cert->serial_len = info->serial_len;
    cert->told_reason = (enum reason)info->reason;
    pool_cert_fail(cert, cert->told_reason, info->detail);
    relay_cert_told(relay, cert);
    return NULL;
}

static const char *take_cert_state(struct relay *relay, const struct msg_cert_state *state)
{
    struct pool_cert *cert = pool_find(relay->pool, state->cert_no);

    if (cert == NULL || state->state >= CERT_STATE_COUNT || state->reason >= REASON_COUNT)
        return "a state of a certificate that does not exist";
    cert->state = (enum cert_state)state->state;
    cert->next_update = state->next_update;
    cert->expiry = state->expiry;
    cert->is_refreshed = state->is_refreshed != 0;
    /* A failure that was told in words says more than the state's own reason. */
    if (cert->reason == REASON_NONE)
        cert->reason = (enum reason)state->reason;
    return NULL;
}

const char *relay_message(struct relay *relay, struct child *child, const struct msg *msg)
{
    switch (msg->type) {
    case MSG_READY:
        return take_ready(child, &msg->ready);
    case MSG_LOG:
        return take_log(child, &msg->log);
    case MSG_EVENT:
        return take_event(relay, child, &msg->event);
    case MSG_CERT_INFO:
        return take_cert_info(relay, &msg->cert_info);
    case MSG_CERT_STATE:
        return take_cert_state(relay, &msg->cert_state);
    case MSG_PROGRESS:
        relay->report->progress = msg->progress;
        return NULL;
    case MSG_FETCH_DONE:
        relay->report->fetched = msg->fetch_done;
        child->is_done = true;
        return NULL;
    case MSG_WRITE_DONE:
        relay->report->written = msg->write_done;
        child->is_done = true;
        return NULL;
    default: /* the table lets no other through */
        return "a message that is not for the supervisor";
    }
}
