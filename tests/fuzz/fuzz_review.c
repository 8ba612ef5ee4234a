/* SPDX-License-Identifier: ISC */
/*
 * Owns: fuzzing what reads an audit log: any bytes are lines; what is taken for a record is told in clean text, and the chain judged.
 * Runs in: libFuzzer.
 * Never: opens a file.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit_record.h"
#include "audit/review_anchors.h"
#include "audit/review_check.h"
#include "audit/review_filter.h"
#include "audit/review_item.h"
#include "audit/review_scan.h"
#include "audit/review_story.h"
#include "audit/review_summary.h"
#include "audit/review_when.h"
#include "text/text.h"

#define NOW INT64_C(1795455253)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int is_true)
{
    if (!is_true)
        abort();
}

static void look_at_line(const struct review_line *line, struct review_summary *summary)
{
    struct review_record record;
    char story[AUDIT_SENTENCE_MAX + 1];
    char about[CERT_NAME_MAX + 1];
    size_t len;

    (void)review_item_could_be_torn(line->text, line->len);
    if (!review_scan(line->text, line->len, &record)) {
        review_summary_add_unreadable(summary);
        return;
    }
    require(text_is_clean(line->text, line->len) && line->len <= AUDIT_LINE_MAX);
    len = review_story(&record, story);
    require(len == strlen(story) && text_is_clean(story, len));
    review_about(&record, about, sizeof about);
    require(text_is_clean(about, strlen(about)));
    for (size_t i = 0; i < REVIEW_MEMBER_COUNT; i++) {
        const struct review_value *value = &record.values[i];

        require(value->at == NULL || (value->at >= line->text && value->at + value->len <= line->text + line->len));
        (void)review_value_number(value);
    }
    require(review_summary_add(summary, &record));
}

/* What the check calls sound is what audit_record_verify does, line for line. */
static void judge(const uint8_t *data, size_t size)
{
    struct audit_key key = {.start = NOW, .interval = 900};
    struct review_check *check = review_check_new(NULL, 0, NULL, 0, NOW);
    struct review_check *sealed = review_check_new(NULL, 0, &key, 1, NOW);
    struct review_summary *summary = review_summary_new(0, INT64_MAX);
    const struct review_cert *const *certs;
    const struct review_verdict *verdict;
    const char *text = (const char *)data;
    uint64_t number = 0;

    require(check != NULL && sealed != NULL && summary != NULL);
    while (size > 0) {
        const char *newline = memchr(text, '\n', size);
        size_t len = newline == NULL ? size : (size_t)(newline - text);
        /* A copy of its own, so that a byte behind the line is seen to be read. */
        char *copy = malloc(len + 1);
        struct review_line line = {.path = "log", .number = ++number, .text = copy, .len = len, .is_ended = newline != NULL};

        require(copy != NULL);
        memcpy(copy, text, len);
        copy[len] = '\0';
        copy = realloc(copy, len == 0 ? 1 : len);
        require(copy != NULL);
        line.text = copy;
        look_at_line(&line, summary);
        (void)review_check_line(check, &line);
        (void)review_check_line(sealed, &line);
        free(copy);
        len += newline == NULL ? 0 : 1;
        text += len;
        size -= len;
    }
    verdict = review_check_end(check);
    require((verdict->fault == REVIEW_SOUND) == (verdict->sentence[0] == '\0'));
    require(verdict->records == 0 || verdict->end.seq == verdict->before.seq + verdict->records);
    (void)review_check_end(sealed);
    review_check_free(check);
    review_check_free(sealed);
    (void)review_summary_end(summary, &certs);
    review_summary_free(summary);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct review_anchor anchor;
    char *text = malloc(size + 1);
    int64_t usec;

    require(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    (void)review_when_parse(text, NOW, &usec);
    (void)review_anchor_parse(text, &anchor);
    free(text);
    judge(data, size);
    return 0;
}
