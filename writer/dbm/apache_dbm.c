/* SPDX-License-Identifier: ISC */
#include "dbm/apache_dbm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

/*
 * How often what Apache wrote to the replaced file meanwhile is merged in: it writes seldom, and each time is a whole
 * build.
 */
#define ROUNDS_MAX 3

/* A record that says it is good for longer is nobody's: staples live days. */
#define FOREIGN_EXPIRY_MAX_SEC (366LL * 24 * 60 * 60)

#define USEC_PER_SEC 1000000LL

struct dbm_seen {
    uint8_t key[DBM_KEY_LEN];
    uint8_t digest[32]; /* SHA-256 of the value */
};

/* One record of the file to be built. */
struct planned {
    uint32_t bucket;
    uint32_t index; /* into own's records, or into the foreign ones */
    bool is_own;
};

struct plan {
    struct apache_dbm *dbm;
    const struct apache_dbm_own *own;
    struct planned *items; /* in the order of their buckets */
    size_t count;
    struct dbm_layout layout;
    uint8_t value[DBM_VALUE_MAX];
};

static bool digest_of(const uint8_t *value, size_t len, uint8_t digest[32])
{
    return EVP_Digest(value, len, digest, NULL, EVP_sha256(), NULL) == 1;
}

static bool remember_seen(struct apache_dbm *dbm, const struct dbm_pair *pair)
{
    if (dbm->seen_count == dbm->seen_cap) {
        size_t cap = dbm->seen_cap == 0 ? 64 : dbm->seen_cap * 2;
        struct dbm_seen *seen = reallocarray(dbm->seen, cap, sizeof *seen);

        if (seen == NULL)
            return false;
        dbm->seen = seen;
        dbm->seen_cap = cap;
    }
    memcpy(dbm->seen[dbm->seen_count].key, pair->key, DBM_KEY_LEN);
    return digest_of(pair->value, pair->value_len, dbm->seen[dbm->seen_count++].digest);
}

/*
 * Whether a record that is not ours goes on.  An expired one does not; one that hardly ever ends is counted as no
 * stapling record.
 */
static bool is_carried(struct apache_dbm *dbm, const struct dbm_pair *pair)
{
    const struct apache_dbm_rules *rules = &dbm->rules;
    struct dbm_record record;

    if (dbm_record_decode(pair->value, pair->value_len, &record) != DBM_RESULT_OK) {
        dbm->invalid++;
        return false;
    }
    if (!rules->is_time_judged)
        return true;
    if (record.expiry_usec > (rules->now + FOREIGN_EXPIRY_MAX_SEC) * USEC_PER_SEC) {
        dbm->invalid++;
        return false;
    }
    return record.expiry_usec > rules->now * USEC_PER_SEC;
}

/* The first look: everything counts. */
static bool take_record(void *context, const struct dbm_pair *pair)
{
    struct apache_dbm *dbm = context;

    dbm->records++;
    if (pair->key_len != DBM_KEY_LEN) {
        dbm->is_guard_first = dbm->is_guard_first || dbm->records == 1;
        return true;
    }
    switch (dbm->rules.owner_of(dbm->rules.context, pair->key)) {
    case DBM_OWNER_FOREIGN:
        if (is_carried(dbm, pair))
            dbm_entries_add(&dbm->foreign, pair->key, pair->value, pair->value_len);
        return true;
    case DBM_OWNER_WANTED:
        if (dbm->is_read_again) { /* there is no more time to judge it: it is carried over, and judged at the next look */
            if (is_carried(dbm, pair))
                dbm_entries_add(&dbm->foreign, pair->key, pair->value, pair->value_len);
            break;
        }
        dbm_entries_add(&dbm->wanted, pair->key, pair->value, pair->value_len);
        break;
    case DBM_OWNER_OURS:
        break;
    }
    return remember_seen(dbm, pair);
}

/* A later look: only what is not ours and was not read before. */
static bool take_late_record(void *context, const struct dbm_pair *pair)
{
    struct apache_dbm *dbm = context;
    const struct dbm_entry *known;

    if (pair->key_len != DBM_KEY_LEN || dbm->rules.owner_of(dbm->rules.context, pair->key) != DBM_OWNER_FOREIGN)
        return true;
    known = dbm_entries_find(&dbm->foreign, pair->key);
    if ((known == NULL || known->value_len != pair->value_len || memcmp(known->value, pair->value, pair->value_len) != 0)
        && is_carried(dbm, pair))
        dbm_entries_add(&dbm->late, pair->key, pair->value, pair->value_len);
    return true;
}

