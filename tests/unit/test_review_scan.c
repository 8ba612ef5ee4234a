/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of cli/audit/review_scan.c, review_filter.c and review_story.c: one line, taken apart, chosen and told.
 * Runs in: the build.
 * Never: asks a clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit/audit_record.h"
#include "audit/review_filter.h"
#include "audit/review_scan.h"
#include "audit/review_story.h"
#include "text/text.h"

#define HASH "0000000000000000000000000000000000000000000000000000000000000000"
#define START "{\"seq\":1,\"time\":\"2026-11-23T17:34:13.000042Z\",\"process\":\"writer\",\"event\":\"staple.stored\""
#define END ",\"prev\":\"" HASH "\",\"hash\":\"" HASH "\"}"

static bool scan(const char *line, struct review_record *record)
{
    return review_scan(line, strlen(line), record);
}

static const uint8_t octets[32] = {1, 2, 3};

static size_t format(const struct audit_fields *fields, char *line)
{
    struct audit_chain chain = {0};

    return audit_record_format(fields, INT64_C(1795455253000042), &chain, NULL, line);
}

static void takes_each_member_of_a_record(void **state)
{
    static const char *const values[] = {"1", "2026-11-23T17:34:13.000042Z", "writer", "staple.stored", "shop \\\"x\\\" \\\\",
        "0102030000000000000000000000000000000000000000000000000000000000", "010203", "http://ocsp.example/",
        "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z", "2026-11-28T18:00:00Z", "short-ttl", "a detail", "1301", "7",
        "4294967295", "503", "2147483647", "-31"};
    const struct audit_fields fields = {.event = EVENT_STAPLE_STORED,
        .process = PARTY_WRITER,
        .cert = "shop \"x\" \\",
        .sha256 = octets,
        .serial = octets,
        .serial_len = 3,
        .responder = "http://ocsp.example/",
        .this_update = 1795392000,
        .next_update = 1795996800,
        .expiry = 1795888800,
        .reason = REASON_SHORT_TTL,
        .detail = "a detail",
        .bytes = 1301,
        .count = 7,
        .duration_msec = UINT32_MAX,
        .http_status = 503,
        .pid = INT32_MAX,
        .has_status = true,
        .status = -31};
    struct review_record record;
    char line[AUDIT_LINE_MAX + 1];
    char text[64];

    (void)state;
    format(&fields, line);
    assert_true(scan(line, &record));
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        if (!review_value_is(&record.values[i], values[i]))
            fail_msg("%s is %.*s", review_member_name((enum review_member)i), (int)record.values[i].len, record.values[i].at);
    }
    assert_null(record.values[REVIEW_SEAL].at);
    assert_int_equal(review_value_copy(&record.values[REVIEW_CERT], text, sizeof text), strlen("shop \"x\" \\"));
    assert_string_equal(text, "shop \"x\" \\");
    assert_int_equal(review_value_number(&record.values[REVIEW_STATUS]), -31);
    assert_int_equal(review_value_number(&record.values[REVIEW_DURATION_MS]), UINT32_MAX);
    assert_int_equal(review_value_usec(&record.values[REVIEW_TIME]), INT64_C(1795455253000042));
    assert_int_equal(review_value_sec(&record.values[REVIEW_EXPIRY]), 1795888800);
    assert_int_equal(review_value_sec(&record.values[REVIEW_SEAL]), -1);
    assert_int_equal(review_value_number(&record.values[REVIEW_SEAL]), 0);
}

static void a_copy_is_cut_between_characters(void **state)
{
    struct review_record record;
    char text[6];

    (void)state;
    assert_true(scan(START ",\"cert\":\"abc\xc3\xbc\xc3\xbc\"" END, &record));
    for (size_t cap = 1; cap <= sizeof text; cap++) {
        size_t len = review_value_copy(&record.values[REVIEW_CERT], text, cap);

        assert_int_equal(len, cap - 1 < 4 ? cap - 1 : cap - 1 == 4 ? 3 : 5);
        assert_true(text_is_clean(text, len));
        assert_int_equal(text[len], '\0');
    }
}

