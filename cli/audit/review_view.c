/* SPDX-License-Identifier: ISC */
#include "audit/review_view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit/review_story.h"
#include "audit/review_when.h"
#include "text/text.h"
#include "words/event.h"

#define ABOUT_WIDTH 24
/* As much of a line that is none of ours as tells what it is. */
#define RAW_SHOWN_MAX 160u

#define COLOUR_OFF "\033[0m"

struct level {
    const char *word; /* five columns */
    const char *colour;
};

static const struct level levels[] = {
    [SEVERITY_INFO] = {"     ", ""},
    [SEVERITY_WARNING] = {"warn ", "\033[33m"},
    [SEVERITY_ERROR] = {"ERROR", "\033[31m"},
};

bool review_view_wants_colour(FILE *stream)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    return (no_color == NULL || no_color[0] == '\0') && isatty(fileno(stream)) && (term == NULL || strcmp(term, "dumb") != 0);
}

static bool is_start_of_char(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

/* The end of a long name says more than its beginning: it is a path. */
static void print_about(FILE *out, const char *about)
{
    int width = 0;

    for (const char *at = about; *at != '\0'; at++)
        width += is_start_of_char(*at) ? 1 : 0;
    if (width > ABOUT_WIDTH) {
        for (int left = width - ABOUT_WIDTH + 1; left > 0 || !is_start_of_char(*about); about++)
            left -= is_start_of_char(*about) ? 1 : 0;
        fputs("\u2026", out);
        width = ABOUT_WIDTH;
    }
    fprintf(out, "%s%*s", about, ABOUT_WIDTH - width, "");
}

static void print_head(struct review_view *view)
{
    const char *zone;

    if (view->shown++ > 0)
        return;
    tzset();
    zone = tzname[0];
    fprintf(view->out, "%s%-*.*s  %-5s  %-*s  %s%s\n", view->is_coloured ? "\033[1m" : "", (int)REVIEW_WHEN_LEN,
        (int)REVIEW_WHEN_LEN, zone[0] == '\0' ? "time" : zone, "", ABOUT_WIDTH, "about", "what happened",
        view->is_coloured ? COLOUR_OFF : "");
}

static void print_row(struct review_view *view, const char *when, enum severity severity, const char *about, const char *story)
{
    bool is_coloured = view->is_coloured && levels[severity].colour[0] != '\0';

    print_head(view);
    fprintf(view->out, "%-*s  %s%s%s  ", (int)REVIEW_WHEN_LEN, when, is_coloured ? levels[severity].colour : "",
        levels[severity].word, is_coloured ? COLOUR_OFF : "");
    print_about(view->out, about);
    fprintf(view->out, "  %s\n", story);
}

static void show_record(struct review_view *view, const struct review_record *record)
{
    enum event event = review_event_of(&record->values[REVIEW_EVENT]);
    char when[REVIEW_WHEN_LEN + 1];
    char about[CERT_NAME_MAX + 1];
    char story[AUDIT_SENTENCE_MAX + 1];

    review_when_local(review_value_sec(&record->values[REVIEW_TIME]), when);
    review_about(record, about, sizeof about);
    review_story(record, story);
    print_row(view, when, event == EVENT_COUNT ? SEVERITY_INFO : event_severity(event), about, story);
}

/* For people a line that is no record is shown where it stands; a program would stumble over it. */
static void show_unreadable(struct review_view *view, const struct review_line *line)
{
    char raw[RAW_SHOWN_MAX + 1];
    char story[RAW_SHOWN_MAX + 100];
    bool is_short = line->len <= RAW_SHOWN_MAX;

    view->unreadable++;
    if (view->is_json)
        return;
    text_clean_copy(raw, sizeof raw, line->text, is_short ? line->len : RAW_SHOWN_MAX);
    snprintf(story, sizeof story, "line %" PRIu64 " is no record: %s%s", line->number, raw, is_short ? "" : " \u2026");
    print_row(view, "?", SEVERITY_ERROR, "(audit log)", story);
}

bool review_view_line(struct review_view *view, const struct review_line *line)
{
    struct review_record record;

    if (!line->is_cut && review_scan(line->text, line->len, &record)) {
        view->is_in_time = review_filter_has_time(view->filter, &record.values[REVIEW_TIME]);
        if (view->filter->cert_count > 0)
            view->is_cert_seen[review_filter_cert_of(view->filter, &record)] = true;
        if (!view->is_in_time || !review_filter_has_rest(view->filter, &record))
            return true;
        if (view->is_json) {
            view->shown++;
            fwrite(line->text, 1, line->len, view->out);
            putc('\n', view->out);
        } else {
            show_record(view, &record);
        }
    } else if (!review_filter_is_choosy(view->filter) && (view->is_in_time || view->filter->since[0] == '\0')) {
        show_unreadable(view, line);
    }
    return ferror(view->out) == 0;
}
