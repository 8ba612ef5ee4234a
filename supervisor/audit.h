/*
 * Owns: the audit log's file: appended to, flushed in batches, followed through rotation, continued after a crash.
 * Runs in: supervisor.
 * Never: fails the service: what cannot be written is kept or counted, and a gap is recorded once writing works again.
 *
 * The chain of records (audit_record.h) goes on when the file is renamed or removed (logrotate), and from the end of the
 * file when the program starts; when that file is new, from the end of PATH.1, where logrotate puts the one before.
 * Nothing that is in a file is ever changed: a last line that is torn gets its newline, and a record audit.gap says so; so
 * it does when there is anything else behind the last sound record.
 * While writing fails, records are kept, up to AUDIT_PENDING_MAX bytes of them; those that do not fit, that come before
 * the end of the chain is known, or that were written but not synced, are counted and their number is recorded as
 * audit.gap before anything newer.
 */
#ifndef STAPLEGUARD_AUDIT_H
#define STAPLEGUARD_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "audit_record.h"

/* Records that wait: some 10,000 usual ones. */
#define AUDIT_PENDING_MAX (4u * 1024u * 1024u)

struct audit;

/* Microseconds since 1970. */
typedef int64_t audit_clock(void);

enum audit_status {
    AUDIT_WRITTEN, /* everything is in the file and synced */
    AUDIT_FAILING, /* it is not, and will be tried again at the next flush */
};

/*
 * Open (or make, mode 0640) the log at path and find the end of its chain.  Takes an advisory lock (flock) on it.  Always
 * returns a log that may be written to, also when the file cannot be opened now (then it is tried again at each flush);
 * NULL only when memory ends.  path: copied.  clock: NULL for the real one.
 */
struct audit *audit_open(const char *path, audit_clock *clock);

/* Add a record; it is in the file after the next audit_flush.  What fields points to is the caller's again. */
void audit_write(struct audit *audit, const struct audit_fields *fields);

/*
 * Write what was added, with one write and one fdatasync.  Says in the log when writing begins to fail and when it works
 * again, once each, so that callers may leave the result alone.
 */
enum audit_status audit_flush(struct audit *audit);

/* Would audit_flush have something to do? */
bool audit_is_waiting(const struct audit *audit);

/* Flush and end it. */
void audit_close(struct audit *audit);

#endif
