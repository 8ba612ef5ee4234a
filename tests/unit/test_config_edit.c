/* SPDX-License-Identifier: ISC */
/* The last look at a computed edit: bytes that are not ours may not have changed, whatever made the edit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "apache_config/config_marks.h"
#include "apache_config/edit_request.h"
#include "temp_dir.h"

static const char text[] = "<VirtualHost *:443>\nServerName a.example\nSSLEngine on\n# theirs\n</VirtualHost>\n";

static bool is_comment_lost;

bool __real_httpd_marks_add(
    struct httpd_arena *arena, struct httpd_bytes file, size_t at, const char *directive, struct httpd_splice *splice);
bool __wrap_httpd_marks_add(
    struct httpd_arena *arena, struct httpd_bytes file, size_t at, const char *directive, struct httpd_splice *splice);

/* A mistake of ours: the line above the new one is lost. */
bool __wrap_httpd_marks_add(
    struct httpd_arena *arena, struct httpd_bytes file, size_t at, const char *directive, struct httpd_splice *splice)
{
    bool is_added = __real_httpd_marks_add(arena, file, at, directive, splice);

    if (is_comment_lost && strcmp(directive, "SSLUseStapling on") == 0) {
        splice->at -= strlen("# theirs\n");
        splice->remove = strlen("# theirs\n");
    }
    return is_added;
}

static void an_edit_that_loses_a_line_is_not_handed_out(void **state)
{
    static const char *const modules[] = {"mod_ssl.c"};
    static const char *const domains[] = {"a.example"};
    char root[256];
    char error[400];
    struct httpd_source source = {.server_root = root, .conf_file = "httpd.conf", .modules = modules, .module_count = 1};
    struct httpd_edit_request request = {.domains = domains, .domain_count = 1, .dbm = "/d", .lock_dir = "/l"};
    struct httpd_tree *tree;

    (void)state;
    assert_non_null(getcwd(root, sizeof root));
    temp_file_write("httpd.conf", text, strlen(text));
    tree = httpd_tree_load(&source, error, sizeof error);
    assert_non_null(tree);
    for (int lost = 0; lost <= 1; lost++) {
        struct httpd_findings findings = {NULL, 0};
        struct change_set set;

        change_set_init(&set);
        is_comment_lost = lost == 1;
        assert_int_equal(httpd_edit_enable(&source, tree, &request, &set, &findings, error, sizeof error),
            lost == 1 ? HTTPD_EDIT_FAILED : HTTPD_EDIT_OK);
        assert_int_equal(set.count, lost == 1 ? 0 : 2);
        if (lost == 1)
            assert_non_null(strstr(error, "more than stapleguard's own lines"));
        change_set_free(&set);
        httpd_findings_free(&findings);
    }
    httpd_tree_free(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_edit_that_loses_a_line_is_not_handed_out, temp_dir_setup, temp_dir_teardown),
    };

    return cmocka_run_group_tests_name("httpd_edit", tests, NULL, NULL);
}
