/* SPDX-License-Identifier: ISC */
#include "audit/review_anchors.h"

#include <stdlib.h>
#include <string.h>

#include "text/hex.h"

bool review_anchor_parse(const char *text, struct review_anchor *anchor)
{
    const char *at = text;
    uint64_t seq = 0;

    if (*at < '1' || *at > '9')
        return false;
    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(seq, 10, &seq) || __builtin_add_overflow(seq, (uint64_t)(*at - '0'), &seq))
            return false;
    if (*at != ':' || strlen(at + 1) != 2 * AUDIT_HASH_LEN || !hex_read(at + 1, anchor->hash, AUDIT_HASH_LEN))
        return false;
    anchor->seq = seq;
    return true;
}

bool review_anchors_add(struct review_anchors *anchors, const struct review_anchor *anchor)
{
    struct review_anchor *grown = anchors->all;

    /* Doubled at each power of two. */
    if ((anchors->count & (anchors->count - 1)) == 0)
        grown = reallocarray(anchors->all, anchors->count == 0 ? 1 : 2 * anchors->count, sizeof *grown);
    if (grown == NULL)
        return false;
    anchors->all = grown;
    grown[anchors->count++] = *anchor;
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct review_anchor *left = a;
    const struct review_anchor *right = b;

    return left->seq < right->seq ? -1 : left->seq > right->seq ? 1 : 0;
}

void review_anchors_sort(struct review_anchors *anchors)
{
    if (anchors->count > 0)
        qsort(anchors->all, anchors->count, sizeof *anchors->all, compare);
}

void review_anchors_clear(struct review_anchors *anchors)
{
    free(anchors->all);
    *anchors = (struct review_anchors){0};
}