static int compare_seen(const void *a, const void *b)
{
    return memcmp(a, b, DBM_KEY_LEN);
}

static void forget_read(struct apache_dbm *dbm)
{
    dbm_entries_clear(&dbm->foreign);
    dbm_entries_clear(&dbm->wanted);
    dbm->seen_count = 0;
    dbm->records = 0;
    dbm->invalid = 0;
    dbm->is_guard_first = false;
}

/* A child of Apache may write while we read, and half a change looks like damage: one more try is worth it. */
static void read_first(struct apache_dbm *dbm)
{
    const struct apache_dbm_rules *rules = &dbm->rules;

    for (int tries = 0; tries < 2; tries++) {
        forget_read(dbm);
        foreign_read(rules->driver, dbm->place.fd, rules->read_timeout_sec, take_record, dbm, &dbm->reading);
        if (dbm->reading.result == FOREIGN_OK || !dbm_place_is_changed(&dbm->place))
            break;
        fstat(dbm->place.fd, &dbm->place.st);
    }
    if (dbm->reading.result != FOREIGN_OK)
        forget_read(dbm);
    dbm->invalid += dbm->reading.skipped;
    dbm_entries_sort(&dbm->foreign);
    dbm_entries_sort(&dbm->wanted);
    if (dbm->seen_count > 0)
        qsort(dbm->seen, dbm->seen_count, sizeof *dbm->seen, compare_seen);
}

/* Open and read what is in place; what is written to it from here on is noticed. */
static enum reason look(struct apache_dbm *dbm)
{
    enum reason reason;

    if (dbm->rules.keeper != NULL && keeper_begin(dbm->rules.keeper) != KEEPER_OK) {
        snprintf(dbm->place.detail, sizeof dbm->place.detail, "the keeper of Apache's file has ended");
        return REASON_INTERNAL;
    }
    reason = dbm_place_open(dbm->rules.name, &dbm->place);
    if (reason == REASON_NOT_BERKELEY_DB && dbm->rules.made_inode != 0 && dbm->place.st.st_ino == dbm->rules.made_inode
        && dbm->place.st.st_dev == dbm->rules.made_device) {
        dbm->place.is_unread = true; /* somebody wrote garbage into it */
        reason = REASON_NONE;
    }
    if (reason == REASON_NONE && dbm->place.fd >= 0)
        read_first(dbm);
    return reason;
}

enum reason apache_dbm_begin(struct apache_dbm *dbm, const struct apache_dbm_rules *rules)
{

    memset(dbm, 0, sizeof *dbm);
    dbm->rules = *rules;
    dbm->place.fd = -1;
    if (rules->keeper != NULL) {
        dbm_place_staging(dbm->temporary);
    } else if (!dbm_place_temporary(rules->name, dbm->temporary)) {
        snprintf(
            dbm->place.detail, sizeof dbm->place.detail, "the name of Apache's DBM file is too long to build another beside it");
        return REASON_DBM_UNWRITABLE;
    }
    if (!dbm_place_clean(dbm->temporary)) {
        snprintf(dbm->place.detail, sizeof dbm->place.detail, "%s, where a new file is built, cannot be removed: %s",
            dbm->temporary, strerror(errno));
        return REASON_DBM_UNWRITABLE;
    }
    return look(dbm);
}

static const struct dbm_seen *find_seen(const struct apache_dbm *dbm, const uint8_t key[DBM_KEY_LEN])
{
    return dbm->seen_count == 0 ? NULL : bsearch(key, dbm->seen, dbm->seen_count, sizeof *dbm->seen, compare_seen);
}

bool apache_dbm_held(const struct apache_dbm *dbm, const uint8_t key[DBM_KEY_LEN], const uint8_t digest[32])
{
    const struct dbm_seen *seen = find_seen(dbm, key);

    return seen != NULL && memcmp(digest, seen->digest, sizeof seen->digest) == 0;
}

