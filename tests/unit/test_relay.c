/* SPDX-License-Identifier: ISC */
/* A hostile child against the supervisor: what it may not say closes its channel and changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "children/relay.h"
#include "sandbox/child.h"
#include "system/log.h"

struct scene {
    char log_path[64];
    struct listed_cert certs[2];
    uint32_t by_cert_no[2];
    struct cert_list list;
    struct known *known;
    struct facts facts;
    struct relay relay;
    struct relay_hooks hooks;
    unsigned changes, commits, progresses, restarts;
    struct child fetcher;
    struct child writer;
};

static void cert_changed(void *context, struct listed_cert *cert)
{
    struct scene *scene = context;

    assert_non_null(cert);
    scene->changes++;
}

static void committed(void *context)
{
    ((struct scene *)context)->commits++;
}

static void progressed(void *context)
{
    ((struct scene *)context)->progresses++;
}

static void apache_restarted(void *context)
{
    ((struct scene *)context)->restarts++;
}

static void restart_answered(void *context, const struct msg_restarted *restarted)
{
    (void)context;
    assert_non_null(restarted);
}

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    int fd;

    assert_non_null(scene);
    snprintf(scene->log_path, sizeof scene->log_path, "/tmp/test_relay.XXXXXX");
    fd = mkstemp(scene->log_path);
    assert_true(fd >= 0);
    close(fd);
    scene->certs[0] = (struct listed_cert){.name = "shop"};
    scene->certs[1] = (struct listed_cert){.name = "api"};
    scene->by_cert_no[0] = 1; /* certificate 0 on the wire is the second of the list */
    scene->list = (struct cert_list){.certs = scene->certs, .count = 2, .by_cert_no = scene->by_cert_no, .sent_count = 1};
    scene->fetcher = (struct child){.party = PARTY_FETCHER, .ipc.fd = -1};
    scene->writer = (struct child){.party = PARTY_WRITER, .ipc.fd = -1};
    scene->known = known_read("/nonexistent");
    scene->hooks = (struct relay_hooks){cert_changed, committed, progressed, apache_restarted, restart_answered, scene};
    relay_init(&scene->relay, &scene->list, scene->known, audit_open(&(struct audit_settings){.path = scene->log_path}),
        &scene->facts, &scene->hooks);
    assert_non_null(scene->relay.audit);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    audit_close(scene->relay.audit);
    known_free(scene->known);
    unlink(scene->log_path);
    for (size_t i = 0; i < 2; i++)
        free(scene->certs[i].trouble.detail);
    free(scene);
    return 0;
}

static const char *read_log(struct scene *scene)
{
    static char text[65536];
    FILE *file;
    size_t len;

    audit_flush(scene->relay.audit);
    file = fopen(scene->log_path, "re");
    assert_non_null(file);
    len = fread(text, 1, sizeof text - 1, file);
    text[len] = '\0';
    fclose(file);
    return text;
}

static void an_event_reaches_its_certificate_and_the_log(void **state)
{
    struct scene *scene = *state;
    struct msg msg = {.type = MSG_EVENT,
        .event = {.event = EVENT_FETCH_FAILED,
            .reason = REASON_TIMEOUT,
            .cert_no = 0,
            .responder = "http://ocsp.example.net/",
            .detail = "no answer in 10s",
            .duration_msec = 10000}};

    assert_null(relay_message(&scene->relay, &scene->fetcher, &msg));
    assert_true(scene->certs[1].trouble.has_failed);
    assert_int_equal(scene->certs[1].trouble.reason, REASON_TIMEOUT);
    assert_string_equal(scene->certs[1].trouble.detail, "http://ocsp.example.net/: no answer in 10s");
    assert_false(scene->certs[0].trouble.has_failed);
    assert_non_null(strstr(read_log(scene), "\"event\":\"fetch.failed\",\"cert\":\"api\""));
}

static unsigned lines;

static void forget_line(enum severity severity, const char *text)
{
    (void)severity;
    (void)text;
    lines++;
}

