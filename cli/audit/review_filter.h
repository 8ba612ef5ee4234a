/* SPDX-License-Identifier: ISC */
/*
 * Owns: which records a reviewer wants to see.
 * Runs in: command line.
 * Never: takes a name that no record can have; it says which there are.
 */
#ifndef STAPLEGUARD_REVIEW_FILTER_H
#define STAPLEGUARD_REVIEW_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/review_scan.h"
#include "words/event.h"

#define REVIEW_CERTS_MAX 64u

/* All zero: everything. */
struct review_filter {
    char since[REVIEW_TIME_LEN + 1];     /* as records have it; "": from the beginning */
    char until[REVIEW_TIME_LEN + 1];     /* not any more at that time; "": to the end */
    const char *certs[REVIEW_CERTS_MAX]; /* borrowed */
    size_t cert_count;
    bool has_events;
    bool events[EVENT_COUNT];
    unsigned processes;     /* bits of enum party; 0: all */
    enum severity severity; /* and those that are worse */
};

/*
 * Add what an option names.  False: error (cap bytes) says what is wrong and what there is.
 * event: a whole name ("fetch.failed") or what stands before its dot ("fetch", "fetch.").
 */
bool review_filter_event(struct review_filter *filter, const char *name, char *error, size_t cap);
bool review_filter_process(struct review_filter *filter, const char *name, char *error, size_t cap);
bool review_filter_severity(struct review_filter *filter, const char *name, char *error, size_t cap);
bool review_filter_cert(struct review_filter *filter, const char *name, char *error, size_t cap);

/* Does it ask for more than a time? */
bool review_filter_is_choosy(const struct review_filter *filter);

/* By its time alone; by everything else alone. */
bool review_filter_has_time(const struct review_filter *filter, const struct review_value *time);
bool review_filter_has_rest(const struct review_filter *filter, const struct review_record *record);

/* Which of the filter's certificates is it about?  cert_count: none of them. */
size_t review_filter_cert_of(const struct review_filter *filter, const struct review_record *record);

/* Which of them is it?  EVENT_COUNT: one of a later version. */
enum event review_event_of(const struct review_value *value);

/* The candidate that is most like `name`, when one is so like it that it may be meant; else NULL. */
const char *review_most_like(const char *name, const char *const *candidates, size_t count);

#endif
