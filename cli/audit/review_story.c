/* SPDX-License-Identifier: ISC */
#include "audit/review_story.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "audit/review_filter.h"
#include "words/event.h"
#include "words/reason.h"

/* The texts that fields_of lends to its fields. */
struct texts {
    char responder[URL_MAX + 1];
    char detail[DETAIL_MAX + 1];
};

static int64_t number_of(const struct review_record *record, enum review_member member, int64_t max)
{
    int64_t number = review_value_number(&record->values[member]);

    return number < -max ? -max : number > max ? max : number;
}

static uint32_t count_of(const struct review_record *record, enum review_member member)
{
    int64_t number = number_of(record, member, UINT32_MAX);

    return number < 0 ? 0 : (uint32_t)number;
}

static int64_t time_of(const struct review_record *record, enum review_member member)
{
    int64_t sec = review_value_sec(&record->values[member]);

    return sec < 0 ? 0 : sec;
}

/* 0: one of a later version. */
static enum party party_of(const struct review_value *value)
{
    static const enum party parties[] = {PARTY_SUPERVISOR, PARTY_FETCHER, PARTY_WRITER};

    for (size_t i = 0; i < sizeof parties / sizeof parties[0]; i++)
        if (review_value_is(value, party_name(parties[i])))
            return parties[i];
    return (enum party)0;
}

/* REASON_NONE: there is none, or it is one of a later version. */
static enum reason reason_of(const struct review_value *value)
{
    for (size_t i = 0; i < REASON_COUNT; i++)
        if (review_value_is(value, reason_word((enum reason)i)))
            return (enum reason)i;
    return REASON_NONE;
}

/* The members that a sentence may have. */
static struct audit_fields fields_of(const struct review_record *record, struct texts *texts)
{
    review_value_copy(&record->values[REVIEW_RESPONDER], texts->responder, sizeof texts->responder);
    review_value_copy(&record->values[REVIEW_DETAIL], texts->detail, sizeof texts->detail);
    return (struct audit_fields){
        .event = review_event_of(&record->values[REVIEW_EVENT]),
        .process = party_of(&record->values[REVIEW_PROCESS]),
        .responder = texts->responder,
        .next_update = time_of(record, REVIEW_NEXT_UPDATE),
        .expiry = time_of(record, REVIEW_EXPIRY),
        .reason = reason_of(&record->values[REVIEW_REASON]),
        .detail = texts->detail,
        .bytes = count_of(record, REVIEW_BYTES),
        .count = count_of(record, REVIEW_COUNT),
        .duration_msec = count_of(record, REVIEW_DURATION_MS),
        .http_status = (uint16_t)number_of(record, REVIEW_HTTP_STATUS, UINT16_MAX),
        .pid = (int32_t)number_of(record, REVIEW_PID, INT32_MAX),
        .has_status = record->values[REVIEW_STATUS].at != NULL,
        .status = (int32_t)number_of(record, REVIEW_STATUS, INT32_MAX),
    };
}

static size_t put_raw(const struct review_value *value, const char *before, const char *behind, char *out, size_t len)
{
    char text[DETAIL_MAX + 1];

    if (value->at == NULL || review_value_copy(value, text, sizeof text) == 0)
        return len;
    return len + (size_t)snprintf(out + len, AUDIT_SENTENCE_MAX + 1 - len, "%s%s%s", before, text, behind);
}

size_t review_story(const struct review_record *record, char out[AUDIT_SENTENCE_MAX + 1])
{
    const struct review_value *reason = &record->values[REVIEW_REASON];
    struct texts texts;
    struct audit_fields fields = fields_of(record, &texts);
    size_t len = 0;

    if (fields.event == EVENT_COUNT || fields.process == 0) {
        len = put_raw(&record->values[REVIEW_EVENT], "", "", out, len);
        len = put_raw(reason, ": ", "", out, len);
        return put_raw(&record->values[REVIEW_DETAIL], "; ", "", out, len);
    }
    len = audit_sentence(&fields, out);
    return fields.reason == REASON_NONE && len + DETAIL_MAX < AUDIT_SENTENCE_MAX ? put_raw(reason, " (", ")", out, len) : len;
}

void review_about(const struct review_record *record, char *out, size_t cap)
{
    /* What stands before the dot of an event, in words. */
    static const struct {
        const char *family;
        const char *about;
    } rows[] = {{"service", "(service)"}, {"process", "(service)"}, {"sandbox", "(service)"}, {"protocol", "(service)"},
        {"audit", "(audit log)"}, {"dbm", "(cache)"}, {"shield", "(cache)"}, {"apache", "(apache)"}, {"store", "(store)"},
        {"clock", "(clock)"}};
    const struct review_value *event = &record->values[REVIEW_EVENT];

    if (record->values[REVIEW_CERT].at != NULL) {
        review_value_copy(&record->values[REVIEW_CERT], out, cap);
        return;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (event->len > strlen(rows[i].family) && event->at[strlen(rows[i].family)] == '.'
            && memcmp(event->at, rows[i].family, strlen(rows[i].family)) == 0) {
            snprintf(out, cap, "%s", rows[i].about);
            return;
        }
    snprintf(out, cap, "(%.*s)", (int)record->values[REVIEW_PROCESS].len, record->values[REVIEW_PROCESS].at);
}