static void takes_what_a_later_version_may_add(void **state)
{
    struct review_record record;

    (void)state;
    assert_true(scan(START ",\"colour\":\"red\",\"cert\":\"a\",\"depth\":7" END, &record));
    assert_true(review_value_is(&record.values[REVIEW_CERT], "a"));
}

static void refuses_what_is_no_record(void **state)
{
    static const char *const lines[] = {
        "",
        "{",
        "{}",
        "x",
        "{\"seq\":1}",
        START,
        START END "x",
        START END " ",
        " " START END,
        START "," END,
        START ",\"cert\":\"a\",\"cert\":\"b\"" END,
        START ",\"detail\":\"a\",\"cert\":\"b\"" END, /* not our order */
        START ",\"cert\":7" END,
        START ",\"bytes\":\"7\"" END, /* not our kind */
        START ",\"bytes\":07" END,
        START ",\"bytes\":-" END,
        START ",\"bytes\":1.5" END,
        START ",\"bytes\":1e5" END,
        START ",\"bytes\":" END,
        START ",\"bytes\":123456789012345678901" END,
        START ",\"cert\":\"\\u001b[2J\"" END,
        START ",\"cert\":\"a\\n\"" END,
        START ",\"cert\":\"\\\"" END,
        START ",\"cert\":\"a" END,
        START ",\"cert\":\"\x1b[2J\"" END,
        START ",\"cert\":\"\xff\"" END,
        START ",\"cert\":\"\xe2\x80\xae\"" END,
        START ",\"cert\":\"\x7f\"" END,
        START ",\"cert\":null" END,
        START ",\"cert\":[]" END,
        START ",\"cert\":{\"a\":1}" END,
        START ",\"\":1" END,
        START ",\"Cert\":1" END,
        START ", \"cert\":\"a\"" END,
        START ",\"cert\" :\"a\"" END,
        START ",cert:1" END,
        "{\"seq\":-1,\"time\":\"2026-11-23T17:34:13.000042Z\",\"process\":\"writer\",\"event\":\"x\"" END,
        "{\"seq\":1,\"time\":\"2026-11-23T17:34:13Z\",\"process\":\"writer\",\"event\":\"x\"" END,
        "{\"seq\":1,\"time\":\"2026-11-23 17:34:13.000042Z\",\"process\":\"writer\",\"event\":\"x\"" END,
    };
    struct review_record record;

    (void)state;
    assert_true(scan(START END, &record));
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (scan(lines[i], &record))
            fail_msg("taken: %s", lines[i]);
    /* Each of those that must be there. */
    for (size_t cut = 0; cut < strlen(START END); cut++)
        assert_false(review_scan(START END, cut, &record));
}

/* The filter. */

static bool is_chosen(const struct review_filter *filter, const char *line)
{
    struct review_record record;

    assert_true(scan(line, &record));
    return review_filter_has_time(filter, &record.values[REVIEW_TIME]) && review_filter_has_rest(filter, &record);
}

static void chooses_by_each_of_its_names(void **state)
{
    static const char stored[] = START ",\"cert\":\"a \\\"b\\\"\"" END;
    struct review_filter filter = {0};
    char error[2048];

    (void)state;
    assert_true(is_chosen(&filter, stored));
    assert_false(review_filter_is_choosy(&filter));
    strcpy(filter.since, "2026-11-23T17:34:13.000042Z");
    assert_true(is_chosen(&filter, stored));
    strcpy(filter.since, "2026-11-23T17:34:13.000043Z");
    assert_false(is_chosen(&filter, stored));
    strcpy(filter.since, "");
    strcpy(filter.until, "2026-11-23T17:34:13.000043Z");
    assert_true(is_chosen(&filter, stored));
    strcpy(filter.until, "2026-11-23T17:34:13.000042Z");
    assert_false(is_chosen(&filter, stored));
    filter = (struct review_filter){0};
    assert_true(review_filter_event(&filter, "staple", error, sizeof error));
    assert_true(is_chosen(&filter, stored));
    assert_true(review_filter_is_choosy(&filter));
    filter = (struct review_filter){0};
    assert_true(review_filter_event(&filter, "fetch.", error, sizeof error));
    assert_false(is_chosen(&filter, stored));
    assert_true(review_filter_event(&filter, "staple.stored", error, sizeof error));
    assert_true(is_chosen(&filter, stored));
    filter = (struct review_filter){0};
    assert_true(review_filter_process(&filter, "fetcher", error, sizeof error));
    assert_false(is_chosen(&filter, stored));
    assert_true(review_filter_process(&filter, "writer", error, sizeof error));
    assert_true(is_chosen(&filter, stored));
    filter = (struct review_filter){0};
    assert_true(review_filter_severity(&filter, "warning", error, sizeof error));
    assert_false(is_chosen(&filter, stored));
    assert_true(review_filter_severity(&filter, "info", error, sizeof error));
    assert_true(is_chosen(&filter, stored));
    assert_true(review_filter_cert(&filter, "a", error, sizeof error));
    assert_false(is_chosen(&filter, stored));
    assert_true(review_filter_cert(&filter, "a \"b\"", error, sizeof error));
    assert_true(is_chosen(&filter, stored));
    assert_false(is_chosen(&filter, START END));
}

