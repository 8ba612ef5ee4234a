/* SPDX-License-Identifier: ISC */
#include "audit/review_diagnose.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NOT_THERE SIZE_MAX

static bool is_same(const struct audit_chain *a, const struct audit_chain *b)
{
    return a->seq == b->seq && memcmp(a->hash, b->hash, sizeof a->hash) == 0;
}

static bool is_record(const struct review_item *item)
{
    return item->result == AUDIT_OK;
}

static bool is_genesis(const struct audit_chain *chain)
{
    static const struct audit_chain nothing;

    return is_same(chain, &nothing);
}

static __attribute__((format(printf, 5, 6))) enum review_fault found(struct review_verdict *verdict, enum review_fault fault,
    const struct review_place *place, uint64_t seq, const char *format, ...)
{
    va_list arguments;

    verdict->fault = fault;
    verdict->place = *place;
    verdict->seq = seq;
    va_start(arguments, format);
    vsnprintf(verdict->sentence, sizeof verdict->sentence, format, arguments);
    va_end(arguments);
    return fault;
}

/* The item from `from` on that begins where chain ends (or that ends there). */
static size_t find_before(const struct review_scene *scene, size_t from, const struct audit_chain *chain)
{
    for (size_t i = from; i < scene->count; i++)
        if (is_record(&scene->items[i]) && is_same(&scene->items[i].before, chain))
            return i;
    return NOT_THERE;
}

static size_t find_after(const struct review_scene *scene, size_t from, const struct audit_chain *chain)
{
    for (size_t i = from; i < scene->count; i++)
        if (is_record(&scene->items[i]) && is_same(&scene->items[i].after, chain))
            return i;
    return NOT_THERE;
}

static size_t count_unsound(const struct review_scene *scene)
{
    size_t count = 0;

    while (count < scene->count && !is_record(&scene->items[count]))
        count++;
    return count;
}

/* Does anything in these lines say that the record was here which is awaited? */
static bool is_claimed(const struct review_scene *scene, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct review_item *item = &scene->items[i];

        if (item->claimed_seq == scene->chain.seq + 1
            || (item->has_claimed_prev && memcmp(item->claimed_prev, scene->chain.hash, AUDIT_HASH_LEN) == 0))
            return true;
    }
    return false;
}

static bool is_torn_tail(const struct review_scene *scene, size_t unsound)
{
    const struct review_item *first = &scene->items[0];

    return unsound == 1 && scene->is_end && scene->count == 1 && first->could_be_torn
        && (!scene->has_chain || first->claimed_seq == 0 || first->claimed_seq <= scene->chain.seq + 1);
}

static enum review_fault pass_over(const struct review_scene *scene, size_t count, struct review_verdict *verdict, size_t *skip)
{
    if (verdict->torn == 0)
        verdict->first_torn = scene->items[0].place;
    verdict->torn += count;
    *skip = count;
    return REVIEW_SOUND;
}

static enum review_fault altered_line(
    const struct review_scene *scene, size_t unsound, uint64_t seq, struct review_verdict *verdict)
{
    const struct review_item *first = &scene->items[0];
    const char *what = first->result == AUDIT_WRONG_HASH ? "its text does not fit its hash" : "it is not a whole record any more";
    uint64_t covered = unsound < scene->count ? scene->items[unsound].before.seq + 1 - seq : 0;

    if (covered > unsound)
        return found(verdict, REVIEW_ALTERED, &first->place, seq,
            "%s; the next sound record is %" PRIu64 ", so %" PRIu64 " records behind it are missing or ran into it", what,
            seq + covered, covered - unsound);
    return found(verdict, REVIEW_ALTERED, &first->place, seq, "%s", what);
}

/* The first lines of the log are no records, and the first record stands behind them. */
static enum review_fault unsound_start(
    const struct review_scene *scene, size_t unsound, struct review_verdict *verdict, size_t *skip)
{
    const struct review_item *first = &scene->items[0];
    const struct review_item *next = &scene->items[unsound];
    uint64_t seq = first->claimed_seq;

    if (is_genesis(&next->before)) {
        if (next->is_gap_of_bytes)
            return pass_over(scene, unsound, verdict, skip);
        return found(verdict, REVIEW_INSERTED, &first->place, 1, "a line that is no record stands before the first");
    }
    if (seq == 0 || seq > next->before.seq)
        seq = next->before.seq >= unsound ? next->before.seq - unsound + 1 : 1;
    return altered_line(scene, unsound, seq, verdict);
}

