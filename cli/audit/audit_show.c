/* SPDX-License-Identifier: ISC */
#include "audit/audit_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/review_summary.h"
#include "audit/review_view.h"
#include "base/output.h"
#include "system/log.h"

#define NAMES_SHOWN_MAX 12u

static bool show_line(void *context, const struct review_line *line)
{
    return review_view_line(context, line);
}

static bool add_name(void *context, const struct review_line *line)
{
    struct review_record record;

    return !review_scan(line->text, line->len, &record) || review_summary_add(context, &record);
}

void audit_say_unknown_cert(const char *name, const struct review_files *files)
{
    struct review_summary *summary = review_summary_new(0, INT64_MAX);
    const struct review_cert *const *certs;
    const char **names;
    const char *like;
    size_t count;

    if (summary == NULL)
        return;
    review_files_walk(files, add_name, summary);
    count = review_summary_end(summary, &certs);
    names = calloc(count + 1, sizeof *names);
    for (size_t i = 0; names != NULL && i < count; i++)
        names[i] = certs[i]->name;
    like = names == NULL ? NULL : review_most_like(name, names, count);
    if (count == 0)
        log_error("no record is about a certificate \"%s\", nor about any other", name);
    else if (like != NULL)
        log_error("no record is about a certificate \"%s\"; did you mean \"%s\"?", name, like);
    else
        log_error("no record is about a certificate \"%s\"; the log names these:", name);
    for (size_t i = 0; like == NULL && i < count && i < NAMES_SHOWN_MAX; i++)
        log_error("  %s", certs[i]->name);
    if (like == NULL && count > NAMES_SHOWN_MAX)
        log_error("  and %zu more: see --summary", count - NAMES_SHOWN_MAX);
    free(names);
    review_summary_free(summary);
}

/* Returns the exit code. */
static int end_show(const struct review_view *view, const struct review_files *files, size_t unread)
{
    bool is_unknown = false;

    for (size_t i = 0; i < view->filter->cert_count; i++)
        if (!view->is_cert_seen[i]) {
            audit_say_unknown_cert(view->filter->certs[i], files);
            is_unknown = true;
        }
    if (is_unknown)
        return CLI_EXIT_ERROR;
    if (view->shown == 0 && !view->is_json)
        puts("no record is like that");
    if (view->unreadable > 0)
        log_warning(
            "lines that are no records: %" PRIu64 "; stapleguard audit --verify says what became of them", view->unreadable);
    return view->unreadable > 0 || unread > 0 ? AUDIT_EXIT_UNREADABLE : 0;
}

int audit_show(const struct audit_request *request, const struct review_files *files)
{
    struct review_view view = {.out = stdout,
        .filter = &request->filter,
        .is_json = request->is_json,
        .is_coloured = !request->is_json && review_view_wants_colour(stdout)};
    size_t unread = review_files_walk(files, show_line, &view);

    return output_end(end_show(&view, files, unread));
}