static void severity_is_that_or_worse(void **state)
{
    struct review_filter filter = {.severity = SEVERITY_WARNING};

    (void)state;
    for (int event = 0; event < EVENT_COUNT; event++) {
        const struct audit_fields fields = {.event = (enum event)event, .process = PARTY_WRITER};
        char line[AUDIT_LINE_MAX + 1];

        format(&fields, line);
        filter.severity = SEVERITY_WARNING;
        assert_int_equal(is_chosen(&filter, line), event_severity((enum event)event) != SEVERITY_INFO);
        filter.severity = SEVERITY_ERROR;
        assert_int_equal(is_chosen(&filter, line), event_severity((enum event)event) == SEVERITY_ERROR);
    }
}

static void an_event_of_a_later_version_is_chosen_by_no_name(void **state)
{
    static const char line[]
        = "{\"seq\":1,\"time\":\"2026-11-23T17:34:13.000042Z\",\"process\":\"writer\",\"event\":\"moon.full\"" END;
    struct review_filter filter = {0};
    char error[2048];

    (void)state;
    assert_true(is_chosen(&filter, line));
    filter.severity = SEVERITY_WARNING;
    assert_false(is_chosen(&filter, line));
    filter.severity = SEVERITY_INFO;
    assert_true(review_filter_event(&filter, "fetch", error, sizeof error));
    assert_false(is_chosen(&filter, line));
}

static void an_unknown_name_is_told_what_there_is(void **state)
{
    struct review_filter filter = {0};
    char error[2048];

    (void)state;
    assert_false(review_filter_event(&filter, "fetch.faild", error, sizeof error));
    assert_non_null(strstr(error, "did you mean fetch.failed?"));
    assert_non_null(strstr(error, "apache.restart_seen"));
    assert_false(review_filter_event(&filter, "zzzzzzzz", error, sizeof error));
    assert_null(strstr(error, "did you mean"));
    assert_false(review_filter_event(&filter, "", error, sizeof error));
    assert_false(review_filter_event(&filter, ".", error, sizeof error));
    assert_false(review_filter_event(&filter, "fetch.failed.", error, sizeof error));
    assert_false(review_filter_process(&filter, "wirter", error, sizeof error));
    assert_non_null(strstr(error, "did you mean writer?"));
    assert_non_null(strstr(error, "supervisor, fetcher, writer"));
    assert_false(review_filter_severity(&filter, "fatal", error, sizeof error));
    assert_non_null(strstr(error, "info, warning, error"));
    assert_false(review_filter_cert(&filter, "", error, sizeof error));
    assert_false(filter.has_events);
    for (size_t i = 0; i < REVIEW_CERTS_MAX; i++)
        assert_true(review_filter_cert(&filter, "a", error, sizeof error));
    assert_false(review_filter_cert(&filter, "a", error, sizeof error));
}

/* The story. */

static void tell(const struct audit_fields *fields, char *story)
{
    struct review_record record;
    char line[AUDIT_LINE_MAX + 1];
    size_t len;

    format(fields, line);
    assert_true(scan(line, &record));
    len = review_story(&record, story);
    assert_int_equal(len, strlen(story));
    assert_true(text_is_clean(story, strlen(story)));
}

