/* SPDX-License-Identifier: ISC */
/*
 * Owns: which of the moments that the schedule allows is taken: the one at which least is asked for already.
 * Runs in: fetcher (daemon).
 * Never: goes beyond what schedule.h allows; asks a clock.
 *
 * Certificates that were fetched together drift apart by chance alone with the square root of the days.  Chosen by what else
 * is due, they do so by the whole width of the jitter each day: after a week the CA sees an even rate.
 */
#ifndef STAPLEGUARD_SCHEDULE_SPREAD_H
#define STAPLEGUARD_SCHEDULE_SPREAD_H

#include "schedule/agenda.h"
#include "schedule/schedule.h"

/* Moments that are compared: so many, that hardly ever all of them fall into the crowd. */
#define PLAN_CHOICES 8u

/*
 * When a certificate is asked for next: schedule_next_at, and for one that was due while nobody was there (never asked for in
 * this run) schedule_start_spread_sec after now, count being all certificates.  random: called some times, all 32 bits used.
 * SCHEDULE_NEVER when withdrawn.
 */
int64_t plan_next_at(const struct agenda *agenda, const struct schedule_record *record, const struct schedule_policy *policy,
    const struct schedule_history *history, uint32_t count, int64_t now, uint32_t (*random)(void));

#endif
