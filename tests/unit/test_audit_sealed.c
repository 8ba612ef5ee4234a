/* The audit log with seals: each record under the key of its time, and a record wherever that changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "audit_key_file.h"
#include "log.h"
#include "temp_dir.h"

#define LOG "audit.jsonl"
#define START_SEC INT64_C(1795455253)
#define INTERVAL 900

static int64_t now_usec;
static char path[128];
static char log_text[8192];

static int64_t test_clock(void)
{
    return now_usec++;
}

static void keep_log(enum severity severity, const char *text)
{
    size_t len = strlen(log_text);

    (void)severity;
    snprintf(log_text + len, sizeof log_text - len, "%s\n", text);
}

static int set_up(void **state)
{
    int result = temp_dir_setup(state);

    snprintf(path, sizeof path, "%s/" LOG, (const char *)*state);
    now_usec = START_SEC * 1000000;
    log_text[0] = '\0';
    log_to(keep_log);
    return result;
}

static int tear_down(void **state)
{
    log_to(NULL);
    return temp_dir_teardown(state);
}

static struct audit *open_log(void **state)
{
    struct audit *audit = audit_open(&(struct audit_settings){.path = path, .state_dir = *state, .clock = test_clock});

    assert_non_null(audit);
    return audit;
}

static struct audit *open_sealed(void **state)
{
    struct audit *audit =
        audit_open(&(struct audit_settings){.path = path, .state_dir = *state, .is_sealed = true, .clock = test_clock});

    assert_non_null(audit);
    return audit;
}

static void add(struct audit *audit, const char *detail)
{
    audit_write(audit, &(struct audit_fields){.event = EVENT_FETCH_FAILED, .process = PARTY_FETCHER, .detail = detail});
    assert_int_equal(audit_flush(audit), AUDIT_WRITTEN);
}

/* The number-th line (from 1), in a buffer that lasts until the next call. */
static const char *line_of(const char *name, unsigned number)
{
    static char text[65536];
    char *at = text;
    size_t len;
    char *data = (char *)temp_file_read(name, &len);

    assert_true(len < sizeof text);
    memcpy(text, data, len);
    text[len] = '\0';
    free(data);
    for (unsigned i = 1; i < number; i++) {
        at = strchr(at, '\n');
        assert_non_null(at);
        at++;
    }
    *strchrnul(at, '\n') = '\0';
    return at;
}

static void assert_has(const char *line, const char *part)
{
    if (strstr(line, part) == NULL)
        assert_string_equal(line, part);
}

/* Is this line the record that follows the chain? */
static void assert_follows(const char *line, struct audit_chain *chain)
{
    assert_int_equal(audit_record_verify(line, strlen(line), chain), AUDIT_OK);
}

static struct audit_chain chain_after(const char *name, unsigned lines)
{
    struct audit_chain chain = {0};

    for (unsigned i = 1; i <= lines; i++)
        assert_follows(line_of(name, i), &chain);
    return chain;
}

static void make_key(void **state)
{
    struct audit_key key = {.start = START_SEC, .interval = INTERVAL, .secret = {42}};
    char file[sizeof path + 16];

    snprintf(file, sizeof file, "%s/" AUDIT_KEY_FILE, (const char *)*state);
    assert_int_equal(audit_key_file_write(file, &key, AUDIT_KEY_FILE_REPLACE, NULL), 0);
}

/* Returns the seal's epoch, or -1: there is none.  The seal must be right. */
static int epoch_of(const char *line)
{
    struct audit_key key = {.start = START_SEC, .interval = INTERVAL, .secret = {42}};
    struct audit_chain after;
    struct audit_seal found;
    struct audit_seal wanted;
    bool is_sealed;

    assert_int_equal(audit_record_read(line, strlen(line), NULL, &after), AUDIT_OK);
    audit_seal_split(line, strlen(line), &found, &is_sealed);
    if (!is_sealed)
        return -1;
    audit_key_evolve(&key, found.epoch);
    audit_seal_make(&key, after.hash, sizeof after.hash, &wanted);
    assert_memory_equal(found.mac, wanted.mac, sizeof found.mac);
    return (int)found.epoch;
}

static void records_are_sealed_under_the_key_of_their_time(void **state)
{
    struct audit *audit;

    make_key(state);
    audit = open_sealed(state);
    add(audit, "one");
    now_usec += INTERVAL * INT64_C(3000000);
    add(audit, "two");
    /* the clock goes back */
    now_usec -= INTERVAL * INT64_C(3000000);
    add(audit, "three");
    audit_close(audit);
    assert_has(line_of(LOG, 1), "\"event\":\"audit.seal_on\",\"detail\":\"epoch 0, a new key every 15m\"");
    assert_int_equal(epoch_of(line_of(LOG, 1)), 0);
    assert_int_equal(epoch_of(line_of(LOG, 2)), 0);
    assert_int_equal(epoch_of(line_of(LOG, 3)), 3);
    assert_int_equal(epoch_of(line_of(LOG, 4)), 3);
    /* a start goes on without a word */
    audit = open_sealed(state);
    add(audit, "four");
    audit_close(audit);
    assert_has(line_of(LOG, 5), "\"detail\":\"four\"");
    assert_int_equal(epoch_of(line_of(LOG, 5)), 3);
    chain_after(LOG, 5);
}

