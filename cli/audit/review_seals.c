/* SPDX-License-Identifier: ISC */
#include "audit/review_seals.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A clock that ran ahead may have taken the key along: by as much as is evolved in a second. */
#define EPOCHS_AHEAD_MAX 500000u

/* The service takes up a key that replaces another within a minute. */
#define TAKEN_UP_SEC 120

/* The first key is made, then audit_seal = yes is written, then the service is reloaded: an administrator's hour. */
#define SET_UP_SEC 3600

enum outcome {
    SEAL_RIGHT,
    SEAL_WRONG,
    SEAL_OF_THE_PAST,
    SEAL_OF_THE_FUTURE,
};

static int compare(const void *a, const void *b)
{
    const struct audit_key *left = a;
    const struct audit_key *right = b;

    return left->start < right->start ? -1 : left->start > right->start ? 1 : 0;
}

void review_seals_init(struct review_seals *seals, const struct audit_key *keys, size_t count, int64_t now_sec)
{
    *seals = (struct review_seals){.count = count, .now_sec = now_sec};
    for (size_t i = 0; i < count; i++)
        seals->keys[i] = keys[i];
    qsort(seals->keys, count, sizeof *seals->keys, compare);
}

/* An epoch that nobody can have reached is not evolved to. */
static bool is_reachable(const struct audit_key *key, uint32_t epoch, int64_t now_sec)
{
    uint32_t now = audit_key_epoch_at(key, now_sec);

    return now > UINT32_MAX - EPOCHS_AHEAD_MAX || epoch <= now + EPOCHS_AHEAD_MAX;
}

static enum outcome try_key(struct audit_key *key, const struct review_item *item, int64_t now_sec)
{
    struct audit_key then = *key;
    struct audit_seal right;

    if (item->seal.epoch < key->epoch)
        return SEAL_OF_THE_PAST;
    if (!is_reachable(key, item->seal.epoch, now_sec))
        return SEAL_OF_THE_FUTURE;
    audit_key_evolve(&then, item->seal.epoch);
    audit_seal_make(&then, item->after.hash, sizeof item->after.hash, &right);
    if (memcmp(right.mac, item->seal.mac, sizeof right.mac) != 0)
        return SEAL_WRONG;
    *key = then;
    return SEAL_RIGHT;
}

/* With the present key, or one that takes its place here. */
static enum outcome try_keys(struct review_seals *seals, const struct review_item *item)
{
    enum outcome first = try_key(&seals->keys[seals->at], item, seals->now_sec);

    for (size_t i = 0; first != SEAL_RIGHT && i < seals->count; i++)
        if (!seals->is_spent[i] && try_key(&seals->keys[i], item, seals->now_sec) == SEAL_RIGHT) {
            seals->is_spent[seals->at] = seals->has_begun;
            seals->at = i;
            return SEAL_RIGHT;
        }
    return first;
}

/* Before the first right seal: was it written before the key was in use? */
static bool is_older(const struct review_seals *seals, const struct review_item *item)
{
    int64_t start = seals->keys[0].start;

    return !seals->has_begun && (item->time_sec < start || (item->is_sealed && item->time_sec < start + TAKEN_UP_SEC));
}

static enum review_fault fault_of(const struct review_seals *seals, enum outcome outcome, struct review_verdict *verdict)
{
    static const char *const sentences[] = {
        [SEAL_WRONG] = "its seal is wrong: it was changed, or written by somebody who had not the key of that interval",
        [SEAL_OF_THE_PAST] = "its seal is of an interval before that of the record before it",
        [SEAL_OF_THE_FUTURE] = "its seal is of an interval that has not come yet",
    };

    snprintf(verdict->sentence, sizeof verdict->sentence, "%s%s", sentences[outcome],
        !seals->has_begun                 ? " (or this is the key of another log)"
            : outcome == SEAL_OF_THE_PAST ? " (or the key was replaced then: give the newer one as well)"
                                          : "");
    return outcome == SEAL_WRONG ? REVIEW_REWRITTEN : REVIEW_MISSEALED;
}

static enum review_fault without_seal(
    const struct review_seals *seals, const struct review_item *item, struct review_verdict *verdict)
{
    if (!seals->has_begun && item->time_sec < seals->keys[0].start + SET_UP_SEC) {
        verdict->early++;
        return REVIEW_SOUND;
    }
    if (!seals->has_begun || seals->is_off) {
        verdict->unsealed++;
        return REVIEW_SOUND;
    }
    snprintf(verdict->sentence, sizeof verdict->sentence,
        "it has no seal, although records before it have: it was put there by somebody who has no key%s",
        item->is_seal_failed    ? ", or the service had none, as this record says"
            : item->is_seal_off ? ", or audit_seal was switched off while the service did not run"
                                : "");
    return REVIEW_UNSEALED;
}

static void count_right(struct review_seals *seals, const struct review_item *item, struct review_verdict *verdict)
{
    uint32_t own = audit_key_epoch_at(&seals->keys[seals->at], item->time_sec);

    if (own != item->seal.epoch && verdict->misdated++ == 0)
        verdict->first_misdated = item->after.seq;
    if (!seals->has_begun)
        verdict->first_sealed = item->after.seq;
    seals->has_begun = true;
    seals->is_off = item->is_seal_off;
    verdict->sealed++;
    verdict->last_sealed = item->after.seq;
}

enum review_fault review_seals_check(struct review_seals *seals, const struct review_item *item, struct review_verdict *verdict)
{
    enum outcome outcome;

    if (!item->is_sealed) {
        if (!is_older(seals, item))
            return without_seal(seals, item, verdict);
        verdict->older++;
        return REVIEW_SOUND;
    }
    outcome = try_keys(seals, item);
    if (outcome == SEAL_RIGHT)
        count_right(seals, item, verdict);
    else if (is_older(seals, item))
        verdict->older++;
    else
        return fault_of(seals, outcome, verdict);
    return REVIEW_SOUND;
}
