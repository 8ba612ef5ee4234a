/* SPDX-License-Identifier: ISC */
#include "audit/review_summary.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "audit/review_filter.h"
#include "audit/review_when.h"
#include "words/event.h"

struct review_summary {
    int64_t since;
    int64_t until;
    struct review_totals totals;
    uint64_t commit_no;      /* how many dbm.committed there were, */
    uint64_t commits_before; /* and how many of them before the period */
    void *by_name;           /* tsearch(3), of struct review_cert */
    size_t cert_count;
    const struct review_cert **sorted;
    size_t sorted_count;
};

struct review_summary *review_summary_new(int64_t since_usec, int64_t until_usec)
{
    struct review_summary *summary = calloc(1, sizeof *summary);

    if (summary != NULL) {
        summary->since = since_usec;
        summary->until = until_usec;
    }
    return summary;
}

static int compare_names(const void *a, const void *b)
{
    const struct review_cert *left = a;
    const struct review_cert *right = b;

    return strcmp(left->name, right->name);
}

/* The certificate of the record; a new one when it was not named before.  NULL: memory ends. */
static struct review_cert *find_cert(struct review_summary *summary, const struct review_value *name)
{
    struct review_cert key;
    struct review_cert *made;
    struct review_cert **found;

    review_value_copy(name, key.name, sizeof key.name);
    found = tfind(&key, &summary->by_name, compare_names);
    if (found != NULL)
        return *found;
    made = calloc(1, sizeof *made);
    if (made == NULL)
        return NULL;
    memcpy(made->name, key.name, sizeof made->name);
    if (tsearch(made, &summary->by_name, compare_names) == NULL) {
        free(made);
        return NULL;
    }
    summary->cert_count++;
    return made;
}

/* It is without a fresh staple from `from` until `to`: as far as that lies in the period. */
static void note_bare(const struct review_summary *summary, struct review_cert *cert, int64_t from, int64_t to)
{
    from = from < summary->since ? summary->since : from;
    to = to > summary->until ? summary->until : to;
    if (to <= from)
        return;
    cert->is_in_period = true;
    if (to - from > cert->bare_usec) {
        cert->bare_usec = to - from;
        cert->bare_from = from;
    }
}

/* Count the time that it was without one until now. */
static void close_bare(const struct review_summary *summary, struct review_cert *cert, int64_t now)
{
    int64_t from = cert->fresh_until != 0 ? cert->fresh_until : cert->bare_since;

    if (cert->wants_staple)
        note_bare(summary, cert, from, now);
}

/* From now on it has none. */
static void take_staple(const struct review_summary *summary, struct review_cert *cert, int64_t now)
{
    if (!cert->wants_staple || (cert->fresh_until != 0 && cert->fresh_until > now)) {
        cert->fresh_until = 0;
        cert->bare_since = now;
    } else {
        close_bare(summary, cert, now);
    }
}

static void give_staple(
    const struct review_summary *summary, struct review_cert *cert, const struct review_record *record, int64_t now)
{
    int64_t expiry = review_value_sec(&record->values[REVIEW_EXPIRY]);

    close_bare(summary, cert, now);
    cert->wants_staple = true;
    cert->fresh_until = expiry < 0 ? now : expiry * REVIEW_USEC_PER_SEC;
}

/* What happens to it, whether in the period or before. */
static void follow(const struct review_summary *summary, struct review_cert *cert, enum event event,
    const struct review_record *record, int64_t now)
{
    switch (event) {
    case EVENT_STAPLE_STORED:
        give_staple(summary, cert, record, now);
        cert->is_uncommitted = true;
        cert->commit_no = summary->commit_no;
        break;
    case EVENT_STAPLE_EXTENDED:
        give_staple(summary, cert, record, now);
        break;
    case EVENT_CERT_ADDED:
    case EVENT_CERT_CHANGED:
        take_staple(summary, cert, now);
        if (record->values[REVIEW_REASON].at != NULL)
            close_bare(summary, cert, now);
        /* A reason says why nothing can be stapled for it: no-ocsp, cert-expired. */
        cert->wants_staple = record->values[REVIEW_REASON].at == NULL;
        break;
    case EVENT_CERT_WITHDRAWN:
        take_staple(summary, cert, now);
        break;
    case EVENT_CERT_DROPPED:
    case EVENT_CERT_REFUSED:
        close_bare(summary, cert, now);
        cert->wants_staple = false;
        break;
    default:
        break;
    }
}

static void count_cert(struct review_cert *cert, enum event event)
{
    cert->is_in_period = true;
    if (event == EVENT_STAPLE_STORED)
        cert->fetched++;
    if (event == EVENT_FETCH_FAILED || event == EVENT_RESPONSE_REJECTED || event == EVENT_OFFER_REFUSED)
        cert->failed++;
}