/* Where a summary follows, people read of a failure there and nowhere else. */
static void trouble_is_said_once_or_left_to_the_summary(void **state)
{
    struct scene *scene = *state;
    const struct msg msg = {.type = MSG_EVENT, .event = {.event = EVENT_FETCH_FAILED, .reason = REASON_TIMEOUT, .cert_no = 0}};

    log_to(forget_line);
    for (unsigned round = 0; round < 2; round++) {
        lines = 0;
        scene->relay.is_summarised = round == 0;
        for (unsigned i = 0; i < 2; i++)
            assert_null(relay_message(&scene->relay, &scene->fetcher, &msg));
        assert_int_equal(lines, round);
    }
    log_to(NULL);
}

static void progress_and_the_schedule_are_facts(void **state)
{
    struct scene *scene = *state;
    const struct msg progress = {.type = MSG_PROGRESS, .progress = {.due = 3, .done = 2, .failed = 1}};
    const struct msg next = {.type = MSG_CERT_NEXT, .cert_next = {.cert_no = 0, .failures = 1, .next_at = 200, .asked_at = 100}};

    assert_null(relay_message(&scene->relay, &scene->fetcher, &progress));
    assert_null(relay_message(&scene->relay, &scene->fetcher, &next));
    assert_int_equal(scene->progresses, 1);
    assert_int_equal(scene->facts.progress.done, 2);
    assert_int_equal(scene->facts.fetch_failures, 1);
    assert_int_equal(scene->certs[1].asked.next_at, 200);
}

static void a_child_cannot_report_another_s_event(void **state)
{
    struct scene *scene = *state;
    struct msg msg = {.type = MSG_EVENT, .event = {.cert_no = 0}};

    log_to(forget_line);
    for (enum event event = 0; event < EVENT_COUNT; event++) {
        msg.event.event = (uint16_t)event;
        assert_int_equal(relay_message(&scene->relay, &scene->fetcher, &msg) == NULL, event_may_come_from(event, PARTY_FETCHER));
        assert_int_equal(relay_message(&scene->relay, &scene->writer, &msg) == NULL, event_may_come_from(event, PARTY_WRITER));
    }
    log_to(NULL);
    assert_int_equal(scene->restarts, 1);
    assert_false(event_may_come_from(EVENT_STAPLE_STORED, PARTY_FETCHER));
    assert_false(event_may_come_from(EVENT_SERVICE_START, PARTY_WRITER));
    assert_null(strstr(read_log(scene), "\"process\":\"fetcher\",\"event\":\"staple.stored\""));
}

static void numbers_that_do_not_exist_are_refused(void **state)
{
    struct scene *scene = *state;
    struct msg event = {.type = MSG_EVENT, .event = {.event = EVENT_FETCH_FAILED, .cert_no = 1}};
    struct msg info = {.type = MSG_CERT_INFO, .cert_info = {.cert_no = 1}};
    struct msg stand = {.type = MSG_CERT_STATE, .cert_state = {.cert_no = 0, .state = CERT_STATE_COUNT}};
    struct msg line = {.type = MSG_LOG, .log = {.severity = 99}};

    assert_non_null(relay_message(&scene->relay, &scene->fetcher, &event));
    event.event.event = EVENT_COUNT;
    event.event.cert_no = 0;
    assert_non_null(relay_message(&scene->relay, &scene->fetcher, &event));
    event.event.event = EVENT_FETCH_FAILED;
    event.event.reason = REASON_COUNT;
    assert_non_null(relay_message(&scene->relay, &scene->fetcher, &event));
    assert_non_null(relay_message(&scene->relay, &scene->writer, &info));
    assert_non_null(relay_message(&scene->relay, &scene->writer, &stand));
    assert_non_null(relay_message(&scene->relay, &scene->fetcher, &line));
    assert_false(scene->certs[0].trouble.has_failed || scene->certs[1].trouble.has_failed);
    assert_int_equal(scene->certs[1].state, CERT_STATE_MISSING);
}

