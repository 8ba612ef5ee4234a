/* SPDX-License-Identifier: ISC */
#include "text/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_piece {
    struct arena_piece *next;
    max_align_t bytes[];
};

void *arena_alloc(struct arena *arena, size_t len)
{
    struct arena_piece *piece;

    if (len > SIZE_MAX - sizeof *piece)
        return NULL;
    piece = calloc(1, sizeof *piece + len);
    if (piece == NULL)
        return NULL;
    piece->next = arena->pieces;
    arena->pieces = piece;
    return piece->bytes;
}

char *arena_copy(struct arena *arena, const char *text, size_t len)
{
    char *copy = arena_alloc(arena, len + 1);

    if (copy != NULL && len > 0)
        memcpy(copy, text, len);
    return copy;
}

char *arena_format(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    char *copy;
    int len;

    va_start(arguments, format);
    len = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (len < 0)
        return NULL;
    copy = arena_copy(arena, text, (size_t)len);
    free(text);
    return copy;
}

bool arena_grow(struct arena *arena, void *items, size_t count, size_t size)
{
    void *old;
    void *larger;

    /* Full exactly at 0 and at powers of two. */
    if ((count & (count - 1)) != 0)
        return true;
    memcpy(&old, items, sizeof old);
    if (count > SIZE_MAX / 2 / size)
        return false;
    larger = arena_alloc(arena, (count == 0 ? 1 : count * 2) * size);
    if (larger == NULL)
        return false;
    if (count > 0)
        memcpy(larger, old, count * size);
    memcpy(items, &larger, sizeof larger);
    return true;
}

void arena_free(struct arena *arena)
{
    while (arena->pieces != NULL) {
        struct arena_piece *next = arena->pieces->next;

        free(arena->pieces);
        arena->pieces = next;
    }
}
