/* SPDX-License-Identifier: ISC */
#include "transaction/enabled_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER "stapleguard-enabled 1\n"
#define MODULE "module "
#define SERVICE "service ours\n"

bool record_path(const char *state_dir, char out[FILE_PATH_MAX + 1])
{
    return (size_t)snprintf(out, FILE_PATH_MAX + 1, "%s/setup/enabled", state_dir) <= FILE_PATH_MAX;
}

static bool is_module_name(const char *name, size_t len)
{
    return len > 0 && len <= 64 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") >= len;
}

void record_read(const char *path, struct record *record)
{
    FILE *file = fopen(path, "re");
    char line[128];

    *record = (struct record){.is_service_ours = false};
    if (file == NULL)
        return;
    if (fgets(line, sizeof line, file) != NULL && strcmp(line, HEADER) == 0)
        while (fgets(line, sizeof line, file) != NULL) {
            const char *name = line + strlen(MODULE);

            if (strcmp(line, SERVICE) == 0)
                record->is_service_ours = true;
            else if (strncmp(line, MODULE, strlen(MODULE)) == 0 && is_module_name(name, strcspn(name, "\n")))
                text_list_add(&record->modules, name, strcspn(name, "\n"));
        }
    fclose(file);
}

char *record_text(const struct record *record, size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);

    if (out == NULL)
        return NULL;
    fputs(HEADER, out);
    for (size_t i = 0; i < record->modules.count; i++)
        fprintf(out, MODULE "%s\n", record->modules.items[i]);
    if (record->is_service_ours)
        fputs(SERVICE, out);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

void record_clear(struct record *record)
{
    text_list_clear(&record->modules);
}
