/* SPDX-License-Identifier: ISC */
#include "enable/apache_facts.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/apache_process.h"
#include "host/subprocess.h"

#define CONTROL_TIMEOUT_SEC 60

/* A command line or environment of a process, and its maps: more is cut off. */
#define PROC_FILE_MAX (4u * 1024u * 1024u)

bool text_list_add(struct text_list *list, const char *text, size_t len)
{
    char **grown = reallocarray(list->items, list->count + 2, sizeof *grown);

    if (grown == NULL)
        return false;
    list->items = grown;
    grown[list->count] = strndup(text, len);
    grown[list->count + 1] = NULL;
    return grown[list->count] != NULL && ++list->count > 0;
}

bool text_list_has(const struct text_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], text) == 0)
            return true;
    return false;
}

void text_list_clear(struct text_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct text_list){.items = NULL};
}

/* The text between name=" and the next ", as -V has it. */
static bool quoted(const char *output, const char *name, char *out, size_t cap)
{
    const char *at = strstr(output, name);
    size_t len;

    if (at == NULL)
        return false;
    at += strlen(name);
    len = strcspn(at, "\"\n");
    if (at[len] != '"' || len >= cap)
        return false;
    memcpy(out, at, len);
    out[len] = '\0';
    return true;
}

bool apache_facts_parse_build(const char *output, struct apache_facts *facts)
{
    const char *version = strstr(output, "Server version: ");
    const char *number = version == NULL ? NULL : strchr(version, '/');
    size_t len = number == NULL ? 0 : strspn(number + 1, "0123456789.");

    if (len == 0 || len >= sizeof facts->version)
        return false;
    memcpy(facts->version, number + 1, len);
    facts->version[len] = '\0';
    return quoted(output, "HTTPD_ROOT=\"", facts->server_root, sizeof facts->server_root)
        && quoted(output, "SERVER_CONFIG_FILE=\"", facts->conf_file, sizeof facts->conf_file);
}

bool apache_facts_parse_files(const char *output, struct apache_facts *facts)
{
    const char *main_file = strstr(output, "(*) ");
    size_t len = main_file == NULL ? 0 : strcspn(main_file + 4, "\r\n");

    if (len == 0 || len >= sizeof facts->conf_file)
        return false;
    memcpy(facts->conf_file, main_file + 4, len);
    facts->conf_file[len] = '\0';
    return quoted(output, "ServerRoot: \"", facts->server_root, sizeof facts->server_root);
}

bool apache_facts_is_new_enough(const struct apache_facts *facts)
{
    unsigned major = 0, minor = 0;

    return sscanf(facts->version, "%u.%u", &major, &minor) == 2 && (major > 2 || (major == 2 && minor >= 4));
}

bool apache_facts_parse_modules(const char *output, const char *ending, struct text_list *modules)
{
    size_t ending_len = strlen(ending);

    for (const char *line = output; line != NULL && *line != '\0'; line = strchr(line, '\n'), line += line != NULL) {
        const char *word = line + strspn(line, " \t");
        size_t len = strcspn(word, " \t\r\n");

        if (len > ending_len && memcmp(word + len - ending_len, ending, ending_len) == 0 && !text_list_add(modules, word, len))
            return false;
    }
    return true;
}

/* The value of an option, in the same word or in the next. */
static const char *value_of(const char *word, const char *end)
{
    if (word[2] != '\0')
        return word + 2;
    word += strlen(word) + 1;
    return word < end ? word : NULL;
}

bool apache_facts_parse_command(const char *words, size_t len, struct apache_facts *facts)
{
    const char *end = words + len;

    for (const char *word = words; word < end; word += strlen(word) + 1) {
        const char *value = word[0] == '-' && word[1] != '\0' && strchr("dfD", word[1]) != NULL ? value_of(word, end) : NULL;

        if (value == NULL)
            continue;
        if (word[1] == 'd')
            snprintf(facts->server_root, sizeof facts->server_root, "%s", value);
        else if (word[1] == 'f')
            snprintf(facts->conf_file, sizeof facts->conf_file, "%s", value);
        else if (!text_list_add(&facts->defines, value, strlen(value)))
            return false;
        if (value != word + 2)
            word = value;
    }
    return true;
}

bool apache_facts_has_module(const struct apache_facts *facts, const char *name)
{
    char full[128];

    snprintf(full, sizeof full, "%s_module", name);
    return text_list_has(&facts->modules, full);
}

/* Asking. */

/* What `control WORDS` prints; NULL with error.  The caller's to free. */
static char *ask(const struct conf *conf, const char *const words[], char *error, size_t cap)
{
    const char *argv[8] = {conf->control};
    struct subprocess_result result;
    char said[DETAIL_MAX + 1];
    char *out;
    size_t count = 1;

    while (words[count - 1] != NULL && count < 7) {
        argv[count] = words[count - 1];
        count++;
    }
    if (subprocess_run(argv, CONTROL_TIMEOUT_SEC, &result) == 0 && result.out != NULL) {
        out = result.out;
        result.out = NULL;
        subprocess_clear(&result);
        return out;
    }
    subprocess_words(&result, said, sizeof said);
    snprintf(error, cap, "%s %s: %s; is control in [apache] right?", conf->control, words[0],
        result.errno_value != 0 ? strerror(result.errno_value)
            : said[0] != '\0'   ? said
                                : "it says nothing about why");
    subprocess_clear(&result);
    return NULL;
}

