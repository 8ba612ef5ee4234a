/* SPDX-License-Identifier: ISC */
#include "audit/review_story.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/review_filter.h"
#include "audit/review_when.h"
#include "words/event.h"
#include "words/reason.h"

/*
 * {member} stands for a member's value; {why} for the sentence of its reason; {took} for duration_ms, {end} for status.  A part in
 * [ ] is left out when a member of it is not there.
 */
static const char *const stories[EVENT_COUNT] = {
    [EVENT_SERVICE_START] = "stapleguard[ {detail}] starts[ as process {pid}]",
    [EVENT_SERVICE_STOP] = "stapleguard stops[ {end}]",
    [EVENT_SERVICE_RELOAD] = "the configuration and all certificates were read again[: {detail}]",
    [EVENT_SERVICE_RELOAD_FAILED] = "the configuration could not be read again, so it goes on with the one before[: {detail}]",
    [EVENT_PROCESS_START] = "the {process} starts[ as process {pid}]",
    [EVENT_PROCESS_EXIT] = "the {process} ended[ {end}]",
    [EVENT_SANDBOX_VIOLATION]
    = "the {process}[ ({detail})] was ended by its sandbox: it made a system call that it must not make; the "
      "kernel's log names it (type=1326)",
    [EVENT_PROTOCOL_VIOLATION]
    = "a message that the protocol does not allow, from or to the {process}[: {detail}]; that channel was closed",
    [EVENT_AUDIT_GAP] = "there is a gap in this log[: {detail}]",
    [EVENT_AUDIT_MOVED] = "this log was moved[: {detail}]",
    [EVENT_AUDIT_SEAL_ON] = "records are sealed from here on[: {detail}]",
    [EVENT_AUDIT_SEAL_OFF] = "records are not sealed any more from here on[: {detail}]",
    [EVENT_AUDIT_SEAL_FAILED] = "records cannot be sealed as they should be[: {detail}]",
    [EVENT_AUDIT_THROTTLED] = "the {process} reports too much[: {detail}]",
    [EVENT_CERT_ADDED] = "looked after from now on[, as far as there is something to do: {why}][ ({detail})]",
    [EVENT_CERT_CHANGED]
    = "its file changed, and what is in it now is looked after[, as far as there is something to do: {why}][ "
      "({detail})]",
    [EVENT_CERT_REFUSED] = "cannot be used[: {why}][ ({detail})]; looked at again when its file changes",
    [EVENT_CERT_DROPPED] = "not looked after any more[: {detail}]",
    [EVENT_CERT_RESUMED] = "taken up again[: {detail}][ (it had been withdrawn: {why})]",
    [EVENT_CERT_WITHDRAWN]
    = "its staple was taken away[: {why}][ ({detail})]; not asked for again until its file changes, or by: "
      "stapleguard resume",
    [EVENT_FETCH_FAILED]
    = "no response could be had[ from {responder}][: {why}][ (HTTP status {http_status})][; {detail}][; after "
      "{took}]; asked again later, the staple that is held stays",
    [EVENT_RESPONSE_REJECTED]
    = "the answer[ of {responder}] was rejected[: {why}][; {detail}]; asked again later, the staple that is "
      "held stays",
    [EVENT_OFFER_REFUSED] = "the writer refused what the fetcher offered[: {why}][; {detail}]; the staple that is held stays",
    [EVENT_STAPLE_STORED]
    = "a fresh response is held[, valid until {next_update}][; Apache may serve it until {expiry}][ ({detail})]",
    [EVENT_STAPLE_EXTENDED] = "Apache serves the staple that it has on[, until {expiry}][: {detail}]",
    [EVENT_STORE_SET_ASIDE] = "the store was damaged and was set aside[: {detail}]; it is filled anew from the network",
    [EVENT_STORE_FAILED] = "the store cannot be written[: {detail}]; the staples that Apache has stay",
    [EVENT_STORE_RECORD_DROPPED] = "a damaged record was dropped from the store[: {detail}]",
    [EVENT_DBM_COMMITTED] = "Apache's cache was written[: {count} entries][, {bytes} bytes][, in {took}][; {detail}]",
    [EVENT_DBM_FAILED] = "Apache's cache could not be written[: {why}][; {detail}]",
    [EVENT_DBM_FOREIGN_DROPPED]
    = "what others had put into Apache's cache was not all carried over[: {why}][; {count}:][ {detail}]",
    [EVENT_DBM_GUARD_LEFT_OUT] = "Apache's cache was written without its scan guard[: {detail}]",
    [EVENT_DBM_LOCK_TIMEOUT] = "Apache did not give its ssl-stapling lock away[ for {detail}]; its cache was written without it",
    [EVENT_DBM_REPAIRED] = "Apache's cache was put right[, entries: {count}][; {detail}]",
    [EVENT_SHIELD_UP] = "the shield is up[: {detail}]",
    [EVENT_SHIELD_DOWN] = "the shield is down[: {detail}]",
    [EVENT_APACHE_FOUND] = "Apache runs[ as process {pid}][; {detail}]",
    [EVENT_APACHE_ENDED] = "Apache's process[ {pid}] has ended",
    [EVENT_APACHE_RESTART_SEEN] = "Apache was restarted[; {detail}]",
    [EVENT_APACHE_RESTARTED] = "that restart was asked for here[; {detail}]",
    [EVENT_APACHE_CONFIGTEST_FAILED] = "Apache was not restarted, its own configuration is broken[: {detail}]",
    [EVENT_DISCOVERY_FAILED] = "Apache does not tell its certificates[: {detail}]; it goes on with those that it told before",
    [EVENT_CLOCK_WRONG] = "this machine's clock is wrong[: {detail}]; nothing is judged until it is set",
};

