/* SPDX-License-Identifier: ISC */
#include "dbm/dbm_contents.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "system/clock.h"

/* A record that says it is good for longer is nobody's: staples live days. */
#define FOREIGN_EXPIRY_MAX_SEC (366LL * 24 * 60 * 60)

struct dbm_seen {
    uint8_t key[DBM_KEY_LEN];
    uint8_t digest[32]; /* SHA-256 of the value */
};

static bool remember_seen(struct dbm_contents *contents, const struct dbm_pair *pair)
{
    if (contents->seen_count == contents->seen_cap) {
        size_t cap = contents->seen_cap == 0 ? 64 : contents->seen_cap * 2;
        struct dbm_seen *seen = reallocarray(contents->seen, cap, sizeof *seen);

        if (seen == NULL)
            return false;
        contents->seen = seen;
        contents->seen_cap = cap;
    }
    memcpy(contents->seen[contents->seen_count].key, pair->key, DBM_KEY_LEN);
    return EVP_Digest(pair->value, pair->value_len, contents->seen[contents->seen_count++].digest, NULL, EVP_sha256(), NULL) == 1;
}

/*
 * Whether a record that is not ours goes on.  An expired one does not; one that hardly ever ends is counted as no
 * stapling record.
 */
static bool is_carried(struct dbm_contents *contents, const struct dbm_pair *pair)
{
    const struct dbm_read_rules *rules = contents->rules;
    struct dbm_record record;

    if (dbm_record_decode(pair->value, pair->value_len, &record) != DBM_RESULT_OK) {
        contents->invalid++;
        return false;
    }
    if (!rules->is_time_judged)
        return true;
    if (record.expiry_usec > (rules->now + FOREIGN_EXPIRY_MAX_SEC) * USEC_PER_SEC) {
        contents->invalid++;
        return false;
    }
    return record.expiry_usec > rules->now * USEC_PER_SEC;
}

/* The first look: everything counts. */
static bool take_record(void *context, const struct dbm_pair *pair)
{
    struct dbm_contents *contents = context;

    contents->records++;
    if (pair->key_len != DBM_KEY_LEN) {
        contents->is_guard_first = contents->is_guard_first || contents->records == 1;
        return true;
    }
    switch (contents->rules->owner_of(contents->rules->context, pair->key)) {
    case DBM_OWNER_FOREIGN:
        if (is_carried(contents, pair))
            dbm_entries_add(&contents->foreign, pair->key, pair->value, pair->value_len);
        return true;
    case DBM_OWNER_WANTED:
        if (contents->is_read_again) { /* there is no more time to judge it: it is carried over, and judged at the next look */
            if (is_carried(contents, pair))
                dbm_entries_add(&contents->foreign, pair->key, pair->value, pair->value_len);
            break;
        }
        dbm_entries_add(&contents->wanted, pair->key, pair->value, pair->value_len);
        break;
    case DBM_OWNER_OURS:
        break;
    }
    return remember_seen(contents, pair);
}

/* A later look: only what is not ours and was not read before. */
static bool take_late_record(void *context, const struct dbm_pair *pair)
{
    struct dbm_contents *contents = context;
    const struct dbm_entry *known;

    if (pair->key_len != DBM_KEY_LEN || contents->rules->owner_of(contents->rules->context, pair->key) != DBM_OWNER_FOREIGN)
        return true;
    known = dbm_entries_find(&contents->foreign, pair->key);
    if ((known == NULL || known->value_len != pair->value_len || memcmp(known->value, pair->value, pair->value_len) != 0)
        && is_carried(contents, pair))
        dbm_entries_add(&contents->late, pair->key, pair->value, pair->value_len);
    return true;
}

static int compare_seen(const void *a, const void *b)
{
    return memcmp(a, b, DBM_KEY_LEN);
}

static void forget_read(struct dbm_contents *contents)
{
    dbm_entries_clear(&contents->foreign);
    dbm_entries_clear(&contents->wanted);
    contents->seen_count = 0;
    contents->records = 0;
    contents->invalid = 0;
    contents->is_guard_first = false;
}

void dbm_contents_read(
    struct dbm_contents *contents, const struct dbm_read_rules *rules, struct dbm_place *place, bool is_read_again)
{
    contents->rules = rules;
    contents->is_read_again = is_read_again;
    /* A child of Apache may write while we read, and half a change looks like damage: one more try is worth it. */
    for (int tries = 0; tries < 2; tries++) {
        forget_read(contents);
        foreign_read(rules->driver, place->fd, rules->timeout_sec, take_record, contents, &contents->reading);
        if (contents->reading.result == FOREIGN_OK || !dbm_place_is_changed(place))
            break;
        fstat(place->fd, &place->st);
    }
    if (contents->reading.result != FOREIGN_OK)
        forget_read(contents);
    contents->invalid += contents->reading.skipped;
    dbm_entries_sort(&contents->foreign);
    dbm_entries_sort(&contents->wanted);
    if (contents->seen_count > 0)
        qsort(contents->seen, contents->seen_count, sizeof *contents->seen, compare_seen);
}

bool dbm_contents_held(const struct dbm_contents *contents, const uint8_t key[DBM_KEY_LEN], const uint8_t digest[32])
{
    const struct dbm_seen *seen = NULL;

    if (contents->seen_count > 0)
        seen = bsearch(key, contents->seen, contents->seen_count, sizeof *contents->seen, compare_seen);
    return seen != NULL && memcmp(digest, seen->digest, sizeof seen->digest) == 0;
}

bool dbm_contents_read_late(struct dbm_contents *contents, const struct dbm_read_rules *rules, const struct dbm_place *replaced)
{
    struct foreign_outcome again;
    bool is_new = false;

    contents->rules = rules;
    foreign_read(rules->driver, replaced->fd, rules->timeout_sec, take_late_record, contents, &again);
    for (size_t i = 0; i < contents->late.count && again.result == FOREIGN_OK; i++) {
        const struct dbm_entry *entry = &contents->late.items[i];

        if (dbm_entries_add(&contents->foreign, entry->key, entry->value, entry->value_len) == DBM_ENTRIES_OK)
            is_new = true;
    }
    dbm_entries_clear(&contents->late);
    dbm_entries_sort(&contents->foreign);
    return is_new;
}

void dbm_contents_clear(struct dbm_contents *contents)
{
    dbm_entries_clear(&contents->foreign);
    dbm_entries_clear(&contents->late);
    dbm_entries_clear(&contents->wanted);
    free(contents->seen);
    contents->seen = NULL;
}
