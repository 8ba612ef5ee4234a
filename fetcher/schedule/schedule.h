/* SPDX-License-Identifier: ISC */
/*
 * Owns: when a certificate's staple is asked for.
 * Runs in: fetcher.
 * Never: asks a clock or for randomness; both come in.
 */
#ifndef STAPLEGUARD_SCHEDULE_H
#define STAPLEGUARD_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/msg.h"

/* Not before somebody asks for it by force. */
#define SCHEDULE_NEVER INT64_MAX

/* What the writer holds for a certificate.  Times are seconds since 1970. */
struct schedule_record {
    enum cert_state state; /* GOOD, REVOKED, UNKNOWN; anything else: nothing is held */
    int64_t this_update;
    int64_t next_update;
    int64_t effective_end;
    int64_t fetched_at;
};

struct schedule_policy {
    uint32_t safety_margin_sec;
    uint32_t min_ttl_sec;
    uint32_t refresh_every_sec;
};

/*
 * When the next response is due: the earlier of half of its validity and refresh_every after the last fetch, moved by
 * up to a tenth of the wait either way (random: any number, all 32 bits used), so that a thousand certificates fetched
 * together do not stay together for ever.  Never later than the moment from which what is held could no longer be given
 * to Apache (effective_end - safety_margin - min_ttl).
 * `now` when nothing is held, when that moment is past, and when fetched_at lies in the future (the clock jumped back, so
 * none of the times can be relied upon).  SCHEDULE_NEVER when the certificate is withdrawn.
 * A response that was already past its half when it came is due again at once: who asks in a loop bounds that by
 * schedule_backoff_sec.
 */
int64_t schedule_due_at(const struct schedule_record *record, const struct schedule_policy *policy, int64_t now, uint32_t random);

/*
 * Seconds to wait after the failures-th failure in a row (1 is the first): between one minute and a ceiling that begins at
 * two minutes and doubles up to an hour, anywhere in between (full jitter).  remaining_sec: how much longer the staple
 * that is held is good for Apache; when it is positive, at most half of it, so that another attempt always comes before
 * its end.
 */
int64_t schedule_backoff_sec(unsigned failures, int64_t remaining_sec, uint32_t random);

/* What happened with a certificate so far.  Times are seconds since 1970; 0: not yet, or not said. */
struct schedule_history {
    unsigned failures;   /* attempts in a row */
    int64_t asked_at;    /* when the last attempt ended */
    int64_t retry_at;    /* not before, said its Retry-After (RFC 9110 10.2.3) */
    int64_t fresh_until; /* pointless before, said its Cache-Control: max-age (RFC 5019 6.2) */
};

/* Can what is held be given to Apache, by the rule of safety_margin alone? */
bool schedule_is_servable(const struct schedule_record *record, const struct schedule_policy *policy, int64_t now);

/*
 * When it is asked for next, in a daemon.
 * After a success: schedule_due_at, but not before fresh_until while the staple lasts, and never in a loop: a response that
 * is due again as soon as it came (the CA serves it until it signs the next one) is asked for after an eighth of what
 * remains of it, between one minute and one hour.
 * After a failure: schedule_backoff_sec after the last attempt, not before retry_at; but retry_at delays by no more than
 * half of what remains of the staple, or an hour when there is none: nobody is bound to starve.
 * A last attempt that lies in the future (the clock was put back) counts as made now.  SCHEDULE_NEVER when withdrawn.
 */
int64_t schedule_next_at(const struct schedule_record *record, const struct schedule_policy *policy,
    const struct schedule_history *history, int64_t now, uint32_t random);

/*
 * How long a certificate that is overdue when the service starts waits, so that `count` of them do not ask at once: 0 when
 * there is nothing servable; else anywhere in count / 20 seconds, but in less than a quarter of what remains.
 */
int64_t schedule_start_spread_sec(
    const struct schedule_record *record, const struct schedule_policy *policy, uint32_t count, int64_t now, uint32_t random);

#endif
