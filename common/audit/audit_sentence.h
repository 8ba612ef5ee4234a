/* SPDX-License-Identifier: ISC */
/*
 * Owns: the sentence of a record: what happened, why, and what comes next, as EVENT_TABLE (event.h) words it.
 * Runs in: supervisor (system journal, log), command line (`stapleguard audit`).
 * Never: lets a byte through that text.h would not.
 */
#ifndef STAPLEGUARD_AUDIT_SENTENCE_H
#define STAPLEGUARD_AUDIT_SENTENCE_H

#include <stddef.h>

#include "audit/audit_record.h"

/* The longest sentence: a responder, a detail, a reason's sentence and our own words. */
#define AUDIT_SENTENCE_MAX (URL_MAX + DETAIL_MAX + 800u)

/*
 * Write the event's sentence into out (terminated, one clean line), with times in the local zone.  The certificate is not in it,
 * because callers name it before the sentence or in a column.  Returns the length.
 */
size_t audit_sentence(const struct audit_fields *fields, char out[AUDIT_SENTENCE_MAX + 1]);

#endif
