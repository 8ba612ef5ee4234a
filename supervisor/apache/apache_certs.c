/* SPDX-License-Identifier: ISC */
#include "apache/apache_certs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/subprocess.h"
#include "system/clock.h"
#include "system/log.h"
#include "text/text.h"

/* In the list of the last time, between a certificate and its chain file; in no path that is usable. */
#define CHAIN_MARK '\t'

struct discovery {
    struct apache_dump_command words;
    char program[FILE_PATH_MAX + 1]; /* its first; the configuration may be another one by its end */
    bool loads_info;                 /* with mod_info; where that fails, once more without */
    struct subprocess *command;      /* owned; NULL once it has ended */
    struct subprocess_result ran;
};

static bool is_usable(const char *path, size_t len)
{
    return *path == '/' && len <= CERT_NAME_MAX && text_is_clean(path, len);
}

static bool add(struct cert_source **found, size_t *count, const char *path, size_t len, const char *chain)
{
    struct cert_source *grown = *found;

    if ((*count & (*count - 1)) == 0) { /* a power of two is full: double */
        grown = reallocarray(*found, *count == 0 ? 1 : *count * 2, sizeof *grown);
        if (grown == NULL)
            return false;
        *found = grown;
    }
    grown[*count] = (struct cert_source){strndup(path, len), chain == NULL ? NULL : strdup(chain)};
    return grown[(*count)++].path != NULL && (chain == NULL || grown[*count - 1].chain != NULL);
}

int discover_take(const struct apache_dump *dump, struct cert_source **found, size_t *count, size_t *skipped)
{
    *found = NULL;
    *count = *skipped = 0;
    for (size_t i = 0; i < dump->certificate_count; i++) {
        const char *path = dump->certificates[i].path;
        const char *mark = strchr(path, CHAIN_MARK);
        const char *chain = mark != NULL ? mark + 1 : dump->certificates[i].chain_file;
        size_t len = mark != NULL ? (size_t)(mark - path) : strlen(path);

        if (!is_usable(path, len) || *count >= CERTS_MAX) {
            (*skipped)++;
            continue;
        }
        if (!add(found, count, path, len, chain != NULL && is_usable(chain, strlen(chain)) ? chain : NULL)) {
            cert_sources_free(*found, *count);
            *found = NULL;
            *count = 0;
            return -1;
        }
    }
    return 0;
}

static void list_path(const struct conf *conf, const char *suffix, char *out, size_t cap)
{
    snprintf(out, cap, "%s/discovered%s", conf->state_dir, suffix);
}

/* Keep the list for a time when Apache cannot tell, as apache_dump_parse reads it.  A failure costs only that. */
static void remember(const struct conf *conf, const struct cert_source *found, size_t count)
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
    fprintf(file, "Server certificates:\n");
    for (size_t i = 0; i < count; i++)
        if (found[i].chain == NULL)
            fprintf(file, "  %s\n", found[i].path);
        else
            fprintf(file, "  %s%c%s\n", found[i].path, CHAIN_MARK, found[i].chain);
    is_written = fchmod(fileno(file), 0640) == 0 && fflush(file) == 0 && ferror(file) == 0 && fsync(fileno(file)) == 0;
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

static int take_text(const char *text, struct cert_source **found, size_t *count)
{
    struct apache_dump dump;
    size_t skipped = 0;
    int result = -1;

    *found = NULL;
    *count = 0;
    if (apache_dump_parse(&dump, text, strlen(text)))
        result = discover_take(&dump, found, count, &skipped);
    apache_dump_free(&dump);
    if (skipped > 0)
        log_warning(
            "%zu of the certificate paths that Apache names are not usable (not absolute, too long or with control "
            "characters); name them in [certificate] sections",
            skipped);
    return result;
}

struct discovery *discovery_start(const struct conf *conf, int64_t now_msec)
{
    const char *info = apache_dump_find_info();
    struct discovery *discovery = calloc(1, sizeof *discovery);

    if (discovery == NULL)
        return NULL;
    apache_dump_command(conf, info, &discovery->words);
    snprintf(discovery->program, sizeof discovery->program, "%s", discovery->words.words[0]);
    discovery->words.words[0] = discovery->program;
    discovery->loads_info = info != NULL;
    discovery->command = subprocess_start(discovery->words.words, APACHE_DUMP_TIMEOUT_SEC, now_msec);
    if (discovery->command == NULL) {
        free(discovery);
        return NULL;
    }
    return discovery;
}

/* mod_info may be of another build than this Apache; the rest of the dump does without it. */
static void try_without_info(struct discovery *discovery, int64_t now_msec)
{
    subprocess_clear(&discovery->ran);
    discovery->loads_info = false;
    discovery->words.words[discovery->words.count - 2] = NULL; /* -C and its value */
    discovery->command = subprocess_start(discovery->words.words, APACHE_DUMP_TIMEOUT_SEC, now_msec);
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
    if (discovery->command == NULL)
        return true;
    if (!subprocess_ready(discovery->command, now_msec))
        return false;
    subprocess_take(discovery->command, &discovery->ran);
    discovery->command = NULL;
    if (discovery->ran.status == 0 || !discovery->loads_info)
        return true;
    try_without_info(discovery, now_msec);
    return discovery->command == NULL;
}

int discovery_take(
    struct discovery *discovery, const struct conf *conf, struct cert_source **found, size_t *count, char *error, size_t cap)
{
    const struct subprocess_result *ran = &discovery->ran;
    char *list;
    int result;

    *found = NULL;
    *count = 0;
    if (ran->status == 0) {
        result = take_text(ran->out == NULL ? "" : ran->out, found, count);
        if (result == 0)
            remember(conf, *found, *count);
        return result;
    }
    apache_dump_explain(&discovery->words, ran, error, cap);
    list = recall(conf);
    result = list != NULL && take_text(list, found, count) == 0 ? 1 : -1;
    free(list);
    return result;
}

void discovery_free(struct discovery *discovery)
{
    if (discovery == NULL)
        return;
    if (discovery->command != NULL)
        subprocess_take(discovery->command, &discovery->ran);
    subprocess_clear(&discovery->ran);
    free(discovery);
}

int discover_apache(const struct conf *conf, struct cert_source **found, size_t *count, char *error, size_t cap)
{
    struct discovery *discovery = discovery_start(conf, clock_monotonic_msec());
    int result;

    *found = NULL;
    *count = 0;
    if (discovery == NULL) {
        snprintf(error, cap, "out of memory");
        return -1;
    }
    while (!discovery_ready(discovery, clock_monotonic_msec())) {
        struct pollfd polled[DISCOVERY_POLL_MAX];
        int64_t now_msec = clock_monotonic_msec();
        int64_t wait_msec = discovery_next_msec(discovery, now_msec) - now_msec;

        poll(polled, discovery_poll(discovery, polled), wait_msec > 0 ? (int)wait_msec : 0);
    }
    result = discovery_take(discovery, conf, found, count, error, cap);
    discovery_free(discovery);
    return result;
}
