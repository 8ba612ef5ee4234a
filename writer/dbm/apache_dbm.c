/* SPDX-License-Identifier: ISC */
#include "dbm/apache_dbm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * How often what Apache wrote to the replaced file meanwhile is merged in: it writes seldom, and each time is a whole
 * build.
 */
#define ROUNDS_MAX 3

/* Open and read what is in place; what is written to it from here on is noticed. */
static enum reason look(struct apache_dbm *dbm)
{
    enum reason reason;

    if (dbm->file->keeper != NULL && keeper_begin(dbm->file->keeper) != KEEPER_OK) {
        snprintf(dbm->place.detail, sizeof dbm->place.detail, "the keeper of Apache's file has ended");
        return REASON_INTERNAL;
    }
    reason = dbm_place_open(dbm->file->name, &dbm->place);
    if (reason == REASON_NOT_BERKELEY_DB && dbm->file->made_inode != 0 && dbm->place.st.st_ino == dbm->file->made_inode
        && dbm->place.st.st_dev == dbm->file->made_device) {
        dbm->place.is_unread = true; /* somebody wrote garbage into it */
        reason = REASON_NONE;
    }
    if (reason == REASON_NONE && dbm->place.fd >= 0)
        dbm_contents_read(&dbm->contents, &dbm->rules, &dbm->place, dbm->is_read_again);
    return reason;
}

enum reason apache_dbm_begin(struct apache_dbm *dbm, const struct apache_file *file, const struct dbm_read_rules *rules)
{
    memset(dbm, 0, sizeof *dbm);
    dbm->file = file;
    dbm->rules = *rules;
    dbm->place.fd = -1;
    if (file->keeper != NULL) {
        dbm_place_staging(dbm->temporary);
    } else if (!dbm_place_temporary(file->name, dbm->temporary)) {
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

/* Is what the plan wants already in place, and nothing else? */
static bool is_in_place(const struct apache_dbm *dbm)
{
    const struct dbm_contents *contents = &dbm->contents;
    const struct apache_dbm_own *own = dbm->plan.own;
    bool has_guard = dbm->plan.layout.has_guard;

    if (contents->reading.result != FOREIGN_OK || !dbm_place_is_ours(&dbm->place) || contents->invalid > 0
        || contents->foreign.dropped > 0 || contents->is_guard_first != has_guard
        || contents->records != dbm->plan.count + (has_guard ? 1 : 0))
        return false;
    for (size_t i = 0; i < own->count; i++)
        if (!dbm_contents_held(contents, own->key(own->context, i), own->digest(own->context, i)))
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

static enum dbm_driver_result build_once(struct apache_dbm *dbm, char words[DETAIL_MAX + 1])
{
    dbm_place_clean(dbm->temporary);
    return dbm_plan_build(&dbm->plan, dbm->rules.driver, dbm->temporary, words);
}

/* Build what the plan says under the temporary name; without the guard when a file with it does not hold. */
static enum reason build(struct apache_dbm *dbm, struct apache_dbm_outcome *outcome)
{
    char words[DETAIL_MAX + 1];
    enum dbm_driver_result result = build_once(dbm, words);

    if (dbm->plan.layout.has_guard && result != DBM_DRIVER_OK && result != DBM_DRIVER_FAILED && result != DBM_DRIVER_STOPPED) {
        outcome->is_guard_left_out = true;
        if (!dbm_plan_make(&dbm->plan, false))
            return REASON_INTERNAL;
        result = build_once(dbm, words);
    }
    if (result != DBM_DRIVER_OK)
        snprintf(outcome->detail, sizeof outcome->detail, "building Apache's DBM file: %.300s",
            words[0] != '\0' ? words : "it does not hold what was put in");
    return reason_of(result);
}

static void describe(const struct dbm_plan *plan, struct apache_dbm_outcome *outcome)
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

static uint32_t longer(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* The keeper puts the finished file in place.  KEEPER_CHANGED: what is in place was written to since it was read. */
static enum keeper_result give_to_keeper(struct keeper *keeper, unsigned how, struct apache_dbm_outcome *outcome)
{
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
 * again.  In the last round that does not count: the caller holds Apache's lock, or there is none and dbm_contents_read_late
 * takes care of it.
 */
static enum reason put_in_place(
    struct apache_dbm *dbm, int round, struct dbm_place *placed, struct apache_dbm_outcome *outcome, bool *is_outdated)
{
    enum reason reason;

    *is_outdated = false;
    if (dbm->file->keeper == NULL) {
        reason = dbm_place_put(dbm->temporary, dbm->file->name, placed);
    } else {
        unsigned how = round + 1 < ROUNDS_MAX ? KEEPER_IF_UNCHANGED | KEEPER_TAKE_LOCK : KEEPER_TAKE_LOCK;
        enum keeper_result result;

        reason = dbm_place_prepare(dbm->temporary, placed);
        if (reason == REASON_NONE) {
            result = give_to_keeper(dbm->file->keeper, how, outcome);
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
    struct apache_dbm *dbm, int round, struct dbm_place *placed, struct apache_dbm_outcome *outcome, bool *is_outdated)
{
    enum reason reason;

    if (!dbm_plan_make(&dbm->plan, dbm->file->is_guard_wanted && !outcome->is_guard_left_out)) {
        snprintf(outcome->detail, sizeof outcome->detail, "no memory to build Apache's DBM file");
        return REASON_INTERNAL;
    }
    *is_outdated = false;
    reason = build(dbm, outcome);
    if (reason == REASON_NONE)
        reason = put_in_place(dbm, round, placed, outcome, is_outdated);
    dbm_place_clean(dbm->temporary);
    return reason;
}

/* Apache wrote to the file while the new one was built.  Before the last round its lock is taken, where it has one. */
static enum reason read_again(struct apache_dbm *dbm, int round, struct apache_dbm_outcome *outcome)
{
    enum reason reason;

    if (round + 2 >= ROUNDS_MAX) {
        struct keeper_placed locked;

        outcome->is_lock_timeout = keeper_lock(dbm->file->keeper, &locked) == KEEPER_LOCK_TIMEOUT;
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
    bool is_merged = true; /* there is something new to write */
    bool is_placed = false;

    memset(outcome, 0, sizeof *outcome);
    dbm->plan.own = own;
    dbm->plan.foreign = &dbm->contents.foreign;
    if (dbm_plan_make(&dbm->plan, dbm->file->is_guard_wanted) && is_in_place(dbm)) {
        outcome->is_unchanged = true;
        describe(&dbm->plan, outcome);
        is_merged = false;
    }
    for (int round = 0; is_merged && round < ROUNDS_MAX; round++) {
        struct dbm_place placed;
        bool is_outdated;
        enum reason reason = replace(dbm, round, &placed, outcome, &is_outdated);

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
        describe(&dbm->plan, outcome);
        is_merged = dbm_place_is_changed(&dbm->place) && dbm_contents_read_late(&dbm->contents, &dbm->rules, &dbm->place);
        dbm_place_close(&dbm->place);
        dbm->place = placed;
    }
    if (dbm->is_read_again)
        keeper_unlock(dbm->file->keeper, &(struct keeper_placed){0}); /* where a step failed with the lock in hand */
    outcome->disk_bytes = dbm_place_disk_bytes(&dbm->place);
}

void apache_dbm_end(struct apache_dbm *dbm)
{
    dbm_place_close(&dbm->place);
    dbm_contents_clear(&dbm->contents);
    dbm_plan_clear(&dbm->plan);
}
