/* SPDX-License-Identifier: ISC */
/*
 * Owns: an event as one sentence for people.
 * Runs in: supervisor.
 * Never: lets through what text.h would not.
 */
#ifndef STAPLEGUARD_AUDIT_MESSAGE_H
#define STAPLEGUARD_AUDIT_MESSAGE_H

#include <stddef.h>

#include "audit/audit_record.h"

/* "shop.pem: asking the responder failed: timeout: http://…: no answer in 10s"; out: cap bytes, always terminated. */
void audit_message(const struct audit_fields *fields, char *out, size_t cap);

/* How serious this event is: as event.h has it, but a child that did not end well is an error. */
enum severity audit_severity(const struct audit_fields *fields);

#endif
