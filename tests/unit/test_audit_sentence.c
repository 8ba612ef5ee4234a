/* SPDX-License-Identifier: ISC */
/* The sentence of each event: with every member, with none, with hostile text, and at its longest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit/audit_sentence.h"
#include "text/text.h"

static char sentence[AUDIT_SENTENCE_MAX + 1];

/* Every member that a sentence may name, with a number that is not 1. */
static struct audit_fields full_fields(enum event event, const char *text)
{
    return (struct audit_fields){.event = event,
        .process = PARTY_WRITER,
        .cert = text,
        .responder = text,
        .next_update = 1795455253,
        .expiry = 1795455253,
        .reason = REASON_SHORT_TTL,
        .detail = text,
        .bytes = UINT32_MAX,
        .count = UINT32_MAX,
        .duration_msec = UINT32_MAX,
        .http_status = 503,
        .pid = INT32_MAX,
        .has_status = true,
        .status = INT32_MIN};
}

static void say(const struct audit_fields *fields)
{
    size_t len = audit_sentence(fields, sentence);

    assert_int_equal(len, strlen(sentence));
    assert_true(text_is_clean(sentence, len));
    /* What is left of a placeholder, or of a part that lacks its member. */
    assert_null(strpbrk(sentence, "[]{}|"));
    assert_null(strstr(sentence, "  "));
    assert_null(strstr(sentence, "()"));
    assert_true(sentence[0] != ' ' && sentence[len - 1] != ' ' && sentence[len - 1] != ':' && sentence[len - 1] != ';');
}

static void each_event_has_a_sentence_with_and_without_its_members(void **state)
{
    (void)state;
    for (enum event event = 0; event < EVENT_COUNT; event++) {
        struct audit_fields bare = {.event = event, .process = PARTY_WRITER};
        struct audit_fields full = full_fields(event, "TEXT");
        size_t bare_len;

        say(&bare);
        bare_len = strlen(sentence);
        assert_true(bare_len > 8);
        /* Its name is for programs. */
        assert_null(strstr(sentence, event_name(event)));
        say(&full);
        assert_true(strlen(sentence) >= bare_len);
    }
}

/* A placeholder that nobody knows would be left out in silence: with all members there, no part may be missing. */
static void every_placeholder_of_the_table_is_known(void **state)
{
    (void)state;
    for (enum event event = 0; event < EVENT_COUNT; event++) {
        struct audit_fields full = full_fields(event, "TEXT");
        const char *at = event_sentence(event);

        audit_sentence(&full, sentence);
        while ((at = strchr(at, '[')) != NULL) {
            char words[200];
            size_t len = strcspn(++at, "{]");

            assert_true(len < sizeof words);
            memcpy(words, at, len);
            words[len] = '\0';
            assert_non_null(strstr(sentence, words));
        }
    }
}

static void nothing_is_cut_at_its_bound(void **state)
{
    static char longest[URL_MAX + 64];

    (void)state;
    memset(longest, 'x', sizeof longest - 1);
    for (enum event event = 0; event < EVENT_COUNT; event++) {
        struct audit_fields full = full_fields(event, longest);

        say(&full);
        assert_true(strlen(sentence) < AUDIT_SENTENCE_MAX);
    }
}

static void outside_text_is_cleaned(void **state)
{
    struct audit_fields fields = {.event = EVENT_FETCH_FAILED,
        .process = PARTY_FETCHER,
        .responder = "http://\x1b[2J\n/",
        .detail = "\xff{detail}\xe2\x80\xae"};
    size_t len = audit_sentence(&fields, sentence);

    (void)state;
    assert_true(text_is_clean(sentence, len));
    assert_non_null(strstr(sentence, "http://?[2J?/"));
    /* What comes from outside is no placeholder. */
    assert_non_null(strstr(sentence, "?{detail}???"));
}

