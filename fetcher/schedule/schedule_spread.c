/* SPDX-License-Identifier: ISC */
#include "schedule/schedule_spread.h"

int64_t plan_next_at(const struct agenda *agenda, const struct schedule_record *record, const struct schedule_policy *policy,
    const struct schedule_history *history, uint32_t count, int64_t now, uint32_t (*random)(void))
{
    int64_t best = schedule_next_at(record, policy, history, now, random());

    if (best == SCHEDULE_NEVER)
        return best;
    if (best <= now)
        return history->asked_at == 0 ? now + schedule_start_spread_sec(record, policy, count, now, random()) : best;
    for (unsigned i = 1; i < PLAN_CHOICES; i++) {
        int64_t at = schedule_next_at(record, policy, history, now, random());

        /* The past is never crowded: it would draw everybody. */
        if (at > now && agenda_crowd(agenda, at) < agenda_crowd(agenda, best))
            best = at;
    }
    return best;
}
