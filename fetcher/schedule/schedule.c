/* SPDX-License-Identifier: ISC */
#include "schedule/schedule.h"

#define BACKOFF_MIN_SEC 60
#define BACKOFF_MAX_SEC 3600
/* Certificates that a start asks for in a second, where they can wait. */
#define START_SPREAD_PER_SEC 20
/* The ceiling reaches BACKOFF_MAX_SEC long before; bounds the shift. */
#define BACKOFF_DOUBLINGS_MAX 16u

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Sum and difference that stop at the ends of int64_t: the times come from a peer, and from responders before that. */
static int64_t add(int64_t a, int64_t b)
{
    int64_t sum;

    if (!__builtin_add_overflow(a, b, &sum))
        return sum;
    return b < 0 ? INT64_MIN : INT64_MAX;
}

static int64_t subtract(int64_t a, int64_t b)
{
    int64_t difference;

    if (!__builtin_sub_overflow(a, b, &difference))
        return difference;
    return b > 0 ? INT64_MIN : INT64_MAX;
}

/* A number from -range to range, all equally likely. */
static int64_t spread(int64_t range, uint32_t random)
{
    uint64_t choices = 2 * (uint64_t)range + 1;
    /* choices * random / 2^32, in two halves because the product may need 96 bits. */
    uint64_t picked = (choices >> 32) * random + ((choices & UINT32_MAX) * random >> 32);

    return (int64_t)picked - range;
}

int64_t schedule_due_at(const struct schedule_record *record, const struct schedule_policy *policy, int64_t now, uint32_t random)
{
    int64_t latest = subtract(subtract(record->effective_end, policy->safety_margin_sec), policy->min_ttl_sec);
    int64_t half;
    int64_t due;
    int64_t wait;

    if (record->state == CERT_STATE_REVOKED || record->state == CERT_STATE_UNKNOWN)
        return SCHEDULE_NEVER;
    if (record->state != CERT_STATE_GOOD || record->fetched_at > now || latest <= now)
        return now;
    half = add(record->this_update, subtract(record->next_update, record->this_update) / 2);
    due = earlier(half, add(record->fetched_at, policy->refresh_every_sec));
    wait = subtract(due, record->fetched_at);
    if (wait > 0)
        due = add(due, spread(wait / 10, random));
    return earlier(due, latest);
}

int64_t schedule_backoff_sec(unsigned failures, int64_t remaining_sec, uint32_t random)
{
    unsigned doublings = failures < BACKOFF_DOUBLINGS_MAX ? failures : BACKOFF_DOUBLINGS_MAX;
    int64_t ceiling = earlier((int64_t)BACKOFF_MIN_SEC << doublings, BACKOFF_MAX_SEC);
    int64_t wait = BACKOFF_MIN_SEC + (int64_t)((uint64_t)(ceiling - BACKOFF_MIN_SEC + 1) * random >> 32);

    if (remaining_sec > 0 && wait > remaining_sec / 2)
        wait = remaining_sec / 2 > 0 ? remaining_sec / 2 : 1;
    return wait;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

bool schedule_is_servable(const struct schedule_record *record, const struct schedule_policy *policy, int64_t now)
{
    return record->state == CERT_STATE_GOOD && subtract(record->effective_end, policy->safety_margin_sec) > now;
}

/* Bounded on both sides; low wins. */
static int64_t between(int64_t low, int64_t value, int64_t high)
{
    return later(low, earlier(value, high));
}

static int64_t after_failure(
    const struct schedule_record *record, const struct schedule_history *history, int64_t asked_at, int64_t now, uint32_t random)
{
    int64_t remaining = record->state == CERT_STATE_GOOD ? subtract(record->effective_end, now) : 0;
    int64_t at = add(asked_at, schedule_backoff_sec(history->failures, remaining, random));
    int64_t patience = remaining > 0 ? remaining / 2 : BACKOFF_MAX_SEC;

    return later(at, earlier(history->retry_at, add(asked_at, patience)));
}

static int64_t after_success(const struct schedule_record *record, const struct schedule_policy *policy,
    const struct schedule_history *history, int64_t asked_at, int64_t now, uint32_t random)
{
    int64_t due = schedule_due_at(record, policy, now, random);
    int64_t remaining = subtract(record->effective_end, asked_at);
    int64_t again = add(asked_at, between(BACKOFF_MIN_SEC, remaining / 8, BACKOFF_MAX_SEC));
    int64_t latest = subtract(subtract(record->effective_end, policy->safety_margin_sec), policy->min_ttl_sec);

    if (due < again)
        due = add(again, spread((again - asked_at) / 10, random));
    return later(due, earlier(history->fresh_until, latest));
}

int64_t schedule_next_at(const struct schedule_record *record, const struct schedule_policy *policy,
    const struct schedule_history *history, int64_t now, uint32_t random)
{
    int64_t asked_at = earlier(history->asked_at, now);

    if (record->state == CERT_STATE_REVOKED || record->state == CERT_STATE_UNKNOWN)
        return SCHEDULE_NEVER;
    if (history->asked_at == 0)
        return schedule_due_at(record, policy, now, random);
    if (history->failures > 0)
        return after_failure(record, history, asked_at, now, random);
    return after_success(record, policy, history, asked_at, now, random);
}

int64_t schedule_start_spread_sec(
    const struct schedule_record *record, const struct schedule_policy *policy, uint32_t count, int64_t now, uint32_t random)
{
    int64_t remaining = subtract(subtract(record->effective_end, policy->safety_margin_sec), now);
    int64_t range = earlier(count / START_SPREAD_PER_SEC, remaining / 4);

    if (!schedule_is_servable(record, policy, now) || range <= 0)
        return 0;
    return (int64_t)((uint64_t)range * random >> 32);
}
