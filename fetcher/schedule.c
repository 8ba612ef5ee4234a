/*
 * Owns: when a certificate's staple is asked for.
 * Runs in: fetcher.
 * Never: asks a clock or for randomness; both come in.
 */
#include "schedule.h"

#define BACKOFF_MIN_SEC 60
#define BACKOFF_MAX_SEC 3600
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

int64_t schedule_due_at(
    const struct schedule_record *record, const struct schedule_policy *policy, int64_t now, uint32_t random)
{
    int64_t latest = subtract(
        subtract(record->effective_end, policy->safety_margin_sec), policy->min_ttl_sec);
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
