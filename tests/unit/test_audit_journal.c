/* SPDX-License-Identifier: ISC */
/* What the system journal gets: fields that nobody can forge, anchors, and a service that never waits for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "audit/audit.h"
#include "audit/audit_journal.h"
#include "system/log.h"
#include "temp_dir.h"
#include "text/hex.h"
#include "text/text.h"

#define SOCKET "socket"
#define FIELDS_MAX 40

static char socket_path[128];
static char log_path[128];
static char log_text[4096];
static int listener;

static void keep_log(enum severity severity, const char *text)
{
    size_t len = strlen(log_text);

    (void)severity;
    snprintf(log_text + len, sizeof log_text - len, "%s\n", text);
}

static int listen_there(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    strcpy(address.sun_path, socket_path);
    unlink(socket_path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static int set_up(void **state)
{
    int result = temp_dir_setup(state);

    snprintf(socket_path, sizeof socket_path, "%s/" SOCKET, (const char *)*state);
    snprintf(log_path, sizeof log_path, "%s/audit.jsonl", (const char *)*state);
    log_text[0] = '\0';
    log_to(keep_log);
    listener = listen_there();
    return result;
}

static int tear_down(void **state)
{
    log_to(NULL);
    if (listener >= 0)
        close(listener);
    return temp_dir_teardown(state);
}

/* An entry, taken apart as journald does. */
struct fields {
    unsigned count;
    struct {
        char name[64];
        char value[4200];
    } all[FIELDS_MAX];
};

static void parse(const char *data, size_t len, struct fields *fields)
{
    const char *end = data + len;

    fields->count = 0;
    while (data < end) {
        const char *newline = memchr(data, '\n', (size_t)(end - data));
        uint64_t value_len;

        assert_non_null(newline);
        assert_null(memchr(data, '=', (size_t)(newline - data)));
        assert_true(fields->count < FIELDS_MAX && (size_t)(newline - data) < sizeof fields->all[0].name);
        snprintf(fields->all[fields->count].name, sizeof fields->all[0].name, "%.*s", (int)(newline - data), data);
        data = newline + 1;
        assert_true((size_t)(end - data) > sizeof value_len);
        memcpy(&value_len, data, sizeof value_len);
        value_len = le64toh(value_len);
        data += sizeof value_len;
        assert_true(value_len < (size_t)(end - data) && value_len < sizeof fields->all[0].value);
        memcpy(fields->all[fields->count].value, data, value_len);
        fields->all[fields->count++].value[value_len] = '\0';
        data += value_len;
        assert_int_equal(*data++, '\n');
    }
}

/* False: nothing has come. */
static bool receive(struct fields *fields)
{
    static char data[2 * JOURNAL_ENTRY_MAX];
    ssize_t len = recv(listener, data, sizeof data, 0);

    if (len < 0)
        return false;
    parse(data, (size_t)len, fields);
    return true;
}

static const char *value_of(const struct fields *fields, const char *name)
{
    const char *value = NULL;

    for (unsigned i = 0; i < fields->count; i++)
        if (strcmp(fields->all[i].name, name) == 0) {
            assert_null(value); /* no field twice */
            value = fields->all[i].value;
        }
    return value == NULL ? "(none)" : value;
}

static struct audit *open_log(void)
{
    struct audit *audit = audit_open(&(struct audit_settings){.path = log_path, .journal_path = socket_path});

    assert_non_null(audit);
    return audit;
}

static const uint8_t sha256[32] = {0xab, 0xcd};
static const uint8_t serial[] = {0x0a, 0xff};

static const struct audit_fields failure = {.event = EVENT_FETCH_FAILED,
    .process = PARTY_FETCHER,
    .cert = "shop",
    .sha256 = sha256,
    .serial = serial,
    .serial_len = 2,
    .responder = "http://ocsp.example.net/",
    .reason = REASON_TIMEOUT,
    .detail = "no answer in 10s",
    .next_update = 1795455253,
    .duration_msec = 10000,
    .http_status = 503};

