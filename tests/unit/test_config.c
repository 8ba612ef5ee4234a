/* SPDX-License-Identifier: ISC */
/* What Apache places at a line is found there in bytes: lines that are joined, macros, includes, files with several names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "apache_config/config.h"
#include "temp_dir.h"

/* Captured from httpd 2.4.71, with @ for the directory. */
static const char main_file[]
    = "ServerName a.example\n"
      "<Macro M \\\n"
      "   $a>\n"
      "\n"
      "  # comment one\n"
      "   \n"
      "ServerAlias x\\\r\n"
      "y\n"
      "\t# comment \\\n"
      " two\n"
      "<Macro I$a>\n"
      "# not counted\n"
      "SSLUseStapling on\n"
      "</Macro>\n"
      "</Macro>\n"
      "Use M \\\n"
      " q\n"
      "Use Iq\n"
      "  SSLUseStapling \\\n"
      "    Off";
static const char included[]
    = "# bom\n\n Listen \\\r\n  443\r\n<VirtualHost \\\n *:443>\n\n  ServerName \\\n  x\n"
      "#</VirtualHost>\n</virtualhost >\n";
static const char dump[]
    = "Included configuration files:\n  (*) @/m.conf\n    (11) @/inc.conf\n    (12) @/link.conf\n"
      "# In file: @/m.conf\n#   1:\nServerName a.example\n"
      "# In file: macro 'm' (defined on line 3 of \"@/m.conf\") used on line 17 of \"@/m.conf\"\n#   3:\nServerAlias xy\n"
      "# In file: macro 'iq' (defined on line 4 of \"macro 'm' (defined on line 3 of \"@/m.conf\") used on line 17 of "
      "\"@/m.conf\"\") used on line 18 of \"@/m.conf\"\n#   1:\nSSLUseStapling on\n"
      "# In file: @/m.conf\n#  20:\nSSLUseStapling Off\n"
      "# In file: @/inc.conf\n#   4:\nListen 443\n#   6:\n<VirtualHost *:443>\n  #   9:\n  ServerName x\n</VirtualHost>\n"
      "# In file: @/link.conf\n#   6:\n<VirtualHost *:443>\n  #   9:\n  ServerName x\n</VirtualHost>\n"
      "# In file: -c/-C directives\n#   1:\nSSLUseStapling on\n"
      "# In file: @/m.conf\n#   1:\nSSLUseStapling on\n#  21:\nListen 1\n#   0:\nListen 1\n";

static char directory[256];

static void write_script(const char *text)
{
    FILE *out = fopen("apachectl", "we");

    assert_non_null(out);
    fprintf(out, "#!/bin/sh\ncat <<'END'\n");
    for (; *text != '\0'; text++)
        if (*text == '@')
            fputs(directory, out);
        else
            fputc(*text, out);
    fprintf(out, "END\n");
    assert_int_equal(fclose(out), 0);
    assert_int_equal(chmod("apachectl", 0700), 0);
}

static struct apache_config *load(const char *text, char *error, size_t cap)
{
    char control[300];
    struct conf conf = {.control = control};
    struct apache_dump_command command;

    assert_non_null(getcwd(directory, sizeof directory));
    snprintf(control, sizeof control, "%s/apachectl", directory);
    temp_file_write("m.conf", main_file, strlen(main_file));
    temp_file_write("inc.conf", included, strlen(included));
    assert_int_equal(symlink("inc.conf", "link.conf"), 0);
    write_script(text);
    apache_dump_command(&conf, NULL, &command);
    return config_load(&command, error, cap);
}

static void stands(const struct config_span *span, unsigned line, const char *text)
{
    assert_non_null(span->file);
    assert_int_equal(span->line, line);
    assert_int_equal(span->end - span->begin, strlen(text));
    assert_memory_equal(span->file->bytes.data + span->begin, text, strlen(text));
}

static void every_place_is_found(void **state)
{
    char error[CONFIG_ERROR_MAX];
    struct apache_config *config = load(dump, error, sizeof error);
    static const struct {
        unsigned line;
        const char *text; /* NULL: nowhere */
    } rows[] = {
        {1, "ServerName a.example\n"}, {7, "ServerAlias x\\\r\ny\n"}, {13, "SSLUseStapling on\n"},
        {19, "  SSLUseStapling \\\n    Off"}, {3, " Listen \\\r\n  443\r\n"}, {8, "  ServerName \\\n  x\n"},
        {8, "  ServerName \\\n  x\n"}, {0, NULL}, /* Apache's command line */
        {0, NULL},                                /* something else stands there */
        {0, NULL},                                /* behind the end */
    };

    (void)state;
    if (config == NULL)
        fail_msg("%s", error);
    assert_int_equal(config->dump.line_count, sizeof rows / sizeof rows[0]);
    for (size_t i = 0; i < config->dump.line_count; i++) {
        struct config_span span;

        config_find_line(config, &config->dump.lines[i], &span);
        if (rows[i].text != NULL)
            stands(&span, rows[i].line, rows[i].text);
        else
            assert_null(span.file);
    }
    config_free(config);
}

static void a_site_ends_at_its_end(void **state)
{
    char error[CONFIG_ERROR_MAX];
    struct apache_config *config = load(dump, error, sizeof error);

    (void)state;
    assert_non_null(config);
    assert_int_equal(config->dump.site_count, 2);
    assert_int_equal(config->sites[0].line, 5);
    assert_memory_equal(config->sites[0].file->bytes.data + config->sites[0].end, "</virtualhost >\n", 16);
    /* A file with two names is one, and read twice. */
    assert_int_equal(config->file_count, 2);
    assert_ptr_equal(config->sites[0].file, config->sites[1].file);
    assert_int_equal(config->files[1]->times_read, 2);
    config_free(config);
}

static void what_cannot_be_used_is_named(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } rows[] = {
        {"", "does not name Apache's configuration file"},
        {"Included configuration files:\n  (*) @/missing.conf\n", "/missing.conf: cannot be read: "},
        {"Included configuration files:\n  (*) @\n", ": cannot be read: "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char error[CONFIG_ERROR_MAX];

        unlink("link.conf");
        assert_null(load(rows[i].text, error, sizeof error));
        assert_non_null(strstr(error, rows[i].error));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_place_is_found, temp_dir_setup, temp_dir_teardown),
        cmocka_unit_test_setup_teardown(a_site_ends_at_its_end, temp_dir_setup, temp_dir_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_used_is_named, temp_dir_setup, temp_dir_teardown),
    };

    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