/* The items begin with lines that are no records. */
static enum review_fault unsound_lines(
    const struct review_scene *scene, size_t unsound, struct review_verdict *verdict, size_t *skip)
{
    const struct review_item *first = &scene->items[0];
    const struct review_item *next = unsound < scene->count ? &scene->items[unsound] : NULL;
    uint64_t seq = scene->chain.seq + 1;

    if (is_torn_tail(scene, unsound)) {
        verdict->is_tail_torn = true;
        verdict->tail = first->place;
        *skip = 1;
        return REVIEW_SOUND;
    }
    if (next == NULL && (!scene->is_end || !scene->has_chain || is_claimed(scene, unsound)))
        return altered_line(scene, unsound, seq, verdict);
    if (next == NULL)
        return found(verdict, REVIEW_INSERTED, &first->place, seq,
            "a line that is no record stands behind the last, record %" PRIu64, scene->chain.seq);
    if (!scene->has_chain)
        return unsound_start(scene, unsound, verdict, skip);
    if (is_same(&next->before, &scene->chain)
        && (next->is_gap_of_bytes || (unsound == 1 && !first->is_ended && next->is_whole_of_torn)))
        return pass_over(scene, unsound, verdict, skip);
    if (find_before(scene, unsound, &scene->chain) != NOT_THERE)
        return found(verdict, REVIEW_INSERTED, &first->place, seq,
            "a line that is no record stands between record %" PRIu64 " and record %" PRIu64, scene->chain.seq, seq);
    return altered_line(scene, unsound, seq, verdict);
}

/* The record that should stand here comes later. */
static enum review_fault out_of_place(const struct review_scene *scene, struct review_verdict *verdict)
{
    const struct review_item *first = &scene->items[0];
    uint64_t seq = first->after.seq;

    if (scene->start.seq > 0 && is_same(&first->after, &scene->start))
        return found(verdict, REVIEW_REORDERED, &first->place, seq,
            "it stands behind record %" PRIu64 ", and belongs before all others", scene->chain.seq);
    if (find_after(scene, 1, &first->after) != NOT_THERE)
        return found(verdict, REVIEW_INSERTED, &first->place, seq,
            "it is a copy of record %" PRIu64 ", which stands at its place, too", seq);
    if (seq > scene->chain.seq && find_after(scene, 1, &first->before) != NOT_THERE)
        return found(verdict, REVIEW_REORDERED, &first->place, seq, "it stands before record %" PRIu64, scene->chain.seq + 1);
    for (size_t i = 0; i < scene->recent_count; i++)
        if (is_same(&first->after, &scene->recent[i].after))
            return found(verdict, REVIEW_INSERTED, &first->place, seq,
                "it is a copy of record %" PRIu64 ", which stands at its place, too", seq);
    return found(verdict, REVIEW_INSERTED, &first->place, seq,
        "it stands between record %" PRIu64 " and record %" PRIu64 ", and no other record links to it", scene->chain.seq,
        scene->chain.seq + 1);
}

/* Two records begin at the same place: which one does the rest link to? */
static enum review_fault forked(
    const struct review_scene *scene, const struct review_accepted *other, struct review_verdict *verdict)
{
    const struct review_item *first = &scene->items[0];
    uint64_t seq = first->after.seq;

    if (is_same(&first->after, &other->after))
        return found(verdict, REVIEW_INSERTED, &first->place, seq,
            "it is a copy of record %" PRIu64 ", which stands at its place, too", seq);
    if (find_before(scene, 1, &first->after) == 1)
        return found(verdict, REVIEW_INSERTED, &other->place, seq,
            "there is another record with its number behind it, and the rest of the log links to that");
    return found(verdict, REVIEW_INSERTED, &first->place, seq, "there is another record with its number before it");
}

static enum review_fault wrong_link(const struct review_scene *scene, bool is_linked, struct review_verdict *verdict)
{
    const struct review_item *first = &scene->items[0];