static void an_event_has_its_fields(void **state)
{
    struct audit *audit = open_log();
    struct audit_chain chain = {0};
    struct fields fields;
    char hash[65] = "";
    char *line;
    size_t len;

    (void)state;
    assert_true(audit_write(audit, &failure));
    audit_flush(audit);
    assert_true(receive(&fields));
    assert_string_equal(value_of(&fields, "MESSAGE"),
        "shop: OCSP request to http://ocsp.example.net/ failed after 10.0 s: the exchange did not complete within timeout "
        "(timeout); "
        "HTTP status 503; no answer in 10s; it will be retried, and a staple already stored is kept");
    assert_string_equal(value_of(&fields, "PRIORITY"), "4");
    assert_string_equal(value_of(&fields, "SYSLOG_IDENTIFIER"), "stapleguard");
    assert_string_equal(value_of(&fields, "STAPLEGUARD_EVENT"), "fetch.failed");
    assert_string_equal(value_of(&fields, "STAPLEGUARD_PROCESS"), "fetcher");
    assert_string_equal(value_of(&fields, "STAPLEGUARD_CERT"), "shop");
    assert_string_equal(value_of(&fields, "STAPLEGUARD_SERIAL"), "0aff");
    assert_int_equal(strlen(value_of(&fields, "STAPLEGUARD_SHA256")), 64);
    assert_memory_equal(value_of(&fields, "STAPLEGUARD_SHA256"), "abcd00", 6);
    assert_string_equal(value_of(&fields, "STAPLEGUARD_RESPONDER"), "http://ocsp.example.net/");
    assert_string_equal(value_of(&fields, "STAPLEGUARD_REASON"), "timeout");
    assert_string_equal(value_of(&fields, "STAPLEGUARD_DETAIL"), "no answer in 10s");
    assert_string_equal(value_of(&fields, "STAPLEGUARD_NEXT_UPDATE"), "2026-11-23T17:34:13Z");
    assert_string_equal(value_of(&fields, "STAPLEGUARD_DURATION_MS"), "10000");
    assert_string_equal(value_of(&fields, "STAPLEGUARD_HTTP_STATUS"), "503");
    assert_string_equal(value_of(&fields, "STAPLEGUARD_SEQ"), "1");
    line = (char *)temp_file_read("audit.jsonl", &len);
    assert_int_equal(audit_record_verify(line, len - 1, &chain), AUDIT_OK);
    free(line);
    hex_write(chain.hash, sizeof chain.hash, hash);
    assert_string_equal(value_of(&fields, "STAPLEGUARD_HASH"), hash);
    audit_close(audit);
}

static void a_value_cannot_become_a_field(void **state)
{
    struct audit_fields fields = failure;
    struct journal_entry entry;
    struct fields found;

    (void)state;
    fields.cert = "a\nMESSAGE=forged\nSTAPLEGUARD_CERT=other";
    fields.detail = "\nPRIORITY\n\1\0\0\0\0\0\0\0000\n\x1b[2J\xff";
    fields.responder = "x=y\n\n";
    audit_journal_entry(&fields, NULL, &entry);
    parse(entry.data, entry.len, &found);
    assert_string_equal(value_of(&found, "STAPLEGUARD_CERT"), "a?MESSAGE=forged?STAPLEGUARD_CERT=other");
    assert_string_equal(value_of(&found, "PRIORITY"), "4");
    assert_string_equal(value_of(&found, "STAPLEGUARD_RESPONDER"), "x=y??");
    for (unsigned i = 0; i < found.count; i++)
        assert_true(text_is_clean(found.all[i].value, strlen(found.all[i].value)));
    assert_string_equal(value_of(&found, "STAPLEGUARD_SEQ"), "(none)");
}

/* Every event, with every text at its longest, fits and says something. */
static void every_event_fits_and_reads(void **state)
{
    static char longest[URL_MAX + 64];
    const struct audit_chain chain = {.seq = UINT64_MAX};
    struct journal_entry entry;
    struct fields found;

    (void)state;
    memset(longest, 'x', sizeof longest - 1);
    for (enum event event = 0; event < EVENT_COUNT; event++) {
        struct audit_fields fields = {.event = event,
            .process = PARTY_WRITER,
            .cert = longest,
            .sha256 = sha256,
            .serial = sha256,
            .serial_len = 32,
            .responder = longest,
            .this_update = 1,
            .next_update = 2,
            .expiry = 3,
            .reason = REASON_SHORT_TTL,
            .detail = longest,
            .bytes = UINT32_MAX,
            .count = UINT32_MAX,
            .duration_msec = UINT32_MAX,
            .http_status = 999,
            .pid = INT32_MAX,
            .has_status = true,
            .status = INT32_MIN + 1};

        audit_journal_entry(&fields, &chain, &entry);
        parse(entry.data, entry.len, &found);
        assert_int_equal(found.count, 22);
        assert_string_equal(value_of(&found, "STAPLEGUARD_EVENT"), event_name(event));
        assert_int_equal(strncmp(value_of(&found, "MESSAGE"), longest, CERT_NAME_MAX), 0);
        assert_string_equal(value_of(&found, "STAPLEGUARD_PID"), "2147483647");
        assert_string_equal(value_of(&found, "STAPLEGUARD_COUNT"), "4294967295");
    }
}

