/* SPDX-License-Identifier: ISC */
#include "certs/cert_known.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounds.h"
#include "text/hex.h"

/* One line: identity, reason word, name; separated by tabs, which no clean text holds. */
#define HEX_LEN 64u
#define NO_IDENTITY "-"

struct known_cert {
    char *line;         /* owned; the three that follow point into it */
    const char *sha256; /* hexadecimal, or NO_IDENTITY */
    const char *reason;
    const char *name;
};

struct known {
    void *by_name; /* tsearch(3) */
};

static int compare_names(const void *a, const void *b)
{
    const struct known_cert *left = a;
    const struct known_cert *right = b;

    return strcmp(left->name, right->name);
}

static void free_cert(void *pointer)
{
    struct known_cert *entry = pointer;

    free(entry->line);
    free(entry);
}

/* Takes line over.  A line of another shape is passed over. */
static void add_line(struct known *known, char *line)
{
    struct known_cert *entry = calloc(1, sizeof *entry);
    struct known_cert **found = NULL;
    char *rest = line;

    if (entry != NULL) {
        line[strcspn(line, "\n")] = '\0';
        entry->line = line;
        entry->sha256 = strsep(&rest, "\t");
        entry->reason = strsep(&rest, "\t");
        entry->name = rest;
        if (entry->name != NULL)
            found = tsearch(entry, &known->by_name, compare_names);
    }
    if (found != NULL && *found == entry)
        return;
    free(entry);
    free(line);
}

struct known *known_read(const char *path)
{
    struct known *known = calloc(1, sizeof *known);
    FILE *file = known == NULL ? NULL : fopen(path, "re");

    while (file != NULL) {
        char *line = NULL;
        size_t cap = 0;

        if (getline(&line, &cap, file) < 0) {
            free(line);
            break;
        }
        add_line(known, line);
    }
    if (file != NULL)
        fclose(file);
    return known;
}

void known_free(struct known *known)
{
    if (known == NULL)
        return;
    tdestroy(known->by_name, free_cert);
    free(known);
}

static const char *identity_of(const struct listed_cert *cert, char hex[HEX_LEN + 1])
{
    if (!cert->told.is_known)
        return NO_IDENTITY;
    hex_write(cert->told.sha256, sizeof cert->told.sha256, hex);
    hex[HEX_LEN] = '\0';
    return hex;
}

enum known_news known_compare(const struct known *known, const struct listed_cert *cert)
{
    const struct known_cert wanted = {.name = cert->name};
    struct known_cert *const *found = tfind(&wanted, &known->by_name, compare_names);
    char hex[HEX_LEN + 1];

    if (found == NULL)
        return KNOWN_IS_NEW;
    if (cert->told.is_known && strcmp((*found)->sha256, NO_IDENTITY) != 0
        && strcmp((*found)->sha256, identity_of(cert, hex)) != 0)
        return KNOWN_IS_OTHER;
    return strcmp((*found)->reason, reason_word(cert->told.reason)) == 0 ? KNOWN_NOTHING_NEW : KNOWN_IS_CHANGED;
}

int known_write(const char *path, const struct cert_list *list)
{
    char fresh[FILE_PATH_MAX + 8];
    char hex[HEX_LEN + 1];
    FILE *file;
    int result = -1;

    snprintf(fresh, sizeof fresh, "%s.new", path);
    file = fopen(fresh, "we");
    if (file == NULL)
        return -1;
    for (size_t i = 0; i < list->count; i++) {
        const struct listed_cert *cert = &list->certs[i];

        /* Of one about which nothing was told (a child died before) nothing is known. */
        if (cert->told.is_known || cert->told.reason != REASON_NONE)
            fprintf(file, "%s\t%s\t%s\n", identity_of(cert, hex), reason_word(cert->told.reason), cert->name);
    }
    if (fchmod(fileno(file), 0640) == 0 && fflush(file) == 0 && ferror(file) == 0)
        result = rename(fresh, path);
    if (fclose(file) != 0 || result != 0) {
        int saved = errno;

        unlink(fresh);
        errno = saved;
        return -1;
    }
    return 0;
}
