/* SPDX-License-Identifier: ISC */
/*
 * Owns: what a record of the log is about, and its sentence (audit_sentence.h).
 * Runs in: command line.
 * Never: words an event itself; EVENT_TABLE does.
 */
#ifndef STAPLEGUARD_REVIEW_STORY_H
#define STAPLEGUARD_REVIEW_STORY_H

#include <stddef.h>

#include "audit/audit_sentence.h"
#include "audit/review_scan.h"

/*
 * Write the sentence of a record that review_scan took apart: clean, in one line, times in the local zone.  A word of a later version
 * is shown as it is.  Returns the length.
 */
size_t review_story(const struct review_record *record, char out[AUDIT_SENTENCE_MAX + 1]);

/* Name what the record is about: the certificate, else "(service)", "(apache)", "(cache)" … */
void review_about(const struct review_record *record, char *out, size_t cap);

#endif