/* A reviewer reads in the log what the journal said when it happened. */
static void a_record_tells_the_sentence_of_its_event(void **state)
{
    char story[AUDIT_SENTENCE_MAX + 1];
    char sentence[AUDIT_SENTENCE_MAX + 1];

    (void)state;
    for (int event = 0; event < EVENT_COUNT; event++) {
        struct audit_fields fields = {.event = (enum event)event, .process = PARTY_WRITER};

        tell(&fields, story);
        audit_sentence(&fields, sentence);
        assert_string_equal(story, sentence);
        fields = (struct audit_fields){.event = (enum event)event,
            .process = PARTY_FETCHER,
            .cert = "c",
            .responder = "http://r/\"\\",
            .reason = REASON_TIMEOUT,
            .detail = "DETAIL \"\\",
            .bytes = UINT32_MAX,
            .count = UINT32_MAX,
            .duration_msec = UINT32_MAX,
            .http_status = 999,
            .pid = INT32_MAX,
            .this_update = 6,
            .next_update = 7,
            .expiry = 8,
            .has_status = true,
            .status = -INT32_MAX};
        tell(&fields, story);
        audit_sentence(&fields, sentence);
        assert_string_equal(story, sentence);
    }
}

static void an_event_of_a_later_version_is_told_by_its_members(void **state)
{
    struct review_record record;
    char story[AUDIT_SENTENCE_MAX + 1];
    char about[64];

    (void)state;
    assert_true(
        scan("{\"seq\":1,\"time\":\"2026-11-23T17:34:13.000042Z\",\"process\":\"writer\",\"event\":\"moon.full\","
             "\"reason\":\"too-bright\",\"detail\":\"howl\"" END,
            &record));
    assert_int_equal(review_event_of(&record.values[REVIEW_EVENT]), EVENT_COUNT);
    review_story(&record, story);
    assert_string_equal(story, "moon.full: too-bright; howl");
    review_about(&record, about, sizeof about);
    assert_string_equal(about, "(writer)");
    assert_true(
        scan("{\"seq\":1,\"time\":\"2026-11-23T17:34:13.000042Z\",\"process\":\"writer\",\"event\":\"dbm.failed\","
             "\"reason\":\"too-bright\",\"detail\":\"howl\"" END,
            &record));
    review_story(&record, story);
    assert_string_equal(story, "cannot write Apache's cache; howl (too-bright)");
    assert_true(
        scan("{\"seq\":1,\"time\":\"2026-11-23T17:34:13.000042Z\",\"process\":\"moon\",\"event\":\"process.exit\"" END, &record));
    review_story(&record, story);
    assert_string_equal(story, "process.exit");
}

/* The longest record that there can be, and the longest line that anybody can make. */
static void a_sentence_never_overflows(void **state)
{
    static char text[4000];
    static char line[AUDIT_LINE_MAX + 1];
    struct audit_fields fields = {.event = EVENT_FETCH_FAILED,
        .process = PARTY_FETCHER,
        .reason = REASON_SHORT_TTL,
        .cert = text,
        .responder = text,
        .detail = text};
    struct review_record record;
    char story[AUDIT_SENTENCE_MAX + 1];

    (void)state;
    memset(text, '"', sizeof text - 1);
    tell(&fields, story);
    assert_true(strlen(story) > 1400);
    memset(text, 'x', sizeof text);
    snprintf(line, sizeof line, START ",\"detail\":\"%.*s\"" END, (int)(AUDIT_LINE_MAX - strlen(START END) - 12), text);
    assert_true(scan(line, &record));
    review_story(&record, story);
    assert_true(strlen(story) <= AUDIT_SENTENCE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_each_member_of_a_record),
        cmocka_unit_test(a_copy_is_cut_between_characters),
        cmocka_unit_test(takes_what_a_later_version_may_add),
        cmocka_unit_test(refuses_what_is_no_record),
        cmocka_unit_test(chooses_by_each_of_its_names),
        cmocka_unit_test(severity_is_that_or_worse),
        cmocka_unit_test(an_event_of_a_later_version_is_chosen_by_no_name),
        cmocka_unit_test(an_unknown_name_is_told_what_there_is),
        cmocka_unit_test(a_record_tells_the_sentence_of_its_event),
        cmocka_unit_test(an_event_of_a_later_version_is_told_by_its_members),
        cmocka_unit_test(a_sentence_never_overflows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
