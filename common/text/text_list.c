/* SPDX-License-Identifier: ISC */
#include "text/text_list.h"

#include <stdlib.h>
#include <string.h>

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
