/* SPDX-License-Identifier: ISC */
#include "audit/review_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/review_diagnose.h"
#include "audit/review_item.h"
#include "audit/review_seals.h"

struct review_check {
    struct review_verdict verdict;
    bool has_chain;
    struct audit_chain chain;
    struct review_item items[REVIEW_WINDOW]; /* what does not follow at once, and what is behind it */
    size_t count;
    struct review_accepted recent[REVIEW_WINDOW]; /* a ring; the newest at (recent_at - 1) */
    size_t recent_at;
    size_t recent_count;
    char torn[AUDIT_LINE_MAX]; /* the line before, when it was not ended */
    size_t torn_len;
    bool is_before_torn;
    const struct review_anchor *anchors;
    size_t anchor_count;
    size_t anchor_at;
    bool has_key;
    struct review_seals seals;
};

const char *review_fault_word(enum review_fault fault)
{
    static const char *const words[] = {
        [REVIEW_SOUND] = "sound",
        [REVIEW_ALTERED] = "altered",
        [REVIEW_REMOVED] = "removed",
        [REVIEW_INSERTED] = "inserted",
        [REVIEW_REORDERED] = "reordered",
        [REVIEW_TRUNCATED] = "truncated",
        [REVIEW_REWRITTEN] = "rewritten",
        [REVIEW_NEW_CHAIN] = "new-chain",
        [REVIEW_UNSEALED] = "unsealed",
        [REVIEW_MISSEALED] = "missealed",
    };

    return words[fault];
}

struct review_check *review_check_new(
    const struct review_anchor *anchors, size_t count, const struct audit_key *keys, size_t key_count, int64_t now_sec)
{
    struct review_check *check = calloc(1, sizeof *check);

    if (check == NULL)
        return NULL;
    check->anchors = anchors;
    check->anchor_count = count;
    check->has_key = key_count > 0;
    review_seals_init(&check->seals, keys, key_count, now_sec);
    return check;
}

void review_check_free(struct review_check *check)
{
    if (check == NULL)
        return;
    explicit_bzero(&check->seals, sizeof check->seals);
    free(check);
}

static void set_fault(struct review_check *check, enum review_fault fault, const struct review_place *place, uint64_t seq)
{
    check->verdict.fault = fault;
    check->verdict.place = *place;
    check->verdict.seq = seq;
}

/* Do the anchors of this record agree with it?  Those of records before it can never be met any more. */
static bool meet_anchors(struct review_check *check, const struct audit_chain *chain, const struct review_place *place)
{
    for (; check->anchor_at < check->anchor_count; check->anchor_at++) {
        const struct review_anchor *anchor = &check->anchors[check->anchor_at];

        if (anchor->seq > chain->seq)
            return true;
        if (anchor->seq < chain->seq) {
            check->verdict.anchors_too_old++;
        } else if (memcmp(anchor->hash, chain->hash, sizeof anchor->hash) == 0) {
            check->verdict.anchors_met++;
            check->verdict.last_anchor = anchor->seq;
        } else {
            set_fault(check, REVIEW_REWRITTEN, place, chain->seq);
            snprintf(check->verdict.sentence, sizeof check->verdict.sentence,
                "an anchor has another hash for it: the log was written anew %s%.0" PRIu64 " and this one",
                check->verdict.last_anchor == 0 ? "between its beginning" : "between record ", check->verdict.last_anchor);
            return false;
        }
    }
    return true;
}

static bool accept(struct review_check *check, const struct review_item *item)
{
    enum review_fault fault = check->has_key ? review_seals_check(&check->seals, item, &check->verdict) : REVIEW_SOUND;

    if (fault != REVIEW_SOUND) {
        set_fault(check, fault, &item->place, item->after.seq);
        return false;
    }
    if (!meet_anchors(check, &item->after, &item->place))
        return false;
    check->recent[check->recent_at] = (struct review_accepted){item->place, item->before, item->after};
    check->recent_at = (check->recent_at + 1) % REVIEW_WINDOW;
    check->recent_count += check->recent_count < REVIEW_WINDOW ? 1 : 0;
    check->chain = item->after;
    check->verdict.end = item->after;
    check->verdict.records++;
    return true;
}

