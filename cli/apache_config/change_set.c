/* SPDX-License-Identifier: ISC */
#include "apache_config/change_set.h"

#include <stdlib.h>
#include <string.h>

void change_set_init(struct change_set *set)
{
    *set = (struct change_set){NULL, 0};
}

static void change_free(struct change *change)
{
    free(change->path);
    free(change->content);
    free(change->before);
}

/* A copy with a byte 0 behind it; NULL for NULL, or when there is no memory. */
static char *copy_bytes(const char *bytes, size_t len)
{
    char *copy = bytes == NULL ? NULL : malloc(len + 1);

    if (copy == NULL)
        return NULL;
    if (len > 0)
        memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

static bool copy_change(const struct change *from, struct change *to)
{
    *to = *from;
    to->path = strdup(from->path);
    to->content = copy_bytes(from->content, from->content_len);
    to->before = copy_bytes(from->before, from->before_len);
    if (to->path != NULL && (to->content == NULL) == (from->content == NULL) && (to->before == NULL) == (from->before == NULL))
        return true;
    change_free(to);
    return false;
}

static size_t find_index(const struct change_set *set, const char *path)
{
    size_t i = 0;

    while (i < set->count && strcmp(set->changes[i].path, path) != 0)
        i++;
    return i;
}

const struct change *change_set_find(const struct change_set *set, const char *path)
{
    size_t index = find_index(set, path);

    return index < set->count ? &set->changes[index] : NULL;
}

bool change_set_add(struct change_set *set, const struct change *change)
{
    size_t index = find_index(set, change->path);
    struct change *changes;
    struct change copy;

    if (!copy_change(change, &copy))
        return false;
    if (index < set->count) {
        change_free(&set->changes[index]);
        set->changes[index] = copy;
        return true;
    }
    changes = reallocarray(set->changes, set->count + 1, sizeof *changes);
    if (changes == NULL) {
        change_free(&copy);
        return false;
    }
    set->changes = changes;
    set->changes[set->count++] = copy;
    return true;
}

void change_set_free(struct change_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        change_free(&set->changes[i]);
    free(set->changes);
    change_set_init(set);
}
