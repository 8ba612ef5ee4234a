/* SPDX-License-Identifier: ISC */
#include "report/writer_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "system/clock.h"
#include "system/log.h"
#include "text/text.h"

static struct ipc *supervisor;
static bool is_heard = true;
static bool is_clock_wrong_said;

/* log_to's sink: must not log itself. */
static void send_line(enum severity severity, const char *text)
{
    struct msg msg = {.type = MSG_LOG};

    msg.log.severity = (uint8_t)severity;
    snprintf(msg.log.text, sizeof msg.log.text, "%s", text);
    report_message(&msg);
}

void report_init(struct ipc *channel)
{
    supervisor = channel;
    is_heard = true;
    is_clock_wrong_said = false;
    log_to(send_line);
}

bool report_is_heard(void)
{
    return is_heard;
}

void report_message(const struct msg *msg)
{
    if (is_heard && ipc_send(supervisor, msg, -1, IPC_WAIT) != IPC_OK)
        is_heard = false;
}

void report_event_begin(struct msg *msg, enum event event, uint32_t cert_no, enum reason reason)
{
    msg->type = MSG_EVENT;
    msg->event = (struct msg_event){.event = (uint16_t)event, .reason = (uint16_t)reason, .cert_no = cert_no};
}

void report_event(enum event event, uint32_t cert_no, enum reason reason, const char *format, ...)
{
    char raw[DETAIL_MAX + 1];
    va_list arguments;
    struct msg msg;

    report_event_begin(&msg, event, cert_no, reason);
    va_start(arguments, format);
    vsnprintf(raw, sizeof raw, format, arguments);
    va_end(arguments);
    text_clean_copy(msg.event.detail, sizeof msg.event.detail, raw, strlen(raw));
    report_message(&msg);
}

bool report_clock_is_right(int64_t now)
{
    if (clock_is_plausible(now))
        return true;
    if (!is_clock_wrong_said)
        report_event(EVENT_CLOCK_WRONG, CERT_NO_NONE, REASON_CLOCK_WRONG,
            "it shows %lld s since 1970, before this was built at %lld s; old staples stay", (long long)now,
            (long long)clock_build_date());
    is_clock_wrong_said = true;
    return false;
}
