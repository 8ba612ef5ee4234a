/* SPDX-License-Identifier: ISC */
#include "schedule/fetcher_report.h"

#include <stdio.h>
#include <string.h>

#include "system/clock.h"
#include "system/log.h"
#include "text/text.h"

static struct ipc *report_supervisor;

/* A supervisor that is gone hears nothing; its end of file stops the loop. */
static void tell(const struct msg *msg)
{
    ipc_send(report_supervisor, msg, -1, IPC_WAIT);
}

static void tell_log_line(enum severity severity, const char *text)
{
    struct msg msg = {.type = MSG_LOG};

    msg.log.severity = (uint8_t)severity;
    text_clean_copy(msg.log.text, sizeof msg.log.text, text, strlen(text));
    tell(&msg);
}

void report_init(struct ipc *supervisor)
{
    report_supervisor = supervisor;
    log_to(tell_log_line);
}

void report_ready(uint32_t missing_layers)
{
    struct msg msg = {.type = MSG_READY, .ready = {.missing_layers = missing_layers}};

    tell(&msg);
}

static uint32_t clamp_u32(int64_t value)
{
    if (value < 0)
        return 0;
    return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

void report_failure(uint32_t cert_no, const char *url, const struct exchange_outcome *outcome)
{
    struct msg msg = {.type = MSG_EVENT};
    struct msg_event *event = &msg.event;

    event->event = outcome->is_rejection ? EVENT_RESPONSE_REJECTED : EVENT_FETCH_FAILED;
    event->reason = (uint16_t)outcome->reason;
    event->cert_no = cert_no;
    if (outcome->is_rejection) {
        event->this_update = outcome->verdict.this_update;
        event->next_update = outcome->verdict.next_update;
    }
    event->bytes = clamp_u32((int64_t)outcome->der_len);
    event->duration_msec = clamp_u32(outcome->duration_msec);
    event->http_status = (uint16_t)outcome->http_status;
    text_clean_copy(event->responder, sizeof event->responder, url, strlen(url));
    text_clean_copy(event->detail, sizeof event->detail, outcome->detail, strlen(outcome->detail));
    tell(&msg);
}

void report_clock_wrong(int64_t now)
{
    struct msg msg = {.type = MSG_EVENT};

    msg.event.event = EVENT_CLOCK_WRONG;
    msg.event.reason = REASON_CLOCK_WRONG;
    msg.event.cert_no = CERT_NO_NONE;
    snprintf(msg.event.detail, sizeof msg.event.detail,
        "the clock shows %lld seconds since 1970, stapleguard was built at %lld; nothing is fetched", (long long)now,
        (long long)clock_build_date());
    tell(&msg);
}

void report_protocol_violation(const char *what)
{
    struct msg msg = {.type = MSG_EVENT};

    msg.event.event = EVENT_PROTOCOL_VIOLATION;
    msg.event.reason = REASON_PROTOCOL;
    msg.event.cert_no = CERT_NO_NONE;
    snprintf(msg.event.detail, sizeof msg.event.detail, "from the writer: %s", what);
    tell(&msg);
}

void report_progress(const struct msg_progress *progress)
{
    struct msg msg = {.type = MSG_PROGRESS, .progress = *progress};

    tell(&msg);
}

void report_next(uint32_t cert_no, uint32_t failures, int64_t next_at, int64_t asked_at)
{
    struct msg msg = {
        .type = MSG_CERT_NEXT,
        .cert_next = {.cert_no = cert_no, .failures = failures, .next_at = next_at, .asked_at = asked_at},
    };

    tell(&msg);
}

void report_no_memory(void)
{
    log_error("out of memory: a certificate is not managed until the service restarts");
}
