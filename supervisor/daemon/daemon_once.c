/* SPDX-License-Identifier: ISC */
#include "daemon/daemon_once.h"

#include <unistd.h>

#include "system/log.h"

void once_begin(struct once *once, struct facts *facts, bool is_told, int64_t now_msec)
{
    *once = (struct once){
        .report = {.is_terminal = isatty(STDERR_FILENO) == 1, .is_told = is_told && log_is_journal(STDOUT_FILENO)},
        .started_msec = now_msec,
    };
    facts->commit.reason = REASON_INTERNAL; /* until the writer says otherwise */
}

void once_progressed(struct once *once, const struct msg_progress *progress, int64_t now_msec)
{
    report_progress(&once->report, progress, now_msec - once->started_msec);
    once->is_over = once->is_over || progress->done == progress->due;
}

void once_interrupt(struct once *once, struct feed *feed, struct children *children)
{
    once->is_over = once->report.is_interrupted = true;
    feed_cut_short(feed);
    children_close(children, &children->fetcher, NULL);
}

bool once_is_over(struct once *once, const struct feed *feed, const struct children *children)
{
    if (children_is_lost(&children->fetcher) || children_is_lost(&children->writer))
        once->is_over = once->report.has_child_failed = true;
    return children_is_lost(&children->writer) || (once->is_over && feed_is_idle(feed));
}

enum exit_code once_end(const struct once *once, const struct facts *facts, const struct cert_list *list, const char *audit_log)
{
    report_progress_clear(&once->report, &facts->progress);
    return report_summary(&once->report, facts, list, audit_log, stdout);
}
