/* SPDX-License-Identifier: ISC */
#include "children/throttle.h"

#define HOUR_MSEC (3600.0 * 1000.0)

/* What was taken comes back evenly, all of it within an hour. */
static void give_back(struct throttle_bucket *bucket, double size, int64_t now_msec)
{
    bucket->used -= (double)(now_msec - bucket->since_msec) * size / HOUR_MSEC;
    if (bucket->used < 0)
        bucket->used = 0;
    bucket->since_msec = now_msec;
}

enum throttle_answer throttle_take(struct throttle *throttle, size_t kind, size_t certs, int64_t now_msec)
{
    struct throttle_bucket *bucket = &throttle->buckets[kind];
    double size = (double)THROTTLE_BASE + (double)certs * THROTTLE_PER_CERT;
    bool is_first;

    give_back(bucket, size, now_msec);
    if (bucket->used + 1 <= size) {
        bucket->used += 1;
        return THROTTLE_PASS;
    }
    is_first = bucket->flood_msec == 0;
    if (is_first)
        bucket->flood_msec = now_msec;
    bucket->suppressed++;
    bucket->suppressed_msec = now_msec;
    return is_first ? THROTTLE_BEGINS : THROTTLE_SUPPRESS;
}

bool throttle_tell(struct throttle *throttle, size_t *kind, int64_t now_msec, bool is_last, uint64_t *count)
{
    for (; *kind < THROTTLE_KINDS; ++*kind) {
        struct throttle_bucket *bucket = &throttle->buckets[*kind];
        bool is_over = is_last || now_msec - bucket->suppressed_msec >= THROTTLE_QUIET_MSEC;

        if (bucket->flood_msec == 0 || (!is_over && now_msec - bucket->flood_msec < THROTTLE_AGAIN_MSEC))
            continue;
        *count = bucket->suppressed;
        bucket->suppressed = 0;
        bucket->flood_msec = is_over ? 0 : now_msec;
        if (*count > 0)
            return true;
    }
    return false;
}
