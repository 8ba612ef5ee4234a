/* SPDX-License-Identifier: ISC */
#include "audit/audit_ends.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Of the path, so that the sentence keeps its end. */
#define SHOWN "%.120s"

static __attribute__((format(printf, 3, 4))) void say(struct audit_gap *gap, uint64_t count, const char *format, ...)
{
    va_list arguments;

    gap->count = count;
    va_start(arguments, format);
    vsnprintf(gap->detail, sizeof gap->detail, format, arguments);
    va_end(arguments);
}

static void say_missing(struct audit_gap *gap, const char *path, uint64_t first, uint64_t last, const char *how)
{
    if (first == last)
        say(gap, 1, "record %" PRIu64 " is missing in " SHOWN ": %s", first, path, how);
    else
        say(gap, last - first + 1, "records %" PRIu64 " to %" PRIu64 " are missing in " SHOWN ": %s", first, last, path, how);
}

static bool is_same(const struct audit_chain *a, const struct audit_chain *b)
{
    return a->seq == b->seq && memcmp(a->hash, b->hash, sizeof a->hash) == 0;
}

/* What the log ends with, against what was kept. */
static void compare(
    const struct audit_ends *ends, const struct audit_tail *last, struct audit_chain *chain, struct audit_gap *gap)
{
    const struct audit_chain *kept = ends->kept;

    if (kept == NULL || is_same(&last->chain, kept))
        return;
    if (ends->own->is_empty && last->chain.seq < kept->seq) {
        *chain = *kept;
        say(gap, last->has_record ? kept->seq - last->chain.seq : 0,
            SHOWN " is new, and what was written up to record %" PRIu64
                  " is in no file beside it that can be read%s: rotated and "
                  "compressed, moved, or removed; the chain goes on from there",
            ends->path, kept->seq, last->has_record ? ", or only the older part of it" : "");
    } else if (!last->has_record) {
        *chain = *kept;
        say(gap, 0, "no record was found at the end of " SHOWN "; the chain goes on from record %" PRIu64 ", which was kept",
            ends->path, kept->seq);
    } else if (last->chain.seq < kept->seq) {
        *chain = *kept;
        say_missing(
            gap, ends->path, last->chain.seq + 1, kept->seq, "it was cut off, replaced or removed while the service did not run");
    } else if (last->chain.seq == kept->seq || last->is_kept_other) {
        if (last->chain.seq == kept->seq)
            *chain = *kept;
        say(gap, 0, "record %" PRIu64 " in " SHOWN " is not the one that was written: the log was replaced or altered", kept->seq,
            ends->path);
    }
}

void audit_ends_at_start(
    const struct audit_ends *ends, struct audit_chain *chain, struct audit_gap *missing, struct audit_gap *unsound)
{
    const struct audit_tail *own = ends->own;
    const struct audit_tail *last = ends->rotated->has_record ? ends->rotated : own;

    missing->detail[0] = unsound->detail[0] = '\0';
    *chain = last->chain;
    compare(ends, last, chain, missing);
    if (!last->has_record && ends->kept == NULL && !(own->is_empty && ends->rotated->is_empty))
        say(unsound, 0, "no record was found at the end of the log; a new chain begins");
    else if (last->has_record && last->is_torn)
        say(unsound, 0, "the last line was torn: writing it was interrupted");
    else if (last->has_record && (last->unsound_len > 0 || (last != own && !own->is_empty)))
        say(unsound, 0, "%zu bytes that are no record stand behind the last one",
            last->unsound_len + (last == own ? 0 : own->unsound_len));
}

/* Another file, or what is left of ours: up to which of our records does it go? */
static void say_what_is_left(const struct audit_ends *ends, struct audit_gap *gap, const char *how)
{
    const struct audit_chain *kept = ends->kept;
    uint64_t left = ends->own->has_record ? ends->own->chain.seq : ends->first_seq - 1;

    if (ends->own->has_record && is_same(&ends->own->chain, kept))
        say(gap, 0, SHOWN ": %s; its last record is still there", ends->path, how);
    else if (left < kept->seq && left + 1 >= ends->first_seq)
        say_missing(gap, ends->path, left + 1, kept->seq, how);
    else
        say(gap, 0, SHOWN ": %s; it does not end in record %" PRIu64 ", the last one that was written", ends->path, how,
            kept->seq);
}

void audit_ends_while_running(const struct audit_ends *ends, struct audit_gap *gap)
{
    gap->detail[0] = '\0';
    switch (ends->change) {
    case AUDIT_FILE_CUT:
        if (ends->first_seq != 0)
            say_what_is_left(ends, gap, "somebody cut it off while the service ran (logrotate must not use copytruncate)");
        break;
    case AUDIT_FILE_REMOVED:
        if (ends->first_seq != 0)
            say_what_is_left(ends, gap,
                ends->own->is_empty
                    ? "it was removed while the service ran (or compressed at once: logrotate wants delaycompress)"
                    : "it was replaced by another file while the service ran");
        break;
    case AUDIT_FILE_GROWN:
        say(gap, 0, "%" PRIu64 " bytes that are not ours stand in " SHOWN " behind record %" PRIu64, ends->strange_len,
            ends->path, ends->kept->seq);
        break;
    case AUDIT_FILE_OPENED:
        /* It was read before, when it could not be written. */
        if (ends->own->has_record && is_same(&ends->own->chain, ends->kept))
            break;
        /* fall through */
    case AUDIT_FILE_ROTATED:
        if (!ends->own->is_empty)
            say(gap, 0, "the new file " SHOWN " was not empty: %" PRIu64 " bytes stand in it before what follows record %" PRIu64,
                ends->path, ends->strange_len, ends->kept->seq);
        break;
    case AUDIT_FILE_SAME:
        break;
    }
}
