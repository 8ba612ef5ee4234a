/* SPDX-License-Identifier: ISC */
#include "apache/apache_certs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/subprocess.h"
#include "system/log.h"
#include "text/text.h"

/* A configuration test reads every file of the site; Apache's own start would wait as long. */
#define CONTROL_TIMEOUT_SEC 60

#define LIST_HEADER "Server certificates:"

static int append(char ***paths, size_t *count, const char *text, size_t len)
{
    char **grown = *paths;

    if ((*count & (*count - 1)) == 0) { /* a power of two is full: double */
        grown = reallocarray(*paths, *count == 0 ? 1 : *count * 2, sizeof *grown);
        if (grown == NULL)
            return -1;
        *paths = grown;
    }
    grown[*count] = strndup(text, len);
    if (grown[*count] == NULL)
        return -1;
    (*count)++;
    return 0;
}

static void free_paths(char **paths, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(paths[i]);
    free(paths);
}

int discover_parse(const char *output, char ***paths, size_t *count, size_t *skipped)
{
    const char *line = strstr(output, LIST_HEADER);

    *paths = NULL;
    *count = 0;
    *skipped = 0;
    while (line != NULL && (line = strchr(line, '\n')) != NULL) {
        size_t len;

        line += 1 + strspn(line + 1, " \t");
        len = strcspn(line, "\r\n");
        if (len == 0)
            continue;
        if (*line != '/' || len > CERT_NAME_MAX || !text_is_clean(line, len) || *count >= CERTS_MAX) {
            (*skipped)++;
            continue;
        }
        if (append(paths, count, line, len) != 0) {
            free_paths(*paths, *count);
            *paths = NULL;
            return -1;
        }
    }
    return 0;
}

static void list_path(const struct conf *conf, const char *suffix, char *out, size_t cap)
{
    snprintf(out, cap, "%s/discovered%s", conf->state_dir, suffix);
}

/* Keep the list for a time when Apache cannot tell.  A failure costs only that. */
static void remember(const struct conf *conf, const char *output)
{
    char path[FILE_PATH_MAX + 1];
    char fresh[FILE_PATH_MAX + 1];
    FILE *file;
    bool is_written;

    list_path(conf, "", path, sizeof path);
    list_path(conf, ".new", fresh, sizeof fresh);
    file = fopen(fresh, "we");
    if (file == NULL)
        return;
    is_written = fputs(output, file) >= 0 && fflush(file) == 0 && fsync(fileno(file)) == 0;
    if (fclose(file) != 0 || !is_written || rename(fresh, path) != 0)
        unlink(fresh);
}

static char *recall(const struct conf *conf)
{
    char path[FILE_PATH_MAX + 1];
    char *text = NULL;
    size_t cap = 0;
    FILE *file;

    list_path(conf, "", path, sizeof path);
    file = fopen(path, "re");
    if (file == NULL)
        return NULL;
    if (getdelim(&text, &cap, '\0', file) < 0) {
        free(text);
        text = NULL;
    }
    fclose(file);
    return text;
}

/* Why the command gave no list, in Apache's own words where it had any. */
static void explain(const struct conf *conf, const struct subprocess_result *result, char *error, size_t cap)
{
    char words[2 * DETAIL_MAX];

    subprocess_words(result, words, sizeof words);
    if (result->errno_value != 0)
        snprintf(error, cap, "cannot run %s: %s; see control in [apache]", conf->control, strerror(result->errno_value));
    else if (WIFEXITED(result->status) && WEXITSTATUS(result->status) == 127)
        snprintf(error, cap, "cannot run %s; see control in [apache]", conf->control);
    else
        snprintf(error, cap, "%s -t -D DUMP_CERTS: %s", conf->control, words[0] == '\0' ? "no answer" : words);
}

/* What the command came to.  ran is cleared. */
static int understand(
    const struct conf *conf, struct subprocess_result *ran, char ***paths, size_t *count, char *error, size_t cap)
{
    size_t skipped = 0;
    char *list = NULL;
    int result = -1;

    *paths = NULL;
    *count = 0;
    if (ran->status == 0 && ran->out != NULL) {
        remember(conf, ran->out);
        result = discover_parse(ran->out, paths, count, &skipped);
    } else {
        explain(conf, ran, error, cap);
        list = recall(conf);
        if (list != NULL && discover_parse(list, paths, count, &skipped) == 0)
            result = 1;
    }
    if (skipped > 0)
        log_warning(
            "%zu of the certificate paths that Apache names are not usable (not absolute, too long or with control "
            "characters); name them in [certificate] sections",
            skipped);
    subprocess_clear(ran);
    free(list);
    return result;
}

int discover_apache(const struct conf *conf, char ***paths, size_t *count, char *error, size_t cap)
{
    const char *const argv[] = {conf->control, "-t", "-D", "DUMP_CERTS", NULL};
    struct subprocess_result ran;

    subprocess_run(argv, CONTROL_TIMEOUT_SEC, &ran);
    return understand(conf, &ran, paths, count, error, cap);
}

struct discovery {
    struct subprocess *command; /* owned; NULL once taken */
};

struct discovery *discovery_start(const struct conf *conf, int64_t now_msec)
{
    const char *const argv[] = {conf->control, "-t", "-D", "DUMP_CERTS", NULL};
    struct discovery *discovery = calloc(1, sizeof *discovery);

    if (discovery == NULL)
        return NULL;
    discovery->command = subprocess_start(argv, CONTROL_TIMEOUT_SEC, now_msec);
    if (discovery->command == NULL) {
        free(discovery);
        return NULL;
    }
    return discovery;
}

size_t discovery_poll(const struct discovery *discovery, struct pollfd *polled)
{
    return discovery == NULL ? 0 : subprocess_poll(discovery->command, polled);
}

int64_t discovery_next_msec(const struct discovery *discovery, int64_t now_msec)
{
    return discovery == NULL ? INT64_MAX : subprocess_next_msec(discovery->command, now_msec);
}

bool discovery_ready(struct discovery *discovery, int64_t now_msec)
{
    return subprocess_ready(discovery->command, now_msec);
}

int discovery_take(struct discovery *discovery, const struct conf *conf, char ***paths, size_t *count, char *error, size_t cap)
{
    struct subprocess_result ran;

    subprocess_take(discovery->command, &ran);
    discovery->command = NULL;
    return understand(conf, &ran, paths, count, error, cap);
}

void discovery_free(struct discovery *discovery)
{
    struct subprocess_result ran;

    if (discovery == NULL)
        return;
    if (discovery->command != NULL) {
        subprocess_take(discovery->command, &ran);
        subprocess_clear(&ran);
    }
    free(discovery);
}