static const char later_story[] = "{event}[: {why}][; {detail}]";

struct story {
    const struct review_record *record;
    char *out;
    size_t len;
};

static void put(struct story *story, const char *text, size_t len)
{
    size_t room = REVIEW_STORY_MAX - story->len;

    len = len < room ? len : room;
    memcpy(story->out + story->len, text, len);
    story->len += len;
}

static bool put_why(struct story *story)
{
    const struct review_value *reason = &story->record->values[REVIEW_REASON];

    if (reason->at == NULL)
        return false;
    for (size_t i = 0; i < REASON_COUNT; i++)
        if (review_value_is(reason, reason_word((enum reason)i))) {
            put(story, reason_sentence((enum reason)i), strlen(reason_sentence((enum reason)i)));
            return true;
        }
    put(story, reason->at, reason->len);
    return true;
}

static bool put_took(struct story *story)
{
    const struct review_value *value = &story->record->values[REVIEW_DURATION_MS];
    int64_t msec = review_value_number(value);
    char text[40];

    if (value->at == NULL)
        return false;
    if (msec < 1000)
        snprintf(text, sizeof text, "%" PRId64 " ms", msec);
    else
        snprintf(text, sizeof text, "%" PRId64 ".%" PRId64 " s", msec / 1000, msec % 1000 / 100);
    put(story, text, strlen(text));
    return true;
}

/* An exit status, or minus the number of a signal. */
static bool put_end(struct story *story)
{
    const struct review_value *value = &story->record->values[REVIEW_STATUS];
    int64_t status = review_value_number(value);
    const char *name = status < 0 && status > -65 ? sigabbrev_np((int)-status) : NULL;
    char text[60];

    if (value->at == NULL)
        return false;
    if (status >= 0)
        snprintf(text, sizeof text, "with code %" PRId64, status);
    else if (name != NULL)
        snprintf(text, sizeof text, "by signal SIG%s", name);
    else
        snprintf(text, sizeof text, "by signal %" PRIu64, 0 - (uint64_t)status);
    put(story, text, strlen(text));
    return true;
}

static bool put_value(struct story *story, enum review_member member)
{
    const struct review_value *value = &story->record->values[member];
    char text[URL_MAX + 1];
    int64_t sec;

    if (value->at == NULL)
        return false;
    sec = member == REVIEW_NEXT_UPDATE || member == REVIEW_THIS_UPDATE || member == REVIEW_EXPIRY ? review_value_sec(value) : -1;
    if (sec >= 0)
        review_when_local(sec, text);
    else
        review_value_copy(value, text, sizeof text);
    put(story, text, strlen(text));
    return true;
}

static bool put_named(struct story *story, const char *name, size_t len)
{
    static const struct {
        const char *name;
        bool (*put)(struct story *story);
    } words[] = {{"why", put_why}, {"took", put_took}, {"end", put_end}};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i].name) == len && memcmp(words[i].name, name, len) == 0)
            return words[i].put(story);
    for (size_t i = 0; i < REVIEW_MEMBER_COUNT; i++)
        if (strlen(review_member_name((enum review_member)i)) == len
            && memcmp(review_member_name((enum review_member)i), name, len) == 0)
            return put_value(story, (enum review_member)i);
    return false;
}

size_t review_story(const struct review_record *record, char out[REVIEW_STORY_MAX + 1])
{
    struct story story = {.record = record, .out = out};
    enum event event = review_event_of(&record->values[REVIEW_EVENT]);
    const char *at = event == EVENT_COUNT || stories[event] == NULL ? later_story : stories[event];
    size_t part = 0; /* where the part in [ ] began */
    bool is_whole = true;

    while (*at != '\0') {
        size_t plain = strcspn(at, "[]{");

        put(&story, at, plain);
        at += plain;
        if (*at == '[') {
            part = story.len;
            is_whole = true;
            at++;
        } else if (*at == ']') {
            story.len = is_whole ? story.len : part;
            at++;
        } else if (*at == '{') {
            size_t len = strcspn(++at, "}");

            is_whole = put_named(&story, at, len) && is_whole;
            at += len + 1;
        }
    }
    out[story.len] = '\0';
    return story.len;
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
