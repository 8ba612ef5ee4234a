/* SPDX-License-Identifier: ISC */
/*
 * Owns: a period in numbers: what became of each certificate, and what happened to Apache, its cache and the service.
 * Runs in: command line.
 * Never: keeps a record; memory grows with the number of certificates alone.
 *
 * A certificate is without a fresh staple from when it is added, its file changes or its staple is taken away, and from the
 * expiry that Apache was told (staple.stored, staple.extended), until the next staple.stored; not when there is nothing to
 * staple for it, nor after it was dropped.  Records before the period tell how things stood when it began.
 */
#ifndef STAPLEGUARD_REVIEW_SUMMARY_H
#define STAPLEGUARD_REVIEW_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/review_scan.h"
#include "bounds.h"

struct review_cert {
    char name[CERT_NAME_MAX + 1];
    uint64_t fetched;  /* staple.stored */
    uint64_t failed;   /* fetch.failed, response.rejected, offer.refused */
    uint64_t commits;  /* dbm.committed after one or more staple.stored of it */
    int64_t bare_usec; /* the longest time without a fresh staple */
    int64_t bare_from; /* and when it began; microseconds since 1970 */
    bool is_bare;      /* at the end of the period */
    /* how it stands */
    bool wants_staple;
    bool is_uncommitted;
    bool is_in_period;   /* a record of the period names it, or it is without a staple then */
    uint64_t commit_no;  /* of the last staple.stored: how many dbm.committed there had been */
    int64_t fresh_until; /* 0: it has none, since bare_since */
    int64_t bare_since;
};

struct review_totals {
    uint64_t records;
    uint64_t unreadable; /* lines that are no records */
    uint64_t warnings;
    uint64_t errors;
    uint64_t starts;     /* service.start */
    uint64_t violations; /* sandbox.violation, protocol.violation */
    uint64_t gaps;       /* audit.gap */
    uint64_t restarts_seen;
    uint64_t restarts_asked;
    int64_t longest_away_msec; /* of Apache's cache, at a restart */
    uint64_t commits;
    uint64_t commits_failed;
    int64_t first_usec; /* of the first and last record of the period; 0: there is none */
    int64_t last_usec;
};

struct review_summary;

/* since, until: microseconds since 1970; since may be 0.  NULL: no memory. */
struct review_summary *review_summary_new(int64_t since_usec, int64_t until_usec);

/* Records in the order of the log.  False: memory ends. */
bool review_summary_add(struct review_summary *summary, const struct review_record *record);
void review_summary_add_unreadable(struct review_summary *summary);

/* After the last: *certs is sorted, those longest without a fresh staple first; borrowed, count is returned. */
size_t review_summary_end(struct review_summary *summary, const struct review_cert *const **certs);
const struct review_totals *review_summary_totals(const struct review_summary *summary);

void review_summary_free(struct review_summary *summary);

#endif
