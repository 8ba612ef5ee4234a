/* SPDX-License-Identifier: ISC */
#include "store/gone_names.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

bool gone_name_id(const char *name, uint8_t id[GONE_NAME_ID_LEN])
{
    return EVP_Digest(name, strlen(name), id, NULL, EVP_sha256(), NULL) == 1;
}

bool gone_add(struct gone *gone, const char *name)
{
    struct gone_name *names = reallocarray(gone->names, gone->count + 1, sizeof *names);
    char *copy = strdup(name);

    if (names != NULL)
        gone->names = names;
    if (names == NULL || copy == NULL || !gone_name_id(name, names[gone->count].id)) {
        free(copy);
        return false;
    }
    names[gone->count++].name = copy;
    return true;
}

const char *gone_find(const struct gone *gone, const uint8_t id[GONE_NAME_ID_LEN])
{
    for (size_t i = 0; i < gone->count; i++)
        if (memcmp(gone->names[i].id, id, GONE_NAME_ID_LEN) == 0)
            return gone->names[i].name;
    return NULL;
}

void gone_clear(struct gone *gone)
{
    for (size_t i = 0; i < gone->count; i++)
        free(gone->names[i].name);
    free(gone->names);
    *gone = (struct gone){0};
}
