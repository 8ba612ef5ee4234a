/* SPDX-License-Identifier: ISC */
/*
 * Owns: `stapleguardd --once`: when it is over, what it shows meanwhile and says at its end.
 * Runs in: supervisor (--once).
 * Never: decides what is asked for or committed.
 */
#ifndef STAPLEGUARD_DAEMON_ONCE_H
#define STAPLEGUARD_DAEMON_ONCE_H

#include "children/children.h"
#include "status/once_report.h"

struct once {
    struct report report;
    int64_t started_msec;
    bool is_over; /* nothing is asked for any more */
};

/* is_told: the journal has each event. */
void once_begin(struct once *once, struct facts *facts, bool is_told, int64_t now_msec);

/* PROGRESS came. */
void once_progressed(struct once *once, const struct msg_progress *progress, int64_t now_msec);

/* End the asking: the fetcher goes, and the writer commits what it has. */
void once_interrupt(struct once *once, struct feed *feed, struct children *children);

/* Is it time to stop both?  Everything was said, and nothing is asked for any more; or there is no writer that could keep it. */
bool once_is_over(struct once *once, const struct feed *feed, const struct children *children);

/* Take the progress line away, and print the summary. */
enum exit_code once_end(const struct once *once, const struct facts *facts, const struct cert_list *list, const char *audit_log);

#endif