/* A file of /proc/PID, terminated; NULL: it cannot be read. */
static char *read_proc(pid_t pid, const char *file, size_t *len)
{
    char path[64];
    char *text = malloc(PROC_FILE_MAX + 1);
    FILE *in;

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    in = text == NULL ? NULL : fopen(path, "re");
    if (in == NULL) {
        free(text);
        return NULL;
    }
    *len = fread(text, 1, PROC_FILE_MAX, in);
    text[*len] = '\0';
    fclose(in);
    return text;
}

/* The paths behind which /NAME.so ends a line, each once. */
static bool parse_maps(const char *text, struct text_list *libraries)
{
    for (const char *line = text; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        const char *path = memchr(line, '/', len);
        size_t path_len = path == NULL ? 0 : len - (size_t)(path - line);

        if (path_len > 3 && memcmp(line + len - 3, ".so", 3) == 0
            && (libraries->count == 0 || strncmp(libraries->items[libraries->count - 1], path, path_len) != 0)
            && !text_list_add(libraries, path, path_len))
            return false;
        line += len + (line[len] == '\n');
    }
    return true;
}

static bool look_at_process(struct apache_facts *facts)
{
    char link[64];
    size_t len = 0;
    char *text;
    ssize_t got;
    bool is_well = true;

    snprintf(link, sizeof link, "/proc/%d/exe", (int)facts->pid);
    got = readlink(link, facts->program, sizeof facts->program - 1);
    facts->program[got < 0 ? 0 : got] = '\0';
    text = read_proc(facts->pid, "cmdline", &len);
    is_well = text != NULL && apache_facts_parse_command(text, len, facts);
    free(text);
    text = is_well ? read_proc(facts->pid, "environ", &len) : NULL;
    for (const char *word = text; is_well && word != NULL && word < text + len; word += strlen(word) + 1)
        is_well = text_list_add(&facts->environment, word, strlen(word));
    free(text);
    text = is_well ? read_proc(facts->pid, "maps", &len) : NULL;
    is_well = is_well && text != NULL && parse_maps(text, &facts->libraries);
    free(text);
    return is_well;
}

/* Without a process to look at: what its control command would start it with. */
static bool ask_for_files(const struct conf *conf, struct apache_facts *facts, char *error, size_t cap)
{
    char *said = ask(conf, (const char *const[]){"-t", "-D", "DUMP_INCLUDES", "-D", "DUMP_RUN_CFG", NULL}, error, cap);
    bool is_well = said != NULL && apache_facts_parse_files(said, facts);

    if (said != NULL && !is_well)
        snprintf(error, cap, "%s -t -D DUMP_INCLUDES does not name Apache's configuration file", conf->control);
    free(said);
    return is_well;
}

/* And what Debian's envvars would give it. */
static bool read_envvars(struct apache_facts *facts)
{
    static const char script[] = "set -a; . \"$0\"; exec env";
    char path[FILE_PATH_MAX + 16];
    const char *const argv[] = {"/bin/sh", "-c", script, path, NULL};
    struct subprocess_result result;
    bool is_well = true;

    snprintf(path, sizeof path, "%s/envvars", facts->server_root);
    if (access(path, R_OK) != 0)
        return true;
    subprocess_run(argv, CONTROL_TIMEOUT_SEC, &result);
    for (char *rest = result.out, *line; is_well && rest != NULL && (line = strsep(&rest, "\n")) != NULL;)
        if (*line != '\0')
            is_well = text_list_add(&facts->environment, line, strlen(line));
    subprocess_clear(&result);
    return is_well;
}

/* What is relative is so to server_root. */
static bool make_absolute(struct apache_facts *facts)
{
    char relative[sizeof facts->conf_file];

    if (facts->conf_file[0] == '/')
        return true;
    memcpy(relative, facts->conf_file, sizeof relative);
    return (size_t)snprintf(facts->conf_file, sizeof facts->conf_file, "%s/%s", facts->server_root, relative)
        < sizeof facts->conf_file;
}

int apache_facts_gather(const struct conf *conf, struct apache_facts *facts, char *error, size_t cap)
{
    char *build = NULL, *modules = NULL, *compiled = NULL;
    int pidfd = -1;
    int result = -1;

    *facts = (struct apache_facts){.pid = 0};
    build = ask(conf, (const char *const[]){"-V", NULL}, error, cap);
    if (build == NULL)
        goto out;
    if (!apache_facts_parse_build(build, facts)) {
        snprintf(error, cap, "%s -V does not answer as Apache does; is control in [apache] right?", conf->control);
        goto out;
    }
    facts->pid = apache_process_find(conf->pid_file, &pidfd);
    if (pidfd >= 0)
        close(pidfd);
    compiled = ask(conf, (const char *const[]){"-l", NULL}, error, cap);
    modules = compiled == NULL ? NULL : ask(conf, (const char *const[]){"-t", "-D", "DUMP_MODULES", NULL}, error, cap);
    if (modules == NULL)
        goto out;
    if (facts->pid == 0 && !ask_for_files(conf, facts, error, cap))
        goto out;
    if (apache_facts_parse_modules(modules, "_module", &facts->modules)
        && apache_facts_parse_modules(compiled, ".c", &facts->static_modules)
        && (facts->pid != 0 ? look_at_process(facts) : read_envvars(facts)) && make_absolute(facts))
        result = 0;
    else
        snprintf(error, cap, "Apache's main process cannot be looked at: %s", strerror(errno));
out:
    free(build);
    free(compiled);
    free(modules);
    return result;
}

void apache_facts_clear(struct apache_facts *facts)
{
    text_list_clear(&facts->modules);
    text_list_clear(&facts->static_modules);
    text_list_clear(&facts->defines);
    text_list_clear(&facts->environment);
    text_list_clear(&facts->libraries);
}
