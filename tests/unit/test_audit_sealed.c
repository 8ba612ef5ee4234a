/* SPDX-License-Identifier: ISC */
/* The audit log with seals: each record under the key of its time, and a record wherever that changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit_key_file.h"
#include "log_scene.h"

#define INTERVAL 900

static void make_key(void **state)
{
    struct audit_key key = {.start = LOG_START_SEC, .interval = INTERVAL, .secret = {42}};
    char file[sizeof log_scene.path + 16];

    snprintf(file, sizeof file, "%s/" AUDIT_KEY_FILE, (const char *)*state);
    assert_int_equal(audit_key_file_write(file, &key, AUDIT_KEY_FILE_REPLACE, NULL), 0);
}

/* Returns the seal's epoch, or -1: there is none.  The seal must be right. */
static int epoch_of(const char *line)
{
    struct audit_key key = {.start = LOG_START_SEC, .interval = INTERVAL, .secret = {42}};
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
    audit = log_scene_open(state, true);
    log_scene_add(audit, "one");
    log_scene.now_usec += INTERVAL * INT64_C(3000000);
    log_scene_add(audit, "two");
    /* the clock goes back */
    log_scene.now_usec -= INTERVAL * INT64_C(3000000);
    log_scene_add(audit, "three");
    audit_close(audit);
    assert_has(line_of(LOG, 1), "\"event\":\"audit.seal_on\",\"detail\":\"epoch 0, a new key every 15m\"");
    assert_int_equal(epoch_of(line_of(LOG, 1)), 0);
    assert_int_equal(epoch_of(line_of(LOG, 2)), 0);
    assert_int_equal(epoch_of(line_of(LOG, 3)), 3);
    assert_int_equal(epoch_of(line_of(LOG, 4)), 3);
    /* a start goes on without a word */
    audit = log_scene_open(state, true);
    log_scene_add(audit, "four");
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
    audit = log_scene_open(state, true);
    log_scene_add(audit, "one");
    log_scene_add(audit, "two");
    assert_null(strstr(log_scene.said, "audit anchor 3:"));
    assert_true(audit_tick(audit) <= 60 * 1000);
    log_scene.now_usec += INTERVAL * INT64_C(2000000);
    audit_tick(audit);
    assert_has(log_scene.said, "audit anchor 3:");
    assert_int_equal(audit_key_file_read(AUDIT_KEY_FILE, &found, NULL), AUDIT_KEY_FILE_OK);
    assert_int_equal(found.epoch, 2);
    audit_close(audit);
}

static void a_reload_turns_seals_on_and_off_and_says_so(void **state)
{
    struct audit *audit;

    make_key(state);
    audit = log_scene_open(state, false);
    log_scene_add(audit, "one");
    audit_reconfigure(audit, &(struct audit_settings){.path = log_scene.path, .is_sealed = true});
    log_scene_add(audit, "two");
    audit_reconfigure(audit, &(struct audit_settings){.path = log_scene.path});
    log_scene_add(audit, "three");
    audit_close(audit);
    assert_int_equal(epoch_of(line_of(LOG, 1)), -1);
    assert_has(line_of(LOG, 2), "\"event\":\"audit.seal_on\"");
    assert_int_equal(epoch_of(line_of(LOG, 3)), 0);
    assert_has(line_of(LOG, 4), "\"event\":\"audit.seal_off\",\"detail\":\"audit_seal = no; this is the last sealed record\"");
    assert_int_equal(epoch_of(line_of(LOG, 4)), 0);
    assert_int_equal(epoch_of(line_of(LOG, 5)), -1);
    assert_has(line_of(LOG, 5), "\"detail\":\"three\"");
}

static void a_configuration_that_was_changed_meanwhile_is_told_at_the_start(void **state)
{
    struct audit *audit;

    make_key(state);
    audit = log_scene_open(state, true);
    log_scene_add(audit, "one");
    audit_close(audit);
    audit = log_scene_open(state, false);
    log_scene_add(audit, "two");
    audit_close(audit);
    assert_has(line_of(LOG, 3), "\"event\":\"audit.seal_off\",\"detail\":\"audit_seal = no\"");
    assert_int_equal(epoch_of(line_of(LOG, 3)), -1);
    audit = log_scene_open(state, false);
    log_scene_add(audit, "three");
    audit_close(audit);
    assert_has(line_of(LOG, 5), "\"detail\":\"three\"");
}

static void a_missing_key_is_an_error_and_a_record(void **state)
{
    struct audit *audit = log_scene_open(state, true);

    log_scene_add(audit, "one");
    assert_has(line_of(LOG, 1), "\"event\":\"audit.seal_failed\",\"detail\":\"the key's file ");
    assert_has(line_of(LOG, 1), "it does not exist; make one with: stapleguard audit --setup-seal\"");
    assert_int_equal(epoch_of(line_of(LOG, 2)), -1);
    assert_has(log_scene.said, "sealing audit records failed: the key's file ");
    /* said once; and as soon as there is one, it is used */
    log_scene_add(audit, "two");
    assert_has(line_of(LOG, 3), "\"detail\":\"two\"");
    make_key(state);
    audit_tick(audit);
    log_scene_add(audit, "three");
    assert_has(line_of(LOG, 4), "\"event\":\"audit.seal_on\"");
    assert_int_equal(epoch_of(line_of(LOG, 5)), 0);
    audit_close(audit);
}

static void another_key_is_told(void **state)
{
    struct audit *audit;

    make_key(state);
    audit = log_scene_open(state, true);
    log_scene_add(audit, "one");
    log_scene.now_usec += INTERVAL * INT64_C(1000000);
    log_scene_add(audit, "two");
    make_key(state);
    log_scene.now_usec -= INTERVAL * INT64_C(1000000);
    log_scene_add(audit, "three");
    log_scene_add(audit, "four");
    assert_has(line_of(LOG, 5), "\"event\":\"audit.seal_on\",\"detail\":\"epoch 0");
    assert_int_equal(epoch_of(line_of(LOG, 6)), 0);
    log_scene.now_usec += INTERVAL * INT64_C(2000000);
    log_scene_add(audit, "five");
    audit_close(audit);
    /* while nobody ran */
    make_key(state);
    log_scene.now_usec -= INTERVAL * INT64_C(2000000);
    audit = log_scene_open(state, true);
    log_scene_add(audit, "six");
    audit_close(audit);
    assert_has(line_of(LOG, 8), "\"event\":\"audit.seal_on\",\"detail\":\"epoch 0");
    chain_after(LOG, 9);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, log_scene_setup, log_scene_teardown)

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
