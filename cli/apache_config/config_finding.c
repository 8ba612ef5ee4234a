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
#define CONFIG_FINDING_ROW(constant, word, sentence) {word, sentence},
    CONFIG_FINDING_TABLE(CONFIG_FINDING_ROW)
#undef CONFIG_FINDING_ROW
};

const char *config_finding_word(enum config_finding_kind kind)
{
    return rows[kind].word;
}

void config_finding_text(const struct config_finding *finding, char *out, size_t cap)
{
    const char *sentence = rows[finding->kind].sentence;
    const char *hole = strstr(sentence, "%s");
    int before = hole == NULL ? (int)strlen(sentence) : (int)(hole - sentence);
    char text[SENTENCE_MAX];

    snprintf(text, sizeof text, "%.*s%s%s", before, sentence, hole == NULL ? "" : finding->detail, hole == NULL ? "" : hole + 2);
    text_clean_format(out, cap, "%s:%u: %s", finding->path, finding->line, text);
}

static bool is_same(const struct config_finding *a, const struct config_finding *b)
{
    return a->kind == b->kind && a->line == b->line && strcmp(a->detail, b->detail) == 0 && strcmp(a->path, b->path) == 0;
}

static void finding_free(struct config_finding *finding)
{
    free(finding->path);
    free(finding->detail);
}

bool config_findings_add(
    struct config_findings *findings, enum config_finding_kind kind, const char *path, unsigned line, const char *detail)
{
    char clean[DETAIL_TEXT_MAX + 1];
    struct config_finding *items;
    struct config_finding finding = {.kind = kind, .line = line};
    bool is_known = false;

    text_clean_copy(clean, sizeof clean, detail, strlen(detail));
    finding.path = strdup(path);
    finding.detail = strdup(clean);
    items = reallocarray(findings->items, findings->count + 1, sizeof *items);
    findings->items = items == NULL ? findings->items : items;
    if (items == NULL || finding.detail == NULL || finding.path == NULL) {
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

bool config_findings_add_line(struct config_findings *findings, enum config_finding_kind kind, const struct apache_config *config,
    const struct apache_line *line)
{
    char text[DETAIL_TEXT_MAX + 1];
    struct config_span span;
    size_t len;

    config_find_line(config, line, &span);
    snprintf(text, sizeof text, "%s", apache_setting_name(line->setting));
    for (size_t i = 0; i < line->word_count; i++) {
        len = strlen(text);
        snprintf(text + len, sizeof text - len, " %s", line->words[i]);
    }
    if (span.file != NULL)
        return config_findings_add(findings, kind, span.file->path, span.line, text);
    return config_findings_add(findings, kind, line->place.source, line->place.line, text);
}

void config_findings_free(struct config_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        finding_free(&findings->items[i]);
    free(findings->items);
    *findings = (struct config_findings){NULL, 0};
}
