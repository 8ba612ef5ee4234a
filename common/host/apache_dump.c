/* SPDX-License-Identifier: ISC */
#include "host/apache_dump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void apache_dump_option(struct apache_dump_command *command, const char *option, const char *value)
{
    size_t needed = value == NULL ? 1 : 2;

    if (command->count + needed > APACHE_DUMP_WORDS_MAX)
        return;
    command->words[command->count++] = option;
    if (value != NULL)
        command->words[command->count++] = value;
    command->words[command->count] = NULL;
}

void apache_dump_command(const struct conf *conf, const char *info_module, struct apache_dump_command *command)
{
    static const char *const parts[] = {"DUMP_CONFIG", "DUMP_RUN_CFG", "DUMP_MODULES", "DUMP_INCLUDES", "DUMP_CERTS"};

    command->count = 0;
    apache_dump_option(command, conf->program != NULL ? conf->program : conf->control, "-t");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        apache_dump_option(command, "-D", parts[i]);
    if (info_module == NULL)
        return;
    snprintf(command->load_info, sizeof command->load_info, "LoadModule info_module \"%.4095s\"", info_module);
    apache_dump_option(command, "-C", command->load_info);
}

const char *apache_dump_find_info(void)
{
    static const char *const places[] = {"/usr/lib/apache2/modules/mod_info.so", "/usr/lib64/httpd/modules/mod_info.so",
        "/usr/lib/httpd/modules/mod_info.so", "/usr/local/apache2/modules/mod_info.so"};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (access(places[i], R_OK) == 0)
            return places[i];
    return NULL;
}

void apache_dump_explain(
    const struct apache_dump_command *command, const struct subprocess_result *result, char *error, size_t cap)
{
    const char *program = command->words[0];
    char words[2 * DETAIL_MAX];

    subprocess_words(result, words, sizeof words);
    if (result->errno_value != 0)
        snprintf(error, cap, "cannot run %s: %s; see control in [apache]", program, strerror(result->errno_value));
    else if (WIFEXITED(result->status) && WEXITSTATUS(result->status) == 127)
        snprintf(error, cap, "cannot run %s; see control in [apache]", program);
    else
        snprintf(error, cap, "%s -t -D DUMP_CONFIG: %s", program, words[0] == '\0' ? "no answer" : words);
}

bool apache_dump_run(const struct apache_dump_command *command, struct apache_dump *dump, char *error, size_t cap)
{
    struct subprocess_result result;
    bool is_done = false;

    *dump = (struct apache_dump){.has_config = false};
    if (subprocess_run(command->words, APACHE_DUMP_TIMEOUT_SEC, &result) != 0)
        apache_dump_explain(command, &result, error, cap);
    else if (!(is_done
                 = apache_dump_parse(dump, result.out == NULL ? "" : result.out, result.out == NULL ? 0 : strlen(result.out))))
        snprintf(error, cap, "out of memory");
    subprocess_clear(&result);
    return is_done;
}