/* MESSAGE begins with the certificate, because it is read without the fields. */
static void a_message_names_the_certificate(void **state)
{
    char message[AUDIT_MESSAGE_MAX + 1];

    (void)state;
    audit_message(&(struct audit_fields){.event = EVENT_CERT_DROPPED, .process = PARTY_SUPERVISOR, .cert = "shop"}, message);
    assert_string_equal(message, "shop: certificate removed");
    audit_message(&(struct audit_fields){.event = EVENT_CERT_DROPPED, .process = PARTY_SUPERVISOR, .cert = "a\nb"}, message);
    assert_string_equal(message, "a?b: certificate removed");
    audit_message(&(struct audit_fields){.event = EVENT_APACHE_ENDED, .process = PARTY_SUPERVISOR, .pid = 7}, message);
    assert_string_equal(message, "Apache ended (pid 7)");
}

static void how_serious_it_is_decides_the_priority(void **state)
{
    struct audit_fields fields = failure;
    struct journal_entry entry;
    struct fields found;

    (void)state;
    fields.is_repeated = true;
    audit_journal_entry(&fields, NULL, &entry);
    parse(entry.data, entry.len, &found);
    assert_string_equal(value_of(&found, "PRIORITY"), "6");
    fields = (struct audit_fields){.event = EVENT_PROCESS_EXIT, .process = PARTY_FETCHER, .has_status = true, .status = 1};
    audit_journal_entry(&fields, NULL, &entry);
    parse(entry.data, entry.len, &found);
    assert_string_equal(value_of(&found, "PRIORITY"), "3");
    fields.status = 0;
    audit_journal_entry(&fields, NULL, &entry);
    parse(entry.data, entry.len, &found);
    assert_string_equal(value_of(&found, "PRIORITY"), "6");
    assert_string_equal(value_of(&found, "STAPLEGUARD_STATUS"), "0");
}

static void anchors_name_the_head_the_log_and_come_when_they_should(void **state)
{
    struct audit *audit = open_log();
    static struct fields fields;
    uint64_t seqs[8];
    unsigned anchors = 0;

    (void)state;
    for (unsigned i = 1; i <= 1500; i++) {
        audit_write(audit, &failure);
        if (i % 100 == 0 || i == 1)
            audit_flush(audit);
        while (receive(&fields))
            if (strcmp(value_of(&fields, "STAPLEGUARD_EVENT"), "audit.anchor") == 0) {
                assert_string_equal(value_of(&fields, "STAPLEGUARD_AUDIT_LOG"), log_path);
                assert_int_equal(strlen(value_of(&fields, "STAPLEGUARD_HASH")), 64);
                assert_true(anchors < 8);
                seqs[anchors++] = strtoull(value_of(&fields, "STAPLEGUARD_SEQ"), NULL, 10);
            }
    }
    audit_write(audit, &failure);
    audit_close(audit);
    while (receive(&fields))
        if (strcmp(value_of(&fields, "STAPLEGUARD_EVENT"), "audit.anchor") == 0)
            seqs[anchors++] = strtoull(value_of(&fields, "STAPLEGUARD_SEQ"), NULL, 10);
    assert_int_equal(anchors, 3);
    assert_true(seqs[0] == 1 && seqs[1] == 1000 && seqs[2] == 1501);
    assert_string_equal(log_text, "");
}

