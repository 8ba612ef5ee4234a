/* SPDX-License-Identifier: ISC */
#include "audit/review_filter.h"

#include <stdio.h>
#include <string.h>

#include "bounds.h"

static const enum party parties[] = {PARTY_SUPERVISOR, PARTY_FETCHER, PARTY_WRITER};
static const char *const severities[] = {"info", "warning", "error"};

#define PARTY_COUNT (sizeof parties / sizeof parties[0])
#define SEVERITY_COUNT (sizeof severities / sizeof severities[0])

/* Levenshtein's distance, of the first CERT_NAME_MAX bytes of each. */
static size_t distance(const char *a, const char *b)
{
    size_t row[CERT_NAME_MAX + 1];
    size_t a_len = strnlen(a, CERT_NAME_MAX);
    size_t b_len = strnlen(b, CERT_NAME_MAX);

    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            size_t shorter = row[j] < row[j - 1] ? row[j] : row[j - 1];

            diagonal = row[j];
            row[j] = changed < shorter + 1 ? changed : shorter + 1;
        }
    }
    return row[b_len];
}

const char *review_most_like(const char *name, const char *const *candidates, size_t count)
{
    /* A third of its letters may be wrong, and two in any case. */
    size_t best = strlen(name) / 3 < 2 ? 2 : strlen(name) / 3;
    const char *found = NULL;

    for (size_t i = 0; i < count; i++) {
        size_t here = distance(name, candidates[i]);

        if (here < best || (here == best && found == NULL)) {
            best = here;
            found = candidates[i];
        }
    }
    return found;
}

/* "there is no event "x"; did you mean "y"?  There are: …" */
static bool say_unknown(const char *kind, const char *name, const char *const *candidates, size_t count, char *error, size_t cap)
{
    const char *like = review_most_like(name, candidates, count);
    size_t len = (size_t)snprintf(error, cap, "there is no %s \"%.100s\"; %s%s%sthere are: ", kind, name,
        like != NULL ? "did you mean " : "", like != NULL ? like : "", like != NULL ? "?  " : "");

    for (size_t i = 0; i < count && len < cap; i++)
        len += (size_t)snprintf(error + len, cap - len, "%s%s", i == 0 ? "" : ", ", candidates[i]);
    return false;
}

bool review_filter_event(struct review_filter *filter, const char *name, char *error, size_t cap)
{
    const char *names[EVENT_COUNT];
    size_t len = strcspn(name, ".");
    bool is_family = name[len] == '\0' || name[len + 1] == '\0';
    bool is_found = false;

    for (size_t i = 0; i < EVENT_COUNT; i++) {
        names[i] = event_name((enum event)i);
        if (strcmp(names[i], name) == 0 || (is_family && len > 0 && strncmp(names[i], name, len) == 0 && names[i][len] == '.'))
            filter->events[i] = filter->has_events = is_found = true;
    }
    return is_found || say_unknown("event", name, names, EVENT_COUNT, error, cap);
}

bool review_filter_process(struct review_filter *filter, const char *name, char *error, size_t cap)
{
    const char *names[PARTY_COUNT];

    for (size_t i = 0; i < PARTY_COUNT; i++) {
        names[i] = party_name(parties[i]);
        if (strcmp(names[i], name) == 0) {
            filter->processes |= (unsigned)parties[i];
            return true;
        }
    }
    return say_unknown("process", name, names, PARTY_COUNT, error, cap);
}

bool review_filter_severity(struct review_filter *filter, const char *name, char *error, size_t cap)
{
    for (size_t i = 0; i < SEVERITY_COUNT; i++)
        if (strcmp(severities[i], name) == 0) {
            filter->severity = (enum severity)i;
            return true;
        }
    return say_unknown("severity", name, severities, SEVERITY_COUNT, error, cap);
}

bool review_filter_cert(struct review_filter *filter, const char *name, char *error, size_t cap)
{
    if (filter->cert_count == REVIEW_CERTS_MAX || name[0] == '\0') {
        snprintf(error, cap, name[0] == '\0' ? "a certificate's name is not empty" : "more than %u certificates are named",
            REVIEW_CERTS_MAX);
        return false;
    }
    filter->certs[filter->cert_count++] = name;
    return true;
}

bool review_filter_is_choosy(const struct review_filter *filter)
{
    return filter->cert_count > 0 || filter->has_events || filter->processes != 0 || filter->severity != SEVERITY_INFO;
}

bool review_filter_has_time(const struct review_filter *filter, const struct review_value *time)
{
    return (filter->since[0] == '\0' || memcmp(time->at, filter->since, REVIEW_TIME_LEN) >= 0)
        && (filter->until[0] == '\0' || memcmp(time->at, filter->until, REVIEW_TIME_LEN) < 0);
}

enum event review_event_of(const struct review_value *value)
{
    size_t i = 0;

    while (i < EVENT_COUNT && !review_value_is(value, event_name((enum event)i)))
        i++;
    return (enum event)i;
}

size_t review_filter_cert_of(const struct review_filter *filter, const struct review_record *record)
{
    char name[CERT_NAME_MAX + 1];
    size_t i = 0;

    if (record->values[REVIEW_CERT].at == NULL)
        return filter->cert_count;
    review_value_copy(&record->values[REVIEW_CERT], name, sizeof name);
    while (i < filter->cert_count && strcmp(filter->certs[i], name) != 0)
        i++;
    return i;
}

static bool has_process(const struct review_filter *filter, const struct review_value *process)
{
    for (size_t i = 0; i < PARTY_COUNT; i++)
        if ((filter->processes & (unsigned)parties[i]) != 0 && review_value_is(process, party_name(parties[i])))
            return true;
    return false;
}

static bool has_event(const struct review_filter *filter, const struct review_value *value)
{
    enum event event = review_event_of(value);

    if (event == EVENT_COUNT)
        return !filter->has_events && filter->severity == SEVERITY_INFO;
    return (!filter->has_events || filter->events[event]) && event_severity(event) >= filter->severity;
}

bool review_filter_has_rest(const struct review_filter *filter, const struct review_record *record)
{
    if (filter->cert_count > 0 && review_filter_cert_of(filter, record) == filter->cert_count)
        return false;
    if (filter->processes != 0 && !has_process(filter, &record->values[REVIEW_PROCESS]))
        return false;
    return (!filter->has_events && filter->severity == SEVERITY_INFO) || has_event(filter, &record->values[REVIEW_EVENT]);
}
