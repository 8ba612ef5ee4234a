/* SPDX-License-Identifier: ISC */
#include "audit/audit_pending.h"

#include <stdlib.h>
#include <string.h>

#define PENDING_START 32768u

bool audit_pending_reserve(struct audit_pending *pending, size_t room)
{
    size_t cap = pending->cap == 0 ? PENDING_START : pending->cap;
    char *data;

    while (cap - pending->len < room)
        cap *= 2;
    if (cap == pending->cap)
        return true;
    if (cap > AUDIT_PENDING_MAX)
        return false;
    data = realloc(pending->data, cap);
    if (data == NULL)
        return false;
    pending->data = data;
    pending->cap = cap;
    return true;
}

uint64_t audit_pending_lines(const struct audit_pending *pending)
{
    uint64_t count = 0;

    for (size_t i = 0; i < pending->len; i++)
        count += pending->data[i] == '\n' ? 1 : 0;
    return count;
}

void audit_pending_advance(struct audit_pending *pending, size_t written)
{
    const char *newline;
    size_t whole;

    pending->written += written;
    newline = pending->written == 0 ? NULL : memrchr(pending->data, '\n', pending->written);
    if (newline == NULL)
        return;
    whole = (size_t)(newline - pending->data) + 1;
    memmove(pending->data, pending->data + whole, pending->len - whole);
    pending->len -= whole;
    pending->written -= whole;
}

void audit_pending_free(struct audit_pending *pending)
{
    free(pending->data);
}