    if (is_linked && scene->recent_count > 0)
        return found(verdict, REVIEW_ALTERED, &scene->recent[0].place, scene->chain.seq,
            "its own hash was made to fit, but record %" PRIu64 " has another for it", first->after.seq);
    return found(verdict, REVIEW_ALTERED, &first->place, first->after.seq,
        "it does not link to record %" PRIu64 ": one of the two was altered, and its own hash made to fit", scene->chain.seq);
}

static enum review_fault missing(const struct review_item *next, uint64_t seq, struct review_verdict *verdict)
{
    const char *hint = next->is_gap ? "; the service noticed it then, see that record"
        : next->place.line == 1     ? "; is a rotated file not there?"
                                    : "";

    if (next->before.seq > seq)
        return found(verdict, REVIEW_REMOVED, &next->place, seq, "the records %" PRIu64 " to %" PRIu64 " are missing before it%s",
            seq, next->before.seq, hint);
    return found(verdict, REVIEW_REMOVED, &next->place, seq, "record %" PRIu64 " is missing before it%s", seq, hint);
}

/* The record that should stand here does not come. */
static enum review_fault unlinked(const struct review_scene *scene, struct review_verdict *verdict)
{
    const struct review_item *first = &scene->items[0];
    const uint64_t last = scene->chain.seq;
    bool is_linked = find_before(scene, 1, &first->after) == 1;

    if (memcmp(first->before.hash, scene->chain.hash, AUDIT_HASH_LEN) == 0)
        return found(verdict, REVIEW_ALTERED, &first->place, last + 1,
            "it follows record %" PRIu64 " by its hash, but has the number %" PRIu64, last, first->after.seq);
    for (size_t i = 0; i < scene->recent_count; i++)
        if (is_same(&first->before, &scene->recent[i].before)
            && (last == 1 || !is_genesis(&first->before) || is_same(&first->after, &scene->recent[i].after)))
            return forked(scene, &scene->recent[i], verdict);
    /* Behind more than one record, what begins from nothing is not a forged first record, but another log. */
    if (is_genesis(&first->before) && (first->is_gap_of_bytes || is_linked))
        return found(verdict, REVIEW_NEW_CHAIN, &first->place, first->after.seq,
            "a second chain begins behind record %" PRIu64
            ": the log was not there when the service started, or another one was "
            "put behind it",
            last);
    if (first->before.seq > last)
        return missing(first, last + 1, verdict);
    if (first->before.seq == last)
        return wrong_link(scene, is_linked, verdict);
    return found(verdict, REVIEW_INSERTED, &first->place, first->after.seq,
        "it stands behind record %" PRIu64 ", which it does not follow", last);
}

enum review_fault review_diagnose(const struct review_scene *scene, struct review_verdict *verdict, size_t *skip)
{
    size_t unsound = count_unsound(scene);

    *skip = 0;
    if (unsound > 0)
        return unsound_lines(scene, unsound, verdict, skip);
    if (find_before(scene, 1, &scene->chain) != NOT_THERE)
        return out_of_place(scene, verdict);
    return unlinked(scene, verdict);
}

enum review_fault review_diagnose_start(const struct review_scene *scene, struct review_verdict *verdict)
{
    const struct review_item *first = &scene->items[0];
    size_t other = find_after(scene, 1, &first->before);
    static const struct audit_chain nothing;

    if (find_after(scene, 1, &first->after) != NOT_THERE && find_before(scene, 1, &first->after) != 1)
        return found(verdict, REVIEW_INSERTED, &first->place, first->after.seq,
            "it is a copy of record %" PRIu64 ", which stands at its place, too", first->after.seq);
    if (other != NOT_THERE)
        return found(
            verdict, REVIEW_REORDERED, &first->place, first->after.seq, "it stands before record %" PRIu64, first->before.seq);
    if (!is_genesis(&first->before) && find_before(scene, 1, &nothing) != NOT_THERE
        && !scene->items[find_before(scene, 1, &nothing)].is_gap_of_bytes)
        return found(verdict, REVIEW_INSERTED, &first->place, first->after.seq, "it stands before the first record of the log");
    if (first->before.seq == 0 && !is_genesis(&first->before))
        return found(verdict, REVIEW_ALTERED, &first->place, 1, "it is the first record, but has one before it");
    return REVIEW_SOUND;
}
