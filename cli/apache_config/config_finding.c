/* SPDX-License-Identifier: ISC */
#include "apache_config/config_finding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/text.h"

/* Of a line that a finding repeats. */
#define DETAIL_TEXT_MAX 300u
#define SENTENCE_MAX 800u

static const struct {
    const char *word;
    const char *sentence; /* with one %s for the detail, or none */
} rows[] = {
#define HTTPD_FINDING_ROW(constant, word, sentence) {word, sentence},
    HTTPD_FINDING_TABLE(HTTPD_FINDING_ROW)
#undef HTTPD_FINDING_ROW
};

const char *httpd_finding_word(enum httpd_finding_kind kind)
{
    return rows[kind].word;
}

void httpd_finding_text(const struct httpd_finding *finding, char *out, size_t cap)
{
    const char *sentence = rows[finding->kind].sentence;
    const char *hole = strstr(sentence, "%s");
    int before = hole == NULL ? (int)strlen(sentence) : (int)(hole - sentence);
    char text[SENTENCE_MAX];

    snprintf(text, sizeof text, "%.*s%s%s", before, sentence, hole == NULL ? "" : finding->detail, hole == NULL ? "" : hole + 2);
    if (finding->path == NULL)
        text_clean_format(out, cap, "%s", text);
    else
        text_clean_format(out, cap, "%s:%u: %s", finding->path, finding->line, text);
}

static bool is_same(const struct httpd_finding *a, const struct httpd_finding *b)
{
    return a->kind == b->kind && a->line == b->line && strcmp(a->detail, b->detail) == 0 && (a->path == NULL) == (b->path == NULL)
        && (a->path == NULL || strcmp(a->path, b->path) == 0);
}

static void finding_free(struct httpd_finding *finding)
{
    free(finding->path);
    free(finding->detail);
}

bool httpd_findings_add(
    struct httpd_findings *findings, enum httpd_finding_kind kind, const struct httpd_place *place, const char *detail)
{
    bool has_place = place != NULL && place->path != NULL;
    char clean[DETAIL_TEXT_MAX + 1];
    struct httpd_finding *items;
    struct httpd_finding finding = {.kind = kind, .line = has_place ? place->line : 0};
    bool is_known = false;

    text_clean_copy(clean, sizeof clean, detail, strlen(detail));
    finding.path = has_place ? strdup(place->path) : NULL;
    finding.detail = strdup(clean);
    items = reallocarray(findings->items, findings->count + 1, sizeof *items);
    findings->items = items == NULL ? findings->items : items;
    if (items == NULL || finding.detail == NULL || (has_place && finding.path == NULL)) {
        finding_free(&finding);
        return false;
    }
    for (size_t i = 0; i < findings->count; i++)
        is_known = is_known || is_same(&items[i], &finding);
    if (is_known)
        finding_free(&finding);
    else
        items[findings->count++] = finding;
    return true;
}

bool httpd_findings_add_line(struct httpd_findings *findings, enum httpd_finding_kind kind, const struct httpd_line *line)
{
    char text[DETAIL_TEXT_MAX + 1];
    size_t len;

    snprintf(text, sizeof text, "%s", httpd_setting_name(line->setting));
    for (size_t i = 0; i < line->word_count; i++) {
        len = strlen(text);
        snprintf(text + len, sizeof text - len, " %s", line->words[i]);
    }
    return httpd_findings_add(findings, kind, &line->place, text);
}

void httpd_findings_free(struct httpd_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        finding_free(&findings->items[i]);
    free(findings->items);
    *findings = (struct httpd_findings){NULL, 0};
}
