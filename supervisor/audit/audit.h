/* SPDX-License-Identifier: ISC */
/*
 * Owns: the audit log: its records in order, flushed in batches, sealed, told to the journal, continued whatever happens to the file.
 * Runs in: supervisor.
 * Never: fails the service: what cannot be written is kept or counted, and a gap is recorded once writing works again.
 *
 * The chain of records (audit_record.h) goes on when the file is renamed, removed or cut off, and when the program starts: from the
 * end of the file, of the one that was rotated away, or from what was kept in state_dir (audit_head.h), whichever knows more; where
 * they disagree, audit.gap says what is missing.  Nothing that is in a file is ever changed: a last line that is torn gets its newline,
 * and a record audit.gap says so; so it does when there is anything else behind the last sound record.
 * While writing fails, records are kept, up to AUDIT_PENDING_MAX bytes of them (audit_pending.h); those that do not fit, that come before
 * the end of the chain is known, or that were written but not synced, are counted and their number is recorded as
 * audit.gap before anything newer.
 * Every event goes to the journal at once; the head of the chain (an anchor) does when its record is on the disk: after a start, a
 * rotation, every AUDIT_ANCHOR_EVERY records, at the end of a sealing interval, and at the end.
 */
#ifndef STAPLEGUARD_AUDIT_H
#define STAPLEGUARD_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/audit_record.h"
#include "audit/journal_entry.h"

#define AUDIT_ANCHOR_EVERY 1000u

struct audit;

/* Microseconds since 1970. */
typedef int64_t audit_clock(void);

enum audit_status {
    AUDIT_WRITTEN, /* everything is in the file and synced */
    AUDIT_FAILING, /* it is not, and will be tried again at the next flush */
};

struct audit_settings {
    const char *path;
    const char *state_dir; /* the kept head and the sealing key lie there; NULL: neither is used */
    bool is_sealed;
    const char *journal_path; /* JOURNAL_SOCKET; NULL: events go to no journal */
    audit_clock *clock;       /* NULL: the real one */
};

/*
 * Open (or make, mode 0640) the log and find the end of its chain.  Takes an advisory lock (flock) on it.  Always returns a log
 * that may be written to, also when the file cannot be opened now (then it is tried again at each flush); NULL only when memory
 * ends.  The texts are copied.
 */
struct audit *audit_open(const struct audit_settings *settings);

/*
 * Add a record; it is in the file after the next audit_flush.  What fields points to is the caller's again.  Returns whether the
 * journal has the event (log_unless_told).
 */
bool audit_write(struct audit *audit, const struct audit_fields *fields);

/* Add a record, and log its sentence unless the journal has the event already (log_unless_told). */
void audit_announce(struct audit *audit, const struct audit_fields *fields);

/*
 * Write what was added, with one write and one fdatasync.  Says in the log when writing begins to fail and when it works
 * again, once each, so that callers may leave the result alone.
 */
enum audit_status audit_flush(struct audit *audit);

/* Would audit_flush have something to do? */
bool audit_is_waiting(const struct audit *audit);

/* Move the sealing key on if it is time, also while nothing is written.  Returns in how many milliseconds to come again. */
int64_t audit_tick(struct audit *audit);

/* Could the log be moved there?  Returns NULL, or why not (valid until the next call). */
const char *audit_refuses_path(const char *path);
/* A new configuration: the log goes on at its path (old and new file say so), with or without seals and journal; the key is looked
 * at anew.  state_dir and clock stay. */
void audit_reconfigure(struct audit *audit, const struct audit_settings *settings);

/* Is there a journal that gets the events? */
bool audit_has_journal(const struct audit *audit);

/* Flush and end it. */
void audit_close(struct audit *audit);

#endif