static bool planned_get(void *context, size_t i, struct dbm_pair *pair)
{
    struct plan *plan = context;
    const struct planned *item = &plan->items[i];
    const struct dbm_entry *entry;

    pair->key_len = DBM_KEY_LEN;
    if (item->is_own) {
        pair->key = plan->own->key(plan->own->context, item->index);
        pair->value = plan->value;
        return plan->own->value(plan->own->context, item->index, plan->value, &pair->value_len);
    }
    entry = &plan->dbm->foreign.items[item->index];
    pair->key = entry->key;
    pair->value = entry->value;
    pair->value_len = entry->value_len;
    return true;
}

static const uint8_t *planned_key(void *context, size_t i)
{
    struct plan *plan = context;
    const struct planned *item = &plan->items[i];

    return item->is_own ? plan->own->key(plan->own->context, item->index) : plan->dbm->foreign.items[item->index].key;
}

static bool planned_is_same(void *context, size_t i, const uint8_t *value, size_t value_len)
{
    struct plan *plan = context;
    const struct planned *item = &plan->items[i];
    const struct dbm_entry *entry;
    uint8_t digest[32];

    if (item->is_own)
        return digest_of(value, value_len, digest)
            && memcmp(digest, plan->own->digest(plan->own->context, item->index), sizeof digest) == 0;
    entry = &plan->dbm->foreign.items[item->index];
    return value_len == entry->value_len && memcmp(value, entry->value, value_len) == 0;
}

static int compare_planned(const void *a, const void *b)
{
    const struct planned *x = a;
    const struct planned *y = b;

    return (x->bucket > y->bucket) - (x->bucket < y->bucket);
}

/* *behind: how many foreign records may still stand behind the guard. */
static void add_planned(struct plan *plan, const uint8_t *key, size_t index, bool is_own, size_t *behind)
{
    uint32_t bucket = dbm_layout_bucket(&plan->layout, key, DBM_KEY_LEN);

    if (plan->layout.has_guard && bucket == 0 && !is_own) {
        if (*behind == 0)
            return; /* displaced; dbm_layout_choose has counted it */
        (*behind)--;
    }
    plan->items[plan->count++] = (struct planned){.bucket = bucket, .index = (uint32_t)index, .is_own = is_own};
}

