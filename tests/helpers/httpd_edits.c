/* SPDX-License-Identifier: ISC */
/*
 * Owns: printing what cli/apache_config sees in a configuration and what it would change, for the system tests.
 * Runs in: tests.
 * Never: changes a file.
 *
 * usage: httpd_edits CONTROL tree
 *        httpd_edits CONTROL enable|disable DBM LOCK_DIR all|DOMAIN...
 * CONTROL is what apachectl is.  Fields are separated by tabs, changes by lengths, so that any byte may stand in them.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apache_config/config_match.h"
#include "apache_config/edit_request.h"

/* The line of the outermost Use that made it; 0: no macro did. */
static unsigned use_line(const struct apache_place *place)
{
    const char *source = place->source;
    size_t len = strlen(source);
    struct apache_macro macro = {.used_line = 0};

    while (apache_macro_parse(source, len, &macro)) {
        source = macro.used_in;
        len = macro.used_in_len;
    }
    return source == place->source ? 0 : macro.used_line;
}

static void print_texts(char *const *texts, size_t count)
{
    printf("\t");
    for (size_t i = 0; i < count; i++)
        printf("%s%s", i == 0 ? "" : " ", texts[i]);
}

static void print_sites(const struct apache_config *config)
{
    for (size_t i = 0; i < config->dump.site_count; i++) {
        const struct apache_site *site = &config->dump.sites[i];
        const struct config_span *span = &config->sites[i];

        printf("vhost\t%s\t%u\t%s\t%s\t%s", span->file == NULL ? "" : span->file->path, span->line,
            site->is_tls ? "tls" : "plain", apache_line_is(config_effective(config, i, APACHE_USE_STAPLING), "on") ? "on" : "off",
            site->server_name == NULL ? "" : site->server_name);
        print_texts(site->aliases, site->alias_count);
        print_texts(site->certificates, site->certificate_count);
        printf("\t%u\n", use_line(&site->place));
    }
}

static void print_lines(const struct apache_config *config)
{
    for (size_t i = 0; i < config->dump.line_count; i++) {
        const struct apache_line *line = &config->dump.lines[i];
        struct config_span span;

        config_find_line(config, line, &span);
        printf("line\t%s\t%u\t%s", span.file == NULL ? "" : span.file->path, span.line, apache_setting_name(line->setting));
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

static void print_findings(const struct config_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        char text[1024];

        config_finding_text(&findings->items[i], text, sizeof text);
        printf("finding\t%s\t%s\t%u\t%s\n", config_finding_word(findings->items[i].kind), findings->items[i].path,
            findings->items[i].line, text);
    }
}

static int run_edit(const struct apache_dump_command *command, const struct apache_config *config, int argc, char **argv)
{
    static const char *const words[] = {"ok", "no-tls-vhost", "no-such-vhost", "blocked", "failed"};
    const struct config_edit_request request = {.command = command,
        .is_all = strcmp(argv[3], "all") == 0,
        .domains = (const char *const *)&argv[3],
        .domain_count = (size_t)(argc - 3),
        .dbm = argv[1],
        .lock_dir = argv[2]};
    struct config_findings findings = {NULL, 0};
    struct change_set set;
    char error[CONFIG_ERROR_MAX], untried[CONFIG_ERROR_MAX];
    const struct config_edit_outcome outcome = {&set, &findings, error, sizeof error, untried};
    enum config_edit_result result;
    bool is_enabling = strcmp(argv[0], "enable") == 0;

    change_set_init(&set);
    if (is_enabling && !config_edit_preflight(config, &request, &findings))
        return 1;
    result = (is_enabling ? config_edit_enable : config_edit_disable)(config, &request, &outcome);
    printf("result\t%s\t%s\n", words[result], error);
    printf("enabled\t%s\n", config_edit_is_enabled(config) ? "yes" : "no");
    printf("untried\t%s\n", untried);
    print_findings(&findings);
    print_changes(&set);
    if (set.count > 0) {
        printf("diff\n");
        change_set_diff(&set, stdout);
    }
    change_set_free(&set);
    config_findings_free(&findings);
    return 0;
}

int main(int argc, char **argv)
{
    struct conf conf = {.control = argv[1]};
    struct apache_dump_command command;
    struct apache_config *config;
    char error[CONFIG_ERROR_MAX];
    int status = 0;

    if (argc != 3 && argc < 6)
        return 2;
    apache_dump_command(&conf, apache_dump_find_info(), &command);
    config = config_load(&command, error, sizeof error);
    if (config == NULL) {
        printf("error\t%s\n", error);
        return 0;
    }
    if (argc == 3) {
        print_sites(config);
        print_lines(config);
        for (size_t i = 0; i < config->file_count; i++)
            printf("file\t%s\n", config->files[i]->path);
    } else {
        status = run_edit(&command, config, argc - 2, argv + 2);
    }
    config_free(config);
    return status;
}
