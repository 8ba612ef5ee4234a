/* SPDX-License-Identifier: ISC */
/*
 * Owns: a growing list of texts.
 * Runs in: any process.
 * Never: borrows a text; each is a copy.
 */
#ifndef STAPLEGUARD_TEXT_LIST_H
#define STAPLEGUARD_TEXT_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* Begins as {0}; NULL ends the items once there is one. */
struct text_list {
    char **items;
    size_t count;
};

/* Append a copy of the first len bytes of text.  False: out of memory, and the list is as it was. */
bool text_list_add(struct text_list *list, const char *text, size_t len);

/* Report whether the list has this text. */
bool text_list_has(const struct text_list *list, const char *text);

/* Free the texts; the list is empty afterwards. */
void text_list_clear(struct text_list *list);

#endif