/* Which records, in how many buckets, in which order. */
static bool make_plan(struct plan *plan, bool is_guard_wanted)
{
    const struct apache_dbm_own *own = plan->own;
    const struct dbm_entries *foreign = &plan->dbm->foreign;
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

/* Is what the plan wants already in place, and nothing else? */
static bool is_in_place(struct plan *plan)
{
    const struct apache_dbm *dbm = plan->dbm;
    const struct apache_dbm_own *own = plan->own;

    if (dbm->reading.result != FOREIGN_OK || !dbm_place_is_ours(&dbm->place) || dbm->invalid > 0 || dbm->foreign.dropped > 0
        || dbm->is_guard_first != plan->layout.has_guard || dbm->records != plan->count + (plan->layout.has_guard ? 1 : 0))
        return false;
    for (size_t i = 0; i < own->count; i++)
        if (!apache_dbm_held(dbm, own->key(own->context, i), own->digest(own->context, i)))
            return false;
    return true;
}

static enum reason reason_of(enum dbm_driver_result result)
{
    switch (result) {
    case DBM_DRIVER_OK:
        return REASON_NONE;
    case DBM_DRIVER_FAILED:
        return REASON_DBM_UNWRITABLE;
    case DBM_DRIVER_STOPPED: /* own->value */
        return REASON_STORE_FAILED;
    default:
        return REASON_INTERNAL;
    }
}

static enum dbm_driver_result build_and_check(struct plan *plan, char words[DETAIL_MAX + 1])
{
    const struct apache_dbm *dbm = plan->dbm;
    const struct dbm_source source
        = {.count = plan->count, .get = planned_get, .key = planned_key, .is_same = planned_is_same, .context = plan};
    enum dbm_driver_result result;

    dbm_place_clean(dbm->temporary);
    result = dbm->rules.driver->build(dbm->temporary, &plan->layout, &source, words);
    return result == DBM_DRIVER_OK ? dbm->rules.driver->check(dbm->temporary, &plan->layout, &source, words) : result;
}

/* Build what the plan says under the temporary name; without the guard when a file with it does not hold. */
static enum reason build(struct plan *plan, struct apache_dbm_outcome *outcome)
{
    char words[DETAIL_MAX + 1];
    enum dbm_driver_result result = build_and_check(plan, words);

    if (plan->layout.has_guard && result != DBM_DRIVER_OK && result != DBM_DRIVER_FAILED && result != DBM_DRIVER_STOPPED) {
        outcome->is_guard_left_out = true;
        if (!make_plan(plan, false))
            return REASON_INTERNAL;
        result = build_and_check(plan, words);
    }
    if (result != DBM_DRIVER_OK)
        snprintf(outcome->detail, sizeof outcome->detail, "building Apache's DBM file: %.300s",
            words[0] != '\0' ? words : "it does not hold what was put in");
    return reason_of(result);
}

static void describe(struct plan *plan, struct apache_dbm_outcome *outcome)
{
    size_t behind = plan->layout.own_behind + plan->layout.foreign_behind;
    char behind_text[48] = "";

    outcome->bits = plan->layout.bits;
    outcome->own = plan->own->count;
    outcome->foreign = plan->count - plan->own->count;
    outcome->displaced = plan->layout.displaced;
    if (behind > 0)
        snprintf(behind_text, sizeof behind_text, " with %zu behind it", behind);
    snprintf(outcome->detail, sizeof outcome->detail, "%s%zu ours, %zu foreign, scan guard %s%s, 2^%u buckets",
        outcome->is_unchanged ? "unchanged: " : "", outcome->own, outcome->foreign, plan->layout.has_guard ? "on" : "off",
        behind_text, outcome->bits);
}

/* What Apache wrote to the file that was just replaced.  Returns whether there is something new to write. */
static bool merge_late_writes(struct apache_dbm *dbm, struct dbm_place *replaced)
{
    struct foreign_outcome again;
    bool is_new = false;

    if (!dbm_place_is_changed(replaced))
        return false;
    foreign_read(dbm->rules.driver, replaced->fd, dbm->rules.read_timeout_sec, take_late_record, dbm, &again);
    for (size_t i = 0; i < dbm->late.count && again.result == FOREIGN_OK; i++) {
        const struct dbm_entry *entry = &dbm->late.items[i];

        if (dbm_entries_add(&dbm->foreign, entry->key, entry->value, entry->value_len) == DBM_ENTRIES_OK)
            is_new = true;
    }
    dbm_entries_clear(&dbm->late);
    dbm_entries_sort(&dbm->foreign);
    return is_new;
}

static uint32_t longer(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* The keeper puts the finished file in place.  KEEPER_CHANGED: what is in place was written to since it was read. */
static enum keeper_result give_to_keeper(struct plan *plan, unsigned how, struct apache_dbm_outcome *outcome)
{
    struct keeper *keeper = plan->dbm->rules.keeper;
    struct keeper_placed placed;
    enum keeper_result result = keeper_place(keeper, DBM_PLACE_NEW, how, &placed);

    if (result == KEEPER_LOCK_TIMEOUT) {
        outcome->is_lock_timeout = true;
        result = keeper_place(keeper, DBM_PLACE_NEW, how & ~(unsigned)KEEPER_TAKE_LOCK, &placed);
    }
    outcome->lock_wait_usec = longer(outcome->lock_wait_usec, placed.lock_wait_usec);
    outcome->lock_held_usec = longer(outcome->lock_held_usec, placed.lock_held_usec);
    if (result != KEEPER_OK && result != KEEPER_CHANGED)
        snprintf(outcome->detail, sizeof outcome->detail, "putting the new file in place: %s%s", strerror(placed.errno_value),
            placed.errno_value == EXDEV ? "; the daemon needs Linux 5.19 (Landlock ABI 2), before that use stapleguardd --once"
                                        : "");
    return result;
}

/*
 * Put the file that was built in place.  round: Apache may have written meanwhile; then *is_outdated, and the caller reads
 * again.  In the last round that does not count: the caller holds Apache's lock, or there is none and merge_late_writes
 * takes care of it.
 */
static enum reason put_in_place(
    struct plan *plan, int round, struct dbm_place *placed, struct apache_dbm_outcome *outcome, bool *is_outdated)
{
    struct apache_dbm *dbm = plan->dbm;
    enum reason reason;

    *is_outdated = false;
    if (dbm->rules.keeper == NULL) {
        reason = dbm_place_put(dbm->temporary, dbm->rules.name, placed);
    } else {
        unsigned how = round + 1 < ROUNDS_MAX ? KEEPER_IF_UNCHANGED | KEEPER_TAKE_LOCK : KEEPER_TAKE_LOCK;
        enum keeper_result result;

        reason = dbm_place_prepare(dbm->temporary, placed);
        if (reason == REASON_NONE) {
            result = give_to_keeper(plan, how, outcome);
            *is_outdated = result == KEEPER_CHANGED;
            if (result == KEEPER_OK)
                return REASON_NONE;
            dbm_place_close(placed);
            return *is_outdated ? REASON_NONE : REASON_DBM_UNWRITABLE;
        }
    }
    if (reason != REASON_NONE)
        snprintf(outcome->detail, sizeof outcome->detail, "%s", placed->detail);
    return reason;
}

/* Build, and put in place. */
static enum reason replace(
    struct plan *plan, int round, struct dbm_place *placed, struct apache_dbm_outcome *outcome, bool *is_outdated)
{
    struct apache_dbm *dbm = plan->dbm;
    enum reason reason;

    if (!make_plan(plan, dbm->rules.is_guard_wanted && !outcome->is_guard_left_out)) {
        snprintf(outcome->detail, sizeof outcome->detail, "no memory to build Apache's DBM file");
        return REASON_INTERNAL;
    }
    *is_outdated = false;
    reason = build(plan, outcome);
    if (reason == REASON_NONE)
        reason = put_in_place(plan, round, placed, outcome, is_outdated);
    dbm_place_clean(dbm->temporary);
    return reason;
}

/* Apache wrote to the file while the new one was built.  Before the last round its lock is taken, where it has one. */
static enum reason read_again(struct apache_dbm *dbm, int round, struct apache_dbm_outcome *outcome)
{
    enum reason reason;

    if (round + 2 >= ROUNDS_MAX) {
        struct keeper_placed locked;

        outcome->is_lock_timeout = keeper_lock(dbm->rules.keeper, &locked) == KEEPER_LOCK_TIMEOUT;
        outcome->lock_wait_usec = longer(outcome->lock_wait_usec, locked.lock_wait_usec);
    }
    dbm_place_close(&dbm->place);
    dbm->is_read_again = true;
    reason = look(dbm);
    if (reason != REASON_NONE)
        snprintf(outcome->detail, sizeof outcome->detail, "%s", dbm->place.detail);
    return reason;
}

void apache_dbm_commit(struct apache_dbm *dbm, const struct apache_dbm_own *own, struct apache_dbm_outcome *outcome)
{
    struct plan plan = {.dbm = dbm, .own = own};
    bool is_merged = true; /* there is something new to write */
    bool is_placed = false;

    memset(outcome, 0, sizeof *outcome);
    if (make_plan(&plan, dbm->rules.is_guard_wanted) && is_in_place(&plan)) {
        outcome->is_unchanged = true;
        describe(&plan, outcome);
        is_merged = false;
    }
    for (int round = 0; is_merged && round < ROUNDS_MAX; round++) {
        struct dbm_place placed;
        bool is_outdated;
        enum reason reason = replace(&plan, round, &placed, outcome, &is_outdated);

        if (reason == REASON_NONE && is_outdated) {
            reason = read_again(dbm, round, outcome);
            if (reason == REASON_NONE)
                continue;
        }
        if (reason != REASON_NONE) {
            /* What an earlier round put in place still holds everything of ours. */
            if (!is_placed)
                outcome->reason = reason;
            break;
        }
        is_placed = true;
        describe(&plan, outcome);
        is_merged = merge_late_writes(dbm, &dbm->place);
        dbm_place_close(&dbm->place);
        dbm->place = placed;
    }
    if (dbm->is_read_again)
        keeper_unlock(dbm->rules.keeper, &(struct keeper_placed){0}); /* where a step failed with the lock in hand */
    outcome->disk_bytes = dbm_place_disk_bytes(&dbm->place);
    free(plan.items);
}

void apache_dbm_end(struct apache_dbm *dbm)
{
    dbm_place_close(&dbm->place);
    dbm_entries_clear(&dbm->foreign);
    dbm_entries_clear(&dbm->late);
    dbm_entries_clear(&dbm->wanted);
    free(dbm->seen);
    dbm->seen = NULL;
}
