/* SPDX-License-Identifier: ISC */
/*
 * Owns: what a record means, as a sentence: what happened, why in words, and what comes next.
 * Runs in: command line.
 * Never: shows a raw member where there is a word for it.
 */
#ifndef STAPLEGUARD_REVIEW_STORY_H
#define STAPLEGUARD_REVIEW_STORY_H

#include <stddef.h>

#include "audit/review_scan.h"
#include "bounds.h"

/* Every text at its bound, and our own words. */
#define REVIEW_STORY_MAX (CERT_NAME_MAX + URL_MAX + DETAIL_MAX + 800u)

/* The sentence of a record that review_scan took apart; times in the local zone.  Clean, in one line.  Returns its length. */
size_t review_story(const struct review_record *record, char out[REVIEW_STORY_MAX + 1]);

/* What it is about: the certificate's name, else "(service)", "(apache)", "(cache)" … */
void review_about(const struct review_record *record, char *out, size_t cap);

#endif
