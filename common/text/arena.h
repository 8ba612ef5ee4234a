/* SPDX-License-Identifier: ISC */
/*
 * Owns: memory that is given back all at once.
 * Runs in: supervisor; command line.
 * Never: gives a piece back before the whole.
 */
#ifndef STAPLEGUARD_ARENA_H
#define STAPLEGUARD_ARENA_H

#include <stdbool.h>
#include <stddef.h>

/* All zero: empty. */
struct arena {
    struct arena_piece *pieces;
};

/* len bytes of 0, aligned for any type; NULL when there is no memory. */
void *arena_alloc(struct arena *arena, size_t len);

/* A copy of len bytes with a byte 0 behind it; NULL when there is no memory. */
char *arena_copy(struct arena *arena, const char *text, size_t len);

/* printf into a string of the arena; NULL when there is no memory. */
char *arena_format(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Room for one more item behind count items of size bytes each: *items, or a larger copy of it in which the old items are.
 * False when there is no memory.
 */
bool arena_grow(struct arena *arena, void *items, size_t count, size_t size);

void arena_free(struct arena *arena);

#endif
