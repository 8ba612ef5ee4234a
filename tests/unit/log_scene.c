/* SPDX-License-Identifier: ISC */
#include "log_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "system/log.h"

struct log_scene log_scene;

static int64_t test_clock(void)
{
    return log_scene.now_usec++;
}

static void keep_line(enum severity severity, const char *text)
{
    size_t len = strlen(log_scene.said);

    (void)severity;
    snprintf(log_scene.said + len, sizeof log_scene.said - len, "%s\n", text);
}

int log_scene_setup(void **state)
{
    int result = temp_dir_setup(state);

    snprintf(log_scene.path, sizeof log_scene.path, "%s/" LOG, (const char *)*state);
    log_scene.now_usec = LOG_START_SEC * 1000000;
    log_scene.said[0] = '\0';
    log_to(keep_line);
    return result;
}

int log_scene_teardown(void **state)
{
    log_to(NULL);
    return temp_dir_teardown(state);
}

struct audit *log_scene_open(void **state, bool is_sealed)
{
    struct audit *audit = audit_open(
        &(struct audit_settings){.path = log_scene.path, .state_dir = *state, .is_sealed = is_sealed, .clock = test_clock});

    assert_non_null(audit);
    return audit;
}

void log_scene_add(struct audit *audit, const char *detail)
{
    audit_write(audit, &(struct audit_fields){.event = EVENT_FETCH_FAILED, .process = PARTY_FETCHER, .detail = detail});
    assert_int_equal(audit_flush(audit), AUDIT_WRITTEN);
}

const char *line_of(const char *name, unsigned number)
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

void assert_has(const char *line, const char *part)
{
    if (strstr(line, part) == NULL)
        assert_string_equal(line, part);
}

void assert_follows(const char *line, struct audit_chain *chain)
{
    assert_int_equal(audit_record_verify(line, strlen(line), chain), AUDIT_OK);
}

struct audit_chain chain_after(const char *name, unsigned lines)
{
    struct audit_chain chain = {0};

    for (unsigned i = 1; i <= lines; i++)
        assert_follows(line_of(name, i), &chain);
    return chain;
}
