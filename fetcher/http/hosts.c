/* SPDX-License-Identifier: ISC */
#include "http/hosts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct hosts_entry {
    const char *name; /* borrowed from hosts.text */
    size_t line;      /* keeps the file's order among addresses of one name */
    struct address address;
};

struct hosts {
    char *text; /* owned: the file, each word ended by a NUL */
    struct hosts_entry *entries;
    size_t count;
    size_t room;
};

static int compare_entries(const void *a, const void *b)
{
    const struct hosts_entry *left = a;
    const struct hosts_entry *right = b;
    int order = strcasecmp(left->name, right->name);

    if (order != 0)
        return order;
    return left->line < right->line ? -1 : left->line > right->line;
}

static bool add_entry(struct hosts *hosts, const char *name, const struct address *address, size_t line)
{
    if (hosts->count == hosts->room) {
        size_t room = hosts->room == 0 ? 64 : hosts->room * 2;
        struct hosts_entry *entries = reallocarray(hosts->entries, room, sizeof *entries);

        if (entries == NULL)
            return false;
        hosts->entries = entries;
        hosts->room = room;
    }
    hosts->entries[hosts->count++] = (struct hosts_entry){.name = name, .line = line, .address = *address};
    return true;
}

/* line: terminated; is cut into words in place. */
static bool add_line(struct hosts *hosts, char *line, size_t line_no)
{
    struct address address;
    char *rest = NULL;
    char *word;

    line[strcspn(line, "#")] = '\0';
    word = strtok_r(line, " \t\r\v\f", &rest);
    if (word == NULL || !address_parse(word, &address))
        return true;
    while ((word = strtok_r(NULL, " \t\r\v\f", &rest)) != NULL)
        if (!add_entry(hosts, word, &address, line_no))
            return false;
    return true;
}

struct hosts *hosts_parse(const char *text, size_t len)
{
    struct hosts *hosts = calloc(1, sizeof *hosts);
    size_t line_no = 0;
    char *rest;
    char *line;

    if (hosts == NULL)
        return NULL;
    hosts->text = malloc(len + 1);
    if (hosts->text == NULL)
        goto failed;
    for (size_t i = 0; i < len; i++)
        hosts->text[i] = text[i] == '\0' ? '#' : text[i];
    hosts->text[len] = '\0';
    rest = hosts->text;
    while ((line = strsep(&rest, "\n")) != NULL)
        if (!add_line(hosts, line, line_no++))
            goto failed;
    if (hosts->count > 0)
        qsort(hosts->entries, hosts->count, sizeof *hosts->entries, compare_entries);
    return hosts;
failed:
    hosts_free(hosts);
    return NULL;
}

struct hosts *hosts_read(const char *path)
{
    struct hosts *hosts = NULL;
    FILE *file = fopen(path, "re");
    char *text;
    size_t len;

    if (file == NULL)
        return hosts_parse("", 0);
    text = malloc(HOSTS_FILE_MAX);
    if (text != NULL) {
        len = fread(text, 1, HOSTS_FILE_MAX, file);
        hosts = hosts_parse(text, len);
    }
    free(text);
    fclose(file);
    return hosts;
}

void hosts_free(struct hosts *hosts)
{
    if (hosts == NULL)
        return;
    free(hosts->entries);
    free(hosts->text);
    free(hosts);
}

/* Index of the first entry whose name is not before name. */
static size_t lower_bound(const struct hosts *hosts, const char *name)
{
    size_t low = 0;
    size_t high = hosts->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcasecmp(hosts->entries[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_localhost(const char *name)
{
    static const char suffix[] = ".localhost";
    size_t len = strlen(name);

    if (strcasecmp(name, suffix + 1) == 0)
        return true;
    return len >= sizeof suffix && strcasecmp(name + len - (sizeof suffix - 1), suffix) == 0;
}

size_t hosts_find(const struct hosts *hosts, const char *name, struct address out[NAME_ADDRESSES_MAX])
{
    size_t count = 0;

    for (size_t i = lower_bound(hosts, name); i < hosts->count && count < NAME_ADDRESSES_MAX; i++) {
        if (strcasecmp(hosts->entries[i].name, name) != 0)
            break;
        out[count++] = hosts->entries[i].address;
    }
    if (count > 0 || !is_localhost(name))
        return count;
    out[0] = (struct address){.family = AF_INET6, .octets = {[15] = 1}};
    out[1] = (struct address){.family = AF_INET, .octets = {127, 0, 0, 1}};
    return 2;
}