static void the_end_of_an_interval_is_anchored_and_the_key_moved_on_though_nothing_is_written(void **state)
{
    struct audit_key found;
    struct audit *audit;

    make_key(state);
    audit = open_sealed(state);
    add(audit, "one");
    add(audit, "two");
    assert_null(strstr(log_text, "audit anchor 3:"));
    assert_true(audit_tick(audit) <= 60 * 1000);
    now_usec += INTERVAL * INT64_C(2000000);
    audit_tick(audit);
    assert_has(log_text, "audit anchor 3:");
    assert_int_equal(audit_key_file_read(AUDIT_KEY_FILE, &found, NULL), AUDIT_KEY_FILE_OK);
    assert_int_equal(found.epoch, 2);
    audit_close(audit);
}

static void a_reload_turns_seals_on_and_off_and_says_so(void **state)
{
    struct audit *audit;

    make_key(state);
    audit = open_log(state);
    add(audit, "one");
    audit_reconfigure(audit, path, true);
    add(audit, "two");
    audit_reconfigure(audit, path, false);
    add(audit, "three");
    audit_close(audit);
    assert_int_equal(epoch_of(line_of(LOG, 1)), -1);
    assert_has(line_of(LOG, 2), "\"event\":\"audit.seal_on\"");
    assert_int_equal(epoch_of(line_of(LOG, 3)), 0);
    assert_has(line_of(LOG, 4), "\"event\":\"audit.seal_off\",\"detail\":\"audit_seal = no; this is the last record with a seal\"");
    assert_int_equal(epoch_of(line_of(LOG, 4)), 0);
    assert_int_equal(epoch_of(line_of(LOG, 5)), -1);
    assert_has(line_of(LOG, 5), "\"detail\":\"three\"");
}

static void a_configuration_that_was_changed_meanwhile_is_told_at_the_start(void **state)
{
    struct audit *audit;

    make_key(state);
    audit = open_sealed(state);
    add(audit, "one");
    audit_close(audit);
    audit = open_log(state);
    add(audit, "two");
    audit_close(audit);
    assert_has(line_of(LOG, 3), "\"event\":\"audit.seal_off\",\"detail\":\"audit_seal = no\"");
    assert_int_equal(epoch_of(line_of(LOG, 3)), -1);
    audit = open_log(state);
    add(audit, "three");
    audit_close(audit);
    assert_has(line_of(LOG, 5), "\"detail\":\"three\"");
}

static void a_missing_key_is_an_error_and_a_record(void **state)
{
    struct audit *audit = open_sealed(state);

    add(audit, "one");
    assert_has(line_of(LOG, 1), "\"event\":\"audit.seal_failed\",\"detail\":\"the key's file ");
    assert_has(line_of(LOG, 1), "it does not exist; make one with: stapleguard audit --setup-seal\"");
    assert_int_equal(epoch_of(line_of(LOG, 2)), -1);
    assert_has(log_text, "sealing the audit log does not work: the key's file ");
    /* said once; and as soon as there is one, it is used */
    add(audit, "two");
    assert_has(line_of(LOG, 3), "\"detail\":\"two\"");
    make_key(state);
    audit_tick(audit);
    add(audit, "three");
    assert_has(line_of(LOG, 4), "\"event\":\"audit.seal_on\"");
    assert_int_equal(epoch_of(line_of(LOG, 5)), 0);
    audit_close(audit);
}

static void another_key_is_told(void **state)
{
    struct audit *audit;

    make_key(state);
    audit = open_sealed(state);
    add(audit, "one");
    now_usec += INTERVAL * INT64_C(1000000);
    add(audit, "two");
    make_key(state);
    now_usec -= INTERVAL * INT64_C(1000000);
    add(audit, "three");
    add(audit, "four");
    assert_has(line_of(LOG, 5), "\"event\":\"audit.seal_on\",\"detail\":\"epoch 0");
    assert_int_equal(epoch_of(line_of(LOG, 6)), 0);
    now_usec += INTERVAL * INT64_C(2000000);
    add(audit, "five");
    audit_close(audit);
    /* while nobody ran */
    make_key(state);
    now_usec -= INTERVAL * INT64_C(2000000);
    audit = open_sealed(state);
    add(audit, "six");
    audit_close(audit);
    assert_has(line_of(LOG, 8), "\"event\":\"audit.seal_on\",\"detail\":\"epoch 0");
    chain_after(LOG, 9);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_are_sealed_under_the_key_of_their_time),
        TEST(the_end_of_an_interval_is_anchored_and_the_key_moved_on_though_nothing_is_written),
        TEST(a_reload_turns_seals_on_and_off_and_says_so),
        TEST(a_configuration_that_was_changed_meanwhile_is_told_at_the_start),
        TEST(a_missing_key_is_an_error_and_a_record),
        TEST(another_key_is_told),
    };

    return cmocka_run_group_tests_name("audit_sealed", tests, NULL, NULL);
}
