/* SPDX-License-Identifier: ISC */
#include "dbm/dbm_plan.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

/* One record of the file to be built. */
struct dbm_planned {
    uint32_t bucket;
    uint32_t index; /* into own's records, or into the foreign ones */
    bool is_own;
};

static bool planned_get(void *context, size_t i, struct dbm_pair *pair)
{
    struct dbm_plan *plan = context;
    const struct dbm_planned *item = &plan->items[i];
    const struct dbm_entry *entry;

    pair->key_len = DBM_KEY_LEN;
    if (item->is_own) {
        pair->key = plan->own->key(plan->own->context, item->index);
        pair->value = plan->value;
        return plan->own->value(plan->own->context, item->index, plan->value, &pair->value_len);
    }
    entry = &plan->foreign->items[item->index];
    pair->key = entry->key;
    pair->value = entry->value;
    pair->value_len = entry->value_len;
    return true;
}

static const uint8_t *planned_key(void *context, size_t i)
{
    struct dbm_plan *plan = context;
    const struct dbm_planned *item = &plan->items[i];

    return item->is_own ? plan->own->key(plan->own->context, item->index) : plan->foreign->items[item->index].key;
}

static bool planned_is_same(void *context, size_t i, const uint8_t *value, size_t value_len)
{
    struct dbm_plan *plan = context;
    const struct dbm_planned *item = &plan->items[i];
    const struct dbm_entry *entry;
    uint8_t digest[32];

    if (item->is_own)
        return EVP_Digest(value, value_len, digest, NULL, EVP_sha256(), NULL) == 1
            && memcmp(digest, plan->own->digest(plan->own->context, item->index), sizeof digest) == 0;
    entry = &plan->foreign->items[item->index];
    return value_len == entry->value_len && memcmp(value, entry->value, value_len) == 0;
}

static int compare_planned(const void *a, const void *b)
{
    const struct dbm_planned *x = a;
    const struct dbm_planned *y = b;

    return (x->bucket > y->bucket) - (x->bucket < y->bucket);
}

/* *behind: how many foreign records may still stand behind the guard. */
static void add_planned(struct dbm_plan *plan, const uint8_t *key, size_t index, bool is_own, size_t *behind)
{
    uint32_t bucket = dbm_layout_bucket(&plan->layout, key, DBM_KEY_LEN);

    if (plan->layout.has_guard && bucket == 0 && !is_own) {
        if (*behind == 0)
            return; /* displaced; dbm_layout_choose has counted it */
        (*behind)--;
    }
    plan->items[plan->count++] = (struct dbm_planned){.bucket = bucket, .index = (uint32_t)index, .is_own = is_own};
}

bool dbm_plan_make(struct dbm_plan *plan, bool is_guard_wanted)
{
    const struct apache_dbm_own *own = plan->own;
    const struct dbm_entries *foreign = plan->foreign;
    struct dbm_layout_sum sum = {0};
    size_t behind;

    for (size_t i = 0; i < own->count; i++)
        dbm_layout_count(&sum, own->key(own->context, i), DBM_KEY_LEN, own->value_len(own->context, i), true);
    for (size_t i = 0; i < foreign->count; i++)
        dbm_layout_count(&sum, foreign->items[i].key, DBM_KEY_LEN, foreign->items[i].value_len, false);
    dbm_layout_choose(&sum, is_guard_wanted, &plan->layout);
    behind = plan->layout.foreign_behind;
    free(plan->items);
    plan->count = 0;
    plan->items = reallocarray(NULL, sum.count + 1, sizeof *plan->items);
    if (plan->items == NULL)
        return false;
    for (size_t i = 0; i < own->count; i++)
        add_planned(plan, own->key(own->context, i), i, true, &behind);
    for (size_t i = 0; i < foreign->count; i++)
        add_planned(plan, foreign->items[i].key, i, false, &behind);
    qsort(plan->items, plan->count, sizeof *plan->items, compare_planned);
    return true;
}

enum dbm_driver_result dbm_plan_build(
    struct dbm_plan *plan, const struct dbm_driver *driver, const char *path, char words[DETAIL_MAX + 1])
{
    const struct dbm_source source
        = {.count = plan->count, .get = planned_get, .key = planned_key, .is_same = planned_is_same, .context = plan};
    enum dbm_driver_result result = driver->build(path, &plan->layout, &source, words);

    return result == DBM_DRIVER_OK ? driver->check(path, &plan->layout, &source, words) : result;
}

void dbm_plan_clear(struct dbm_plan *plan)
{
    free(plan->items);
    plan->items = NULL;
}
