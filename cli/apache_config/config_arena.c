/* SPDX-License-Identifier: ISC */
#include "apache_config/config_arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct httpd_arena_piece {
    struct httpd_arena_piece *next;
    max_align_t bytes[];
};

void *httpd_arena_alloc(struct httpd_arena *arena, size_t len)
{
    struct httpd_arena_piece *piece;

    if (len > SIZE_MAX - sizeof *piece)
        return NULL;
    piece = calloc(1, sizeof *piece + len);
    if (piece == NULL)
        return NULL;
    piece->next = arena->pieces;
    arena->pieces = piece;
    return piece->bytes;
}

char *httpd_arena_copy(struct httpd_arena *arena, const char *text, size_t len)
{
    char *copy = httpd_arena_alloc(arena, len + 1);

    if (copy != NULL && len > 0)
        memcpy(copy, text, len);
    return copy;
}

char *httpd_arena_format(struct httpd_arena *arena, const char *format, ...)
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
    copy = httpd_arena_copy(arena, text, (size_t)len);
    free(text);
    return copy;
}

bool httpd_arena_grow(struct httpd_arena *arena, void *items, size_t count, size_t size)
{
    void *old;
    void *larger;

    /* Full exactly at 0 and at powers of two. */
    if ((count & (count - 1)) != 0)
        return true;
    memcpy(&old, items, sizeof old);
    if (count > SIZE_MAX / 2 / size)
        return false;
    larger = httpd_arena_alloc(arena, (count == 0 ? 1 : count * 2) * size);
    if (larger == NULL)
        return false;
    if (count > 0)
        memcpy(larger, old, count * size);
    memcpy(items, &larger, sizeof larger);
    return true;
}

void httpd_arena_free(struct httpd_arena *arena)
{
    while (arena->pieces != NULL) {
        struct httpd_arena_piece *next = arena->pieces->next;

        free(arena->pieces);
        arena->pieces = next;
    }
}