static void the_writer_s_facts_are_kept(void **state)
{
    struct scene *scene = *state;
    static const uint8_t serial[] = {0x0a, 0xff};
    struct msg info = {.type = MSG_CERT_INFO,
        .cert_info = {.cert_no = 0,
            .state = CERT_STATE_MISSING,
            .is_must_staple = 1,
            .not_after = 77,
            .sha256 = {0xab},
            .serial = serial,
            .serial_len = 2}};
    struct msg stand
        = {.type = MSG_CERT_STATE, .cert_state = {.cert_no = 0, .state = CERT_STATE_GOOD, .expiry = 55, .is_refreshed = 1}};
    struct msg done = {.type = MSG_WRITE_DONE, .write_done = {.entries = 12}};

    assert_null(relay_message(&scene->relay, &scene->writer, &info));
    assert_null(relay_message(&scene->relay, &scene->writer, &stand));
    assert_null(relay_message(&scene->relay, &scene->writer, &done));
    assert_int_equal(scene->certs[1].told.serial_len, 2);
    assert_memory_equal(scene->certs[1].told.serial, serial, 2);
    assert_int_equal(scene->certs[1].told.sha256[0], 0xab);
    assert_non_null(strstr(read_log(scene), "\"event\":\"cert.added\",\"cert\":\"api\",\"sha256\":\"ab00"));
    assert_true(scene->certs[1].told.is_must_staple);
    assert_int_equal(scene->certs[1].state, CERT_STATE_GOOD);
    assert_true(scene->certs[1].staple.expiry == 55 && scene->certs[1].staple.is_refreshed);
    assert_int_equal(scene->commits, 1);
    assert_int_equal(scene->changes, 2);
    assert_int_equal(scene->facts.commit.entries, 12);
}

static void a_death_by_the_sandbox_is_an_event_of_its_own(void **state)
{
    struct scene *scene = *state;
    const char *text;

    scene->fetcher.exit_status = 31; /* SIGSYS, as waitpid(2) tells it */
    relay_child_exit(&scene->relay, &scene->fetcher);
    scene->writer.exit_status = 1 << 8;
    relay_child_exit(&scene->relay, &scene->writer);
    scene->writer.exit_status = CHILD_EXIT_KEEPER_VIOLATION << 8;
    relay_child_exit(&scene->relay, &scene->writer);
    text = read_log(scene);
    assert_non_null(strstr(text, "\"process\":\"fetcher\",\"event\":\"sandbox.violation\""));
    assert_non_null(strstr(text, "\"process\":\"writer\",\"event\":\"process.exit\""));
    assert_non_null(strstr(text, "\"process\":\"writer\",\"event\":\"sandbox.violation\""));
    assert_non_null(strstr(text, "\"detail\":\"the keeper\""));
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;

    for (; (text = strstr(text, part)) != NULL; text++)
        count++;
    return count;
}

/* What a child only brings about is bounded, too: a writer that tells something else of a certificate again and again. */
static void a_child_cannot_fill_the_log(void **state)
{
    static char text[4u * 1024u * 1024u];
    struct scene *scene = *state;
    struct msg info = {.type = MSG_CERT_INFO, .cert_info = {.cert_no = 0, .state = CERT_STATE_MISSING}};
    struct msg other = {.type = MSG_EVENT, .event = {.event = EVENT_STAPLE_STORED, .cert_no = 0}};
    const size_t most = THROTTLE_BASE + 2 * THROTTLE_PER_CERT;
    FILE *file;

    log_to(forget_line);
    for (unsigned i = 0; i < 3 * THROTTLE_BASE; i++) {
        info.cert_info.reason = i % 2 == 0 ? REASON_NONE : REASON_NO_OCSP;
        assert_null(relay_message(&scene->relay, &scene->writer, &info));
    }
    assert_null(relay_message(&scene->relay, &scene->writer, &other));
    scene->writer.exit_status = 9;
    relay_child_exit(&scene->relay, &scene->writer);
    assert_int_equal(audit_flush(scene->relay.audit), AUDIT_WRITTEN);
    log_to(NULL);
    file = fopen(scene->log_path, "re");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    assert_in_range(count_of(text, "\"event\":\"cert."), THROTTLE_BASE, most);
    assert_int_equal(count_of(text, "\"event\":\"audit.throttled\",\"reason\":\"flood\",\"detail\":\"cert.changed: "), 2);
    assert_int_equal(count_of(text, "\"event\":\"staple.stored\""), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_event_reaches_its_certificate_and_the_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(trouble_is_said_once_or_left_to_the_summary, set_up, tear_down),
        cmocka_unit_test_setup_teardown(progress_and_the_schedule_are_facts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_child_cannot_report_another_s_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_that_do_not_exist_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_writer_s_facts_are_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_child_cannot_fill_the_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_death_by_the_sandbox_is_an_event_of_its_own, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
