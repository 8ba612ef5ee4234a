/* SPDX-License-Identifier: ISC */
/* Gathering the edits of a file, and the last look at them: bytes that are not ours may not have changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "apache_config/edit.h"

static const char text[] = "<VirtualHost *:443>\nServerName a.example\n# theirs\n</VirtualHost>\nSSLUseStapling off";

struct fixture {
    struct config_file file;
    struct change_set set;
    struct config_findings findings;
    char error[CONFIG_ERROR_MAX], untried[CONFIG_ERROR_MAX];
    struct config_edit_outcome outcome;
    struct edit edit;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){.file = {.path = "/a.conf", .bytes = {text, strlen(text)}}};
    change_set_init(&fixture.set);
    fixture.outcome
        = (struct config_edit_outcome){&fixture.set, &fixture.findings, fixture.error, sizeof fixture.error, fixture.untried};
    fixture.edit = (struct edit){.outcome = &fixture.outcome};
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    change_set_free(&fixture->set);
    arena_free(&fixture->edit.arena);
    return 0;
}

static size_t offset_of(const char *word)
{
    return (size_t)(strstr(text, word) - text);
}

static void gather(struct fixture *fixture, size_t at, const char *directive)
{
    struct config_splice splice;

    assert_true(config_marks_add(&fixture->edit.arena, fixture->file.bytes, at, directive, &splice));
    assert_true(edit_gather(&fixture->edit, &fixture->file, &splice));
}

static size_t times(const char *word, const char *found, size_t len)
{
    size_t count = 0;

    for (const char *at = found; (at = memmem(at, len - (size_t)(at - found), word, strlen(word))) != NULL; at++)
        count++;
    return count;
}

static void the_edits_of_a_file_become_one_change(void **state)
{
    struct fixture *fixture = *state;
    struct config_splice aside;

    gather(fixture, strlen(text), "Include \"/stapleguard.conf\"");
    gather(fixture, offset_of("</VirtualHost"), "SSLUseStapling on");
    gather(fixture, offset_of("</VirtualHost"), "SSLUseStapling on"); /* by a macro that is used twice */
    assert_true(
        config_marks_put_aside(&fixture->edit.arena, fixture->file.bytes, offset_of("SSLUseStapling off"), strlen(text), &aside));
    assert_true(edit_gather(&fixture->edit, &fixture->file, &aside));
    assert_true(edit_apply(&fixture->edit));
    assert_int_equal(fixture->set.count, 1);
    assert_int_equal(
        times("SSLUseStapling on\n</VirtualHost>\n", fixture->set.changes[0].content, fixture->set.changes[0].content_len), 1);
    assert_int_equal(times("SSLUseStapling on\n", fixture->set.changes[0].content, fixture->set.changes[0].content_len), 1);
    assert_int_equal(
        times("#stapleguard-was#SSLUseStapling off\n", fixture->set.changes[0].content, fixture->set.changes[0].content_len), 1);
    assert_int_equal(edit_check_bytes(&fixture->edit), CONFIG_EDIT_OK);
}

static void an_edit_that_loses_a_line_is_not_handed_out(void **state)
{
    struct fixture *fixture = *state;

    gather(fixture, offset_of("</VirtualHost"), "SSLUseStapling on");
    fixture->edit.splices[0].splice.at -= strlen("# theirs\n"); /* a mistake of ours */
    fixture->edit.splices[0].splice.remove = strlen("# theirs\n");
    assert_true(edit_apply(&fixture->edit));
    assert_int_equal(edit_check_bytes(&fixture->edit), CONFIG_EDIT_FAILED);
    assert_non_null(strstr(fixture->error, "more than stapleguard's own lines"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_edits_of_a_file_become_one_change, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_edit_that_loses_a_line_is_not_handed_out, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("config_edit", tests, NULL, NULL);
}
