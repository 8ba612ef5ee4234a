/* SPDX-License-Identifier: ISC */
#include "dbm/dbm_entries.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(DBM_VALUE_MAX <= UINT16_MAX, "value_len holds every value");

void dbm_entries_clear(struct dbm_entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        free(entries->items[i].value);
    free(entries->items);
    *entries = (struct dbm_entries){0};
}

static bool grow(struct dbm_entries *entries)
{
    size_t cap = entries->cap == 0 ? 64 : entries->cap * 2;
    struct dbm_entry *items;

    if (entries->count < entries->cap)
        return true;
    items = reallocarray(entries->items, cap, sizeof *items);
    if (items == NULL)
        return false;
    entries->items = items;
    entries->cap = cap;
    return true;
}

enum dbm_entries_result dbm_entries_add(
    struct dbm_entries *entries, const uint8_t key[DBM_KEY_LEN], const uint8_t *value, size_t value_len)
{
    struct dbm_entry *entry;
    uint8_t *copy;

    if (entries->count >= FOREIGN_ENTRIES_MAX || value_len > DBM_VALUE_MAX || entries->octets + value_len > FOREIGN_BYTES_MAX) {
        entries->dropped++;
        return DBM_ENTRIES_FULL;
    }
    copy = malloc(value_len + 1); /* never 0 octets */
    if (copy == NULL || !grow(entries)) {
        free(copy);
        entries->dropped++;
        return DBM_ENTRIES_NO_MEMORY;
    }
    memcpy(copy, value, value_len);
    entry = &entries->items[entries->count++];
    memcpy(entry->key, key, DBM_KEY_LEN);
    entry->value = copy;
    entry->value_len = (uint16_t)value_len;
    entries->octets += value_len;
    return DBM_ENTRIES_OK;
}

static int compare_keys(const void *a, const void *b)
{
    return memcmp(((const struct dbm_entry *)a)->key, ((const struct dbm_entry *)b)->key, DBM_KEY_LEN);
}

/*
 * qsort need not keep the order of equal keys, so those are told apart by where they stood: glibc's merge sort may run
 * out of memory.
 */
static int compare_positions(const void *a, const void *b, void *base)
{
    const struct dbm_entry *items = base;
    size_t i = *(const size_t *)a;
    size_t j = *(const size_t *)b;
    int order = compare_keys(&items[i], &items[j]);

    return order != 0 ? order : (i > j) - (i < j);
}

void dbm_entries_sort(struct dbm_entries *entries)
{
    size_t *positions = reallocarray(NULL, entries->count + 1, sizeof *positions);
    struct dbm_entry *sorted = reallocarray(NULL, entries->count + 1, sizeof *sorted);
    size_t kept = 0;

    if (positions == NULL || sorted == NULL) {
        /* Without room to sort there is none to commit either: nothing is kept, and said so. */
        size_t dropped = entries->dropped + entries->count;

        dbm_entries_clear(entries);
        entries->dropped = dropped;
        goto out;
    }
    for (size_t i = 0; i < entries->count; i++)
        positions[i] = i;
    qsort_r(positions, entries->count, sizeof *positions, compare_positions, entries->items);
    for (size_t i = 0; i < entries->count; i++) {
        struct dbm_entry *entry = &entries->items[positions[i]];

        if (i + 1 < entries->count && compare_keys(entry, &entries->items[positions[i + 1]]) == 0) {
            entries->octets -= entry->value_len;
            free(entry->value);
        } else {
            sorted[kept++] = *entry;
        }
    }
    free(entries->items);
    entries->items = sorted;
    entries->cap = entries->count + 1;
    entries->count = kept;
    sorted = NULL;
out:
    free(positions);
    free(sorted);
}

const struct dbm_entry *dbm_entries_find(const struct dbm_entries *entries, const uint8_t key[DBM_KEY_LEN])
{
    struct dbm_entry wanted;

    if (entries->count == 0)
        return NULL;
    memcpy(wanted.key, key, DBM_KEY_LEN);
    return bsearch(&wanted, entries->items, entries->count, sizeof wanted, compare_keys);
}