static void count_away(struct review_totals *totals, const struct review_record *record)
{
    int64_t msec = review_value_number(&record->values[REVIEW_DURATION_MS]);

    totals->restarts_seen++;
    if (msec > totals->longest_away_msec)
        totals->longest_away_msec = msec;
}

static void count(struct review_totals *totals, enum event event, const struct review_record *record, int64_t now)
{
    totals->records++;
    totals->first_usec = totals->first_usec == 0 ? now : totals->first_usec;
    totals->last_usec = now;
    if (event == EVENT_COUNT)
        return;
    totals->warnings += event_severity(event) == SEVERITY_WARNING ? 1 : 0;
    totals->errors += event_severity(event) == SEVERITY_ERROR ? 1 : 0;
    totals->starts += event == EVENT_SERVICE_START ? 1 : 0;
    totals->violations += event == EVENT_SANDBOX_VIOLATION || event == EVENT_PROTOCOL_VIOLATION ? 1 : 0;
    totals->gaps += event == EVENT_AUDIT_GAP ? 1 : 0;
    totals->restarts_asked += event == EVENT_APACHE_RESTARTED ? 1 : 0;
    totals->commits += event == EVENT_DBM_COMMITTED ? 1 : 0;
    totals->commits_failed += event == EVENT_DBM_FAILED ? 1 : 0;
    if (event == EVENT_APACHE_RESTART_SEEN)
        count_away(totals, record);
}

/* The first commit after its last staple.stored carried that. */
static void settle_commit(const struct review_summary *summary, struct review_cert *cert)
{
    if (!cert->is_uncommitted || cert->commit_no == summary->commit_no)
        return;
    cert->is_uncommitted = false;
    cert->commits += cert->commit_no >= summary->commits_before ? 1 : 0;
}

bool review_summary_add(struct review_summary *summary, const struct review_record *record)
{
    int64_t now = review_value_usec(&record->values[REVIEW_TIME]);
    enum event event = review_event_of(&record->values[REVIEW_EVENT]);
    bool is_in_period = now >= summary->since && now < summary->until;
    struct review_cert *cert;

    if (now >= summary->until)
        return true;
    if (is_in_period)
        count(&summary->totals, event, record, now);
    if (event == EVENT_DBM_COMMITTED) {
        summary->commit_no++;
        summary->commits_before += is_in_period ? 0 : 1;
    }
    if (record->values[REVIEW_CERT].at == NULL)
        return true;
    cert = find_cert(summary, &record->values[REVIEW_CERT]);
    if (cert == NULL)
        return false;
    settle_commit(summary, cert);
    if (is_in_period)
        count_cert(cert, event);
    follow(summary, cert, event, record, now);
    return true;
}

void review_summary_add_unreadable(struct review_summary *summary)
{
    summary->totals.unreadable++;
}

const struct review_totals *review_summary_totals(const struct review_summary *summary)
{
    return &summary->totals;
}

static void collect(const void *node, VISIT visit, void *context)
{
    struct review_summary *summary = context;
    struct review_cert *cert;

    if (visit != postorder && visit != leaf)
        return;
    cert = *(struct review_cert *const *)node;
    settle_commit(summary, cert);
    close_bare(summary, cert, summary->until);
    cert->is_bare = cert->wants_staple && cert->fresh_until < summary->until;
    if (cert->is_in_period)
        summary->sorted[summary->sorted_count++] = cert;
}

static int compare_trouble(const void *a, const void *b)
{
    const struct review_cert *left = *(const struct review_cert *const *)a;
    const struct review_cert *right = *(const struct review_cert *const *)b;

    if (left->bare_usec != right->bare_usec)
        return left->bare_usec > right->bare_usec ? -1 : 1;
    return strcmp(left->name, right->name);
}

size_t review_summary_end(struct review_summary *summary, const struct review_cert *const **certs)
{
    free(summary->sorted);
    summary->sorted_count = 0;
    summary->sorted = calloc(summary->cert_count + 1, sizeof *summary->sorted);
    if (summary->sorted != NULL) {
        twalk_r(summary->by_name, collect, summary);
        qsort(summary->sorted, summary->sorted_count, sizeof *summary->sorted, compare_trouble);
    }
    *certs = summary->sorted;
    return summary->sorted_count;
}

void review_summary_free(struct review_summary *summary)
{
    if (summary == NULL)
        return;
    tdestroy(summary->by_name, free);
    free(summary->sorted);
    free(summary);
}
