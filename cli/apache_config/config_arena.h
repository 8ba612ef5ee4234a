/* SPDX-License-Identifier: ISC */
/*
 * Owns: memory that lives exactly as long as one reading of Apache's configuration.
 * Runs in: command line.
 * Never: gives a piece back before the whole.
 */
#ifndef STAPLEGUARD_CONFIG_ARENA_H
#define STAPLEGUARD_CONFIG_ARENA_H

#include <stdbool.h>
#include <stddef.h>

/* All zero: empty. */
struct httpd_arena {
    struct httpd_arena_piece *pieces;
};

/* len bytes of 0, aligned for any type; NULL when there is no memory. */
void *httpd_arena_alloc(struct httpd_arena *arena, size_t len);

/* A copy of len bytes with a byte 0 behind it; NULL when there is no memory. */
char *httpd_arena_copy(struct httpd_arena *arena, const char *text, size_t len);

/* printf into a string of the arena; NULL when there is no memory. */
char *httpd_arena_format(struct httpd_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Room for one more item behind count items of size bytes each: *items, or a larger copy of it in which the old items are.
 * False when there is no memory.
 */
bool httpd_arena_grow(struct httpd_arena *arena, void *items, size_t count, size_t size);

void httpd_arena_free(struct httpd_arena *arena);

#endif