/* Nobody reads: the queue of a datagram socket is short. */
static void a_full_journal_is_counted_and_not_waited_for(void **state)
{
    struct audit *audit = open_log();
    static struct fields fields;
    unsigned told = 0;
    unsigned last = 0;
    char wanted[64];
    char *at = log_text;
    unsigned lines = 0;

    (void)state;
    for (unsigned i = 0; i < 900; i++)
        told += audit_write(audit, &failure) ? 1 : 0;
    assert_true(told > 0 && told < 900);
    /* the anchor of the start, too, found no room, and comes with the next batch */
    assert_int_equal(audit_flush(audit), AUDIT_WRITTEN);
    while (receive(&fields))
        last = (unsigned)strtoul(value_of(&fields, "STAPLEGUARD_SEQ"), NULL, 10);
    assert_int_equal(last, told);
    audit_write(audit, &failure);
    assert_int_equal(audit_flush(audit), AUDIT_WRITTEN);
    assert_true(receive(&fields));
    assert_string_equal(value_of(&fields, "STAPLEGUARD_SEQ"), "901");
    assert_true(receive(&fields));
    assert_string_equal(value_of(&fields, "STAPLEGUARD_EVENT"), "audit.anchor");
    assert_string_equal(value_of(&fields, "STAPLEGUARD_SEQ"), "901");
    assert_non_null(strstr(log_text, "the system journal takes no events: it is full"));
    snprintf(wanted, sizeof wanted, "did not take %u,", 900 - told + 1);
    assert_non_null(strstr(log_text, wanted));
    for (; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    assert_int_equal(lines, 2);
    audit_close(audit);
}

static void a_journal_that_is_started_anew_is_found_again(void **state)
{
    struct audit *audit = open_log();
    struct fields fields;

    (void)state;
    close(listener);
    listener = -1;
    assert_false(audit_write(audit, &failure));
    assert_non_null(strstr(log_text, "takes no events: Connection refused"));
    assert_int_equal(unlink(socket_path), 0);
    assert_false(audit_write(audit, &failure));
    listener = listen_there();
    assert_true(audit_write(audit, &failure));
    assert_true(receive(&fields));
    assert_string_equal(value_of(&fields, "STAPLEGUARD_SEQ"), "3");
    audit_close(audit);
    unlink(socket_path);
    assert_null(journal_open(socket_path));
    journal_close(NULL);
}

static void a_reload_turns_it_off_and_on(void **state)
{
    struct audit *audit = open_log();
    struct fields fields;

    (void)state;
    assert_true(audit_has_journal(audit));
    audit_reconfigure(audit, &(struct audit_settings){.path = log_path});
    assert_false(audit_has_journal(audit) || audit_write(audit, &failure));
    audit_reconfigure(audit, &(struct audit_settings){.path = log_path, .journal_path = socket_path});
    assert_true(audit_write(audit, &failure));
    assert_true(receive(&fields));
    assert_string_equal(value_of(&fields, "STAPLEGUARD_SEQ"), "2");
    audit_close(audit);
}

/* An event that cannot be recorded is told all the same. */
static void without_a_log_events_still_reach_the_journal(void **state)
{
    struct audit *audit;
    struct fields fields;

    (void)state;
    snprintf(log_path, sizeof log_path, "/nonexistent/audit.jsonl");
    audit = open_log();
    assert_true(audit_write(audit, &failure));
    assert_true(receive(&fields));
    assert_string_equal(value_of(&fields, "STAPLEGUARD_EVENT"), "fetch.failed");
    assert_string_equal(value_of(&fields, "STAPLEGUARD_SEQ"), "(none)");
    audit_close(audit);
}

/* What standard error is: the line is left out only where it would be read twice. */
static void a_line_is_left_out_only_where_standard_error_is_the_journal(void **state)
{
    int saved = dup(STDERR_FILENO);
    char stream[64];
    char text[512];
    struct stat status;
    int pair[2];
    ssize_t len;

    (void)state;
    log_to(NULL);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(fstat(pair[0], &status), 0);
    dup2(pair[0], STDERR_FILENO);
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    log_unless_told(true, SEVERITY_ERROR, "no journal: %d", 1);
    setenv("JOURNAL_STREAM", "1:2", 1);
    log_unless_told(true, SEVERITY_ERROR, "another stream: %d", 2);
    setenv("JOURNAL_STREAM", stream, 1);
    log_unless_told(true, SEVERITY_ERROR, "left out: %d", 3);
    log_unless_told(false, SEVERITY_ERROR, "not told: %d", 4);
    /* nobody reads: it must not stop us */
    for (unsigned i = 0; i < 20000; i++)
        log_info("nobody reads this");
    len = recv(pair[1], text, sizeof text - 1, 0);
    dup2(saved, STDERR_FILENO);
    unsetenv("JOURNAL_STREAM");
    close(saved);
    close(pair[0]);
    close(pair[1]);
    assert_true(len > 0);
    text[len] = '\0';
    assert_memory_equal(text,
        "stapleguard: error: no journal: 1\nstapleguard: error: another stream: 2\n<3>stapleguard: error: not told: 4\n<6>",
        strlen(
            "stapleguard: error: no journal: 1\nstapleguard: error: another stream: 2\n<3>stapleguard: error: not told: 4\n<6>"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_event_has_its_fields),
        cmocka_unit_test(a_value_cannot_become_a_field),
        cmocka_unit_test(every_event_fits_and_reads),
        cmocka_unit_test(a_message_names_the_certificate),
        cmocka_unit_test(how_serious_it_is_decides_the_priority),
        TEST(anchors_name_the_head_the_log_and_come_when_they_should),
        TEST(a_full_journal_is_counted_and_not_waited_for),
        TEST(a_journal_that_is_started_anew_is_found_again),
        TEST(a_reload_turns_it_off_and_on),
        TEST(without_a_log_events_still_reach_the_journal),
        TEST(a_line_is_left_out_only_where_standard_error_is_the_journal),
    };

    return cmocka_run_group_tests_name("audit_journal", tests, NULL, NULL);
}
