/* SPDX-License-Identifier: ISC */
/*
 * Owns: what the writer tells the supervisor: log lines, events, facts about certificates.
 * Runs in: writer.
 * Never: goes on talking to a supervisor that is gone.
 */
#ifndef STAPLEGUARD_WRITER_REPORT_H
#define STAPLEGUARD_WRITER_REPORT_H

#include "proto/ipc.h"
#include "words/reason.h"

/* channel: borrowed for the life of the process, since log lines have no other way to it.  From now on they go there. */
void report_init(struct ipc *channel);

/* False once the supervisor could not be told something: the process has no purpose any more. */
bool report_is_heard(void);

void report_message(const struct msg *msg);

/* An event; cert_no CERT_NO_NONE: about no certificate.  Fill what else it needs, then report_message. */
void report_event_begin(struct msg *msg, enum event event, uint32_t cert_no, enum reason reason);

/* One with nothing but a sentence (printf; cleaned). */
void report_event(enum event event, uint32_t cert_no, enum reason reason, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* May anything be judged by this clock?  Says so once when not. */
bool report_clock_is_right(int64_t now);

#endif
