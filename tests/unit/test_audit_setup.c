/* SPDX-License-Identifier: ISC */
/* The core of `stapleguard audit --setup-seal`: who may, what is printed once, and what is never overwritten by accident. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit/audit_key_file.h"
#include "audit/audit_setup.h"
#include "system/log.h"
#include "temp_dir.h"

static bool is_root;

uid_t __real_geteuid(void);
uid_t __wrap_geteuid(void);

uid_t __wrap_geteuid(void)
{
    return is_root ? 0 : 1000;
}

static char log_text[1024];

static void keep_log(enum severity severity, const char *text)
{
    (void)severity;
    snprintf(log_text, sizeof log_text, "%s", text);
}

static char said[4096];

/* What it prints is in `said`. */
static int set_up_seal(const struct conf *conf, bool replace)
{
    int out = dup(STDOUT_FILENO);
    int file = open("said", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t len;
    int code;

    assert_true(out >= 0 && file >= 0);
    fflush(stdout);
    dup2(file, STDOUT_FILENO);
    code = audit_setup_seal(conf, replace);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    close(out);
    len = pread(file, said, sizeof said - 1, 0);
    assert_true(len >= 0);
    said[len] = '\0';
    close(file);
    return code;
}

static struct conf conf_of(void **state, bool is_sealed)
{
    return (struct conf){.state_dir = *state,
        .audit_log = (char *)(uintptr_t) "/var/log/stapleguard/audit.jsonl",
        .is_audit_sealed = is_sealed,
        .audit_seal_interval_sec = 900};
}

static int set_up(void **state)
{
    is_root = true;
    log_text[0] = '\0';
    log_to(keep_log);
    return temp_dir_setup(state);
}

static int tear_down(void **state)
{
    log_to(NULL);
    return temp_dir_teardown(state);
}

static void the_printed_key_is_that_of_the_file(void **state)
{
    const struct conf conf = conf_of(state, true);
    struct audit_key printed;
    struct audit_key kept = {0};
    size_t len;
    char *text;

    assert_int_equal(set_up_seal(&conf, false), 0);
    said[strcspn(said, "\n")] = '\0';
    assert_true(audit_key_parse(said, &printed));
    text = (char *)temp_file_read(AUDIT_KEY_FILE, &len);
    assert_true(audit_key_file_parse(text, len, &kept));
    free(text);
    assert_memory_equal(printed.secret, kept.secret, sizeof kept.secret);
    assert_true(kept.epoch == 0 && kept.interval == 900 && printed.interval == 900);
    assert_true(kept.start == printed.start && kept.start <= (int64_t)time(NULL) && kept.start > (int64_t)time(NULL) - 60);
}

static void it_says_where_the_key_belongs_and_what_is_next(void **state)
{
    struct conf conf = conf_of(state, true);

    assert_int_equal(set_up_seal(&conf, false), 0);
    assert_non_null(strstr(said, "off this machine"));
    assert_non_null(strstr(said, "--verify --key"));
    assert_non_null(strstr(said, "changes every 15m,"));
    assert_null(strstr(said, "audit_seal = yes"));
    conf = conf_of(state, false);
    assert_int_equal(set_up_seal(&conf, true), 0);
    assert_non_null(strstr(said, "put audit_seal = yes into"));
}

static void a_key_is_replaced_only_when_asked_for(void **state)
{
    const struct conf conf = conf_of(state, true);
    char *before;
    char *after;
    size_t before_len;
    size_t after_len;

    assert_int_equal(set_up_seal(&conf, false), 0);
    before = (char *)temp_file_read(AUDIT_KEY_FILE, &before_len);
    assert_int_equal(set_up_seal(&conf, false), 1);
    assert_string_equal(said, "");
    assert_non_null(strstr(log_text, "there is a key already"));
    assert_non_null(strstr(log_text, "--replace"));
    after = (char *)temp_file_read(AUDIT_KEY_FILE, &after_len);
    assert_memory_equal(before, after, before_len);
    free(after);
    assert_int_equal(set_up_seal(&conf, true), 0);
    after = (char *)temp_file_read(AUDIT_KEY_FILE, &after_len);
    assert_memory_not_equal(before, after, before_len);
    free(before);
    free(after);
}

static void nobody_but_root_may(void **state)
{
    const struct conf conf = conf_of(state, true);

    is_root = false;
    assert_int_equal(set_up_seal(&conf, false), 3);
    assert_non_null(strstr(log_text, "needs root"));
    assert_int_equal(access(AUDIT_KEY_FILE, F_OK), -1);
}

static void a_state_directory_that_is_missing_is_named(void **state)
{
    struct conf conf = conf_of(state, true);
    char missing[] = "/nonexistent/stapleguard";

    conf.state_dir = missing;
    assert_int_equal(set_up_seal(&conf, false), 3);
    assert_non_null(strstr(log_text, "/nonexistent/stapleguard/audit.seal: No such file"));
    assert_non_null(strstr(log_text, "start the service once"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_printed_key_is_that_of_the_file),
        TEST(it_says_where_the_key_belongs_and_what_is_next),
        TEST(a_key_is_replaced_only_when_asked_for),
        TEST(nobody_but_root_may),
        TEST(a_state_directory_that_is_missing_is_named),
    };

    return cmocka_run_group_tests_name("audit_setup", tests, NULL, NULL);
}