static void it_says_what_a_person_wants_to_know(void **state)
{
    static const struct {
        struct audit_fields fields;
        const char *sentence;
    } rows[] = {
        {{.event = EVENT_SERVICE_START, .process = PARTY_SUPERVISOR, .pid = 7, .detail = "0.1.0"},
            "stapleguardd 0.1.0 started (pid 7)"},
        {{.event = EVENT_SERVICE_STOP, .process = PARTY_SUPERVISOR, .has_status = true}, "stapleguardd stopped (exit code 0)"},
        {{.event = EVENT_PROCESS_EXIT, .process = PARTY_FETCHER, .has_status = true, .status = -9},
            "the fetcher ended: killed by SIGKILL"},
        {{.event = EVENT_PROCESS_EXIT, .process = PARTY_FETCHER, .has_status = true, .status = -99},
            "the fetcher ended: killed by signal 99"},
        {{.event = EVENT_PROCESS_EXIT, .process = PARTY_WRITER, .has_status = true, .status = 1},
            "the writer ended: exit code 1"},
        {{.event = EVENT_PROCESS_EXIT, .process = PARTY_WRITER, .has_status = true, .status = 127},
            "the writer ended: it could not be executed; check that it is installed beside stapleguardd"},
        {{.event = EVENT_PROCESS_EXIT, .process = PARTY_WRITER}, "the writer ended"},
        {{.event = EVENT_FETCH_FAILED,
             .process = PARTY_FETCHER,
             .responder = "http://r/",
             .reason = REASON_HTTP_STATUS,
             .http_status = 503,
             .duration_msec = 10250},
            "OCSP request to http://r/ failed after 10.2 s: the responder answered with an HTTP status other than 200 "
            "(http-status); HTTP "
            "status 503; it will be retried, and a staple already stored is kept"},
        {{.event = EVENT_FETCH_FAILED, .process = PARTY_FETCHER, .duration_msec = 31, .detail = "d"},
            "OCSP request failed after 31 ms; d; it will be retried, and a staple already stored is kept"},
        {{.event = EVENT_STAPLE_STORED, .process = PARTY_WRITER, .expiry = 1795888800},
            "fresh staple stored, served until 2026-11-28 18:00:00 UTC"},
        {{.event = EVENT_DBM_COMMITTED, .process = PARTY_WRITER, .count = 1, .bytes = 65536},
            "Apache's cache written: 1 entry, 65536 bytes"},
        {{.event = EVENT_DBM_COMMITTED, .process = PARTY_WRITER, .count = 12, .bytes = 1},
            "Apache's cache written: 12 entries, 1 byte"},
        {{.event = EVENT_DBM_COMMITTED, .process = PARTY_WRITER, .count = 11}, "Apache's cache written: 11 entries"},
        {{.event = EVENT_SHIELD_DOWN, .process = PARTY_WRITER, .reason = REASON_SHIELD_OFF, .detail = "d"}, "shield down: d"},
        {{.event = EVENT_SHIELD_DOWN, .process = PARTY_WRITER, .reason = REASON_SHIELD_OFF},
            "shield down: the configuration turns the shield off (shield-off)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        say(&rows[i].fields);
        assert_string_equal(sentence, rows[i].sentence);
    }
}

static void an_event_that_does_not_exist_is_said_to_be_none(void **state)
{
    (void)state;
    audit_sentence(&(struct audit_fields){.event = EVENT_COUNT}, sentence);
    assert_string_equal(sentence, "unknown event");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_has_a_sentence_with_and_without_its_members),
        cmocka_unit_test(every_placeholder_of_the_table_is_known),
        cmocka_unit_test(nothing_is_cut_at_its_bound),
        cmocka_unit_test(outside_text_is_cleaned),
        cmocka_unit_test(it_says_what_a_person_wants_to_know),
        cmocka_unit_test(an_event_that_does_not_exist_is_said_to_be_none),
    };

    setenv("TZ", "UTC", 1);
    tzset();
    return cmocka_run_group_tests_name("audit_sentence", tests, NULL, NULL);
}
