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

bool apache_facts_parse_build(const char *output, struct apache_facts *facts)
{
    const char *version = strstr(output, "Server version: ");
    const char *number = version == NULL ? NULL : strchr(version, '/');
    size_t len = number == NULL ? 0 : strspn(number + 1, "0123456789.");

    if (len == 0 || len >= sizeof facts->version)
        return false;
    memcpy(facts->version, number + 1, len);
    facts->version[len] = '\0';
    return true;
}

bool apache_facts_is_new_enough(const struct apache_facts *facts)
{
    unsigned major = 0, minor = 0;

    return sscanf(facts->version, "%u.%u", &major, &minor) == 2 && (major > 2 || (major == 2 && minor >= 4));
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
        if (!text_list_add(&facts->options, word, 2) || !text_list_add(&facts->options, value, strlen(value)))
            return false;
        if (value != word + 2)
            word = value;
    }
    return true;
}

/* Asking. */

/* What -V prints; NULL with error.  The caller's to free. */
static char *ask_for_build(const struct conf *conf, char *error, size_t cap)
{
    const char *const argv[] = {conf->program != NULL ? conf->program : conf->control, "-V", NULL};
    struct subprocess_result result;
    char said[DETAIL_MAX + 1];
    char *out;

    if (subprocess_run(argv, CONTROL_TIMEOUT_SEC, &result) == 0 && result.out != NULL) {
        out = result.out;
        result.out = NULL;
        subprocess_clear(&result);
        return out;
    }
    subprocess_words(&result, said, sizeof said);
    snprintf(error, cap, "%s -V: %s; is control in [apache] right?", argv[0],
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

bool apache_facts_read_envvars(struct apache_facts *facts, const char *server_root)
{
    static const char script[] = "set -a; . \"$0\"; exec env";
    char path[FILE_PATH_MAX + 16];
    const char *const argv[] = {"/bin/sh", "-c", script, path, NULL};
    struct subprocess_result result;
    bool is_well = true;

    snprintf(path, sizeof path, "%s/envvars", server_root);
    if (access(path, R_OK) != 0)
        return true;
    subprocess_run(argv, CONTROL_TIMEOUT_SEC, &result);
    for (char *rest = result.out, *line; is_well && rest != NULL && (line = strsep(&rest, "\n")) != NULL;)
        if (*line != '\0')
            is_well = text_list_add(&facts->environment, line, strlen(line));
    subprocess_clear(&result);
    return is_well;
}

int apache_facts_gather(const struct conf *conf, struct apache_facts *facts, char *error, size_t cap)
{
    char *build = NULL;
    int pidfd = -1;
    int result = -1;

    *facts = (struct apache_facts){.pid = 0};
    build = ask_for_build(conf, error, cap);
    if (build == NULL)
        goto out;
    if (!apache_facts_parse_build(build, facts)) {
        snprintf(error, cap, "%s -V does not answer as Apache does; is control in [apache] right?",
            conf->program != NULL ? conf->program : conf->control);
        goto out;
    }
    facts->pid = apache_process_find(conf->pid_file, &pidfd);
    if (pidfd >= 0)
        close(pidfd);
    if (facts->pid == 0 || look_at_process(facts))
        result = 0;
    else
        snprintf(error, cap, "Apache's main process cannot be looked at: %s", strerror(errno));
out:
    free(build);
    return result;
}

void apache_facts_clear(struct apache_facts *facts)
{
    text_list_clear(&facts->options);
    text_list_clear(&facts->environment);
    text_list_clear(&facts->libraries);
}