static bool follows(const struct review_check *check, const struct review_item *item)
{
    return check->has_chain && item->result == AUDIT_OK && item->before.seq == check->chain.seq
        && memcmp(item->before.hash, check->chain.hash, AUDIT_HASH_LEN) == 0;
}

static void drop_items(struct review_check *check, size_t count)
{
    check->count -= count;
    memmove(check->items, check->items + count, check->count * sizeof check->items[0]);
}

/* The chain goes on from where this record begins. */
static bool begin(struct review_check *check, const struct review_item *item)
{
    check->has_chain = true;
    check->chain = check->verdict.before = item->before;
    return item->before.seq == 0 || meet_anchors(check, &item->before, &item->place);
}

/* The first of the items does not follow, and enough is known of what is behind.  False: it is a fault. */
static bool judge(struct review_check *check, bool is_end)
{
    struct review_accepted recent[REVIEW_WINDOW];
    struct review_scene scene = {.has_chain = check->has_chain,
        .start = check->verdict.before,
        .chain = check->chain,
        .items = check->items,
        .count = check->count,
        .is_end = is_end,
        .recent = recent,
        .recent_count = check->recent_count};
    size_t skip = 0;

    for (size_t i = 0; i < check->recent_count; i++)
        recent[i] = check->recent[(check->recent_at + 2 * REVIEW_WINDOW - 1 - i) % REVIEW_WINDOW];
    if (!check->has_chain && check->items[0].result == AUDIT_OK)
        return review_diagnose_start(&scene, &check->verdict) == REVIEW_SOUND && begin(check, &check->items[0]);
    if (review_diagnose(&scene, &check->verdict, &skip) != REVIEW_SOUND)
        return false;
    drop_items(check, skip);
    return true;
}

/* Take what follows; what does not is judged once the window is full, or at the end. */
static bool settle(struct review_check *check, bool is_end)
{
    while (check->count > 0) {
        if (follows(check, &check->items[0])) {
            struct review_item item = check->items[0];

            drop_items(check, 1);
            if (!accept(check, &item))
                return false;
        } else if (!is_end && check->count < REVIEW_WINDOW) {
            return true;
        } else if (!judge(check, is_end)) {
            return false;
        }
    }
    return true;
}

static void keep_torn(struct review_check *check, const struct review_line *line)
{
    check->is_before_torn = !line->is_ended && line->len <= sizeof check->torn;
    check->torn_len = check->is_before_torn ? line->len : 0;
    if (check->is_before_torn)
        memcpy(check->torn, line->text, line->len);
}

bool review_check_line(struct review_check *check, const struct review_line *line)
{
    struct review_item item;

    if (check->verdict.fault != REVIEW_SOUND)
        return false;
    review_item_read(line, check->is_before_torn ? check->torn : NULL, check->torn_len, &item);
    keep_torn(check, line);
    if (check->count == 0 && follows(check, &item))
        return accept(check, &item);
    check->items[check->count++] = item;
    return settle(check, false);
}

const struct review_verdict *review_check_end(struct review_check *check)
{
    struct review_verdict *verdict = &check->verdict;

    if (verdict->fault != REVIEW_SOUND || !settle(check, true) || check->anchor_at == check->anchor_count)
        return verdict;
    set_fault(check, REVIEW_TRUNCATED, &(struct review_place){0}, check->chain.seq + 1);
    if (verdict->records == 0)
        snprintf(verdict->sentence, sizeof verdict->sentence, "there is no record, but an anchor knows of record %" PRIu64,
            check->anchors[check->anchor_count - 1].seq);
    else
        snprintf(verdict->sentence, sizeof verdict->sentence,
            "the log ends with record %" PRIu64 ", but an anchor knows of record %" PRIu64 ": what lies between is missing",
            check->chain.seq, check->anchors[check->anchor_count - 1].seq);
    return verdict;
}
