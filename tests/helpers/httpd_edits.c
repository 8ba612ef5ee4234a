/* SPDX-License-Identifier: ISC */
/*
 * Owns: printing what cli/httpd sees in a configuration and what it would change, for the system tests.
 * Runs in: tests.
 * Never: changes a file.
 *
 * usage: httpd_edits ROOT FILE tree
 *        httpd_edits ROOT FILE enable|disable DBM LOCK_DIR all|DOMAIN...
 * Fields are separated by tabs, changes by lengths, so that any byte may stand in them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apache_config/config_match.h"
#include "apache_config/edit_request.h"

static const char *const modules[]
    = {"core.c", "mod_so.c", "mod_watchdog.c", "http_core.c", "mod_log_config.c", "mod_logio.c", "mod_version.c", "mod_unixd.c"};

static void print_vhosts(const struct httpd_tree *tree)
{
    for (size_t i = 0; i < httpd_tree_vhost_count(tree); i++) {
        const struct httpd_vhost *vhost = httpd_tree_vhost(tree, i);
        const struct httpd_line *line = httpd_tree_effective(tree, i, HTTPD_USE_STAPLING);

        printf("vhost\t%s\t%u\t%s\t%s\t%s\t", vhost->place.path, vhost->place.line, vhost->is_tls ? "tls" : "plain",
            httpd_line_is_on(line) ? "on" : "off", vhost->server_name == NULL ? "" : vhost->server_name);
        for (size_t k = 0; k < vhost->alias_count; k++)
            printf("%s%s", k == 0 ? "" : " ", vhost->aliases[k]);
        printf("\t");
        for (size_t k = 0; k < vhost->certificate_count; k++)
            printf("%s%s", k == 0 ? "" : " ", vhost->certificates[k]);
        printf("\t%u\n", vhost->use.line);
    }
}

static void print_lines(const struct httpd_tree *tree)
{
    for (size_t i = 0; i < httpd_tree_line_count(tree); i++) {
        const struct httpd_line *line = httpd_tree_line(tree, i);

        printf("line\t%s\t%u\t%s", line->place.path, line->place.line, httpd_setting_name(line->setting));
        for (size_t k = 0; k < line->word_count; k++)
            printf("\t%s", line->words[k]);
        printf("\n");
    }
}

static void print_bytes(const char *bytes, size_t len)
{
    printf("%zu\n", bytes == NULL ? 0 : len);
    if (bytes != NULL)
        fwrite(bytes, 1, len, stdout);
    printf("\n");
}

static void print_changes(const struct change_set *set)
{
    static const char *const words[] = {"create", "replace", "link", "remove"};

    for (size_t i = 0; i < set->count; i++) {
        const struct change *change = &set->changes[i];

        printf("change\t%s\t%s\t%s\n", words[change->kind], change->is_link ? "link" : "file", change->path);
        print_bytes(change->content, change->content_len);
        print_bytes(change->before, change->before_len);
    }
}

static void print_findings(const struct httpd_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        char text[1024];

        httpd_finding_text(&findings->items[i], text, sizeof text);
        printf("finding\t%s\t%s\t%u\t%s\n", httpd_finding_word(findings->items[i].kind),
            findings->items[i].path == NULL ? "" : findings->items[i].path, findings->items[i].line, text);
    }
}

static int run_edit(const struct httpd_source *source, const struct httpd_tree *tree, int argc, char **argv)
{
    static const char *const words[] = {"ok", "no-tls-vhost", "no-such-vhost", "blocked", "failed"};
    const struct httpd_edit_request request = {.is_all = strcmp(argv[3], "all") == 0,
        .domains = (const char *const *)&argv[3],
        .domain_count = (size_t)(argc - 3),
        .dbm = argv[1],
        .lock_dir = argv[2]};
    struct httpd_findings findings = {NULL, 0};
    struct change_set set;
    char error[1024] = "";
    enum httpd_edit_result result;
    bool is_enabling = strcmp(argv[0], "enable") == 0;

    change_set_init(&set);
    if (is_enabling && !httpd_edit_preflight(tree, &request, &findings))
        return 1;
    result = (is_enabling ? httpd_edit_enable : httpd_edit_disable)(source, tree, &request, &set, &findings, error, sizeof error);
    printf("result\t%s\t%s\n", words[result], error);
    printf("enabled\t%s\n", httpd_edit_is_enabled(tree) ? "yes" : "no");
    print_findings(&findings);
    print_changes(&set);
    if (set.count > 0) {
        printf("diff\n");
        change_set_diff(&set, stdout);
    }
    change_set_free(&set);
    httpd_findings_free(&findings);
    return 0;
}

int main(int argc, char **argv)
{
    const char *version = getenv("HTTPD_VERSION");
    struct httpd_source source = {.modules = modules,
        .module_count = sizeof modules / sizeof modules[0],
        .environment = (const char *const *)environ,
        .version = version};
    struct httpd_tree *tree;
    char error[1024];
    int status = 0;

    if (argc != 4 && argc < 7)
        return 2;
    source.server_root = argv[1];
    source.conf_file = argv[2];
    tree = httpd_tree_load(&source, error, sizeof error);
    if (tree == NULL) {
        printf("error\t%s\n", error);
        return 0;
    }
    if (argc == 4) {
        print_vhosts(tree);
        print_lines(tree);
        for (size_t i = 0; i < httpd_tree_file_count(tree); i++)
            printf("file\t%s\n", httpd_tree_file(tree, i));
    } else {
        status = run_edit(&source, tree, argc - 3, argv + 3);
    }
    httpd_tree_free(tree);
    return status;
}
