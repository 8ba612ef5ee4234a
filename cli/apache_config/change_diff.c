/* SPDX-License-Identifier: ISC */
/*
 * Owns: a set of changes shown to people as a unified diff.
 * Runs in: command line.
 * Never: prints a byte of a file uncleaned.
 *
 * The script of lines is found by the nearest pair of equal lines behind each difference.  That need not be the shortest
 * script there is, but it is a right one, and for lines put in or taken out, which is all that we do, the one to expect.
 */
#include <stdlib.h>
#include <string.h>

#include "apache_config/change_set.h"
#include "text/text.h"

#define CONTEXT_LINES 3u
/* Of one line; what is longer is cut on the screen. */
#define SHOWN_LINE_MAX 1024u

struct line {
    const char *text;
    size_t len;
};

struct lines {
    struct line *items;
    size_t count;
};

/* One row of the script: ' ' is in both, '-' in the old one, '+' in the new one. */
struct step {
    char mark;
    struct line line;
};

struct script {
    struct step *steps;
    size_t count;
};

static bool split_lines(const char *text, size_t len, struct lines *lines)
{
    size_t count = 0;

    for (size_t i = 0; i < len; i++)
        count += text[i] == '\n' || i + 1 == len;
    lines->items = calloc(count + 1, sizeof *lines->items);
    lines->count = 0;
    while (lines->items != NULL && len > 0) {
        const char *end = memchr(text, '\n', len);
        size_t line_len = end == NULL ? len : (size_t)(end - text) + 1;

        lines->items[lines->count++] = (struct line){text, line_len};
        text += line_len;
        len -= line_len;
    }
    return lines->items != NULL;
}

static bool is_same(const struct line *a, const struct line *b)
{
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

/* How many lines of each to leave out from (*skip_a, *skip_b) on until both go on alike; the fewest together. */
static void find_next_pair(const struct lines *a, const struct lines *b, size_t *skip_a, size_t *skip_b)
{
    size_t left_a = a->count - *skip_a;
    size_t left_b = b->count - *skip_b;

    for (size_t sum = 0; sum < left_a + left_b; sum++)
        for (size_t i = 0; i <= sum; i++)
            if (i < left_a && sum - i < left_b && is_same(&a->items[*skip_a + i], &b->items[*skip_b + sum - i])) {
                *skip_a = i;
                *skip_b = sum - i;
                return;
            }
    *skip_a = left_a;
    *skip_b = left_b;
}

static bool make_script(const struct lines *a, const struct lines *b, struct script *script)
{
    size_t i = 0;
    size_t j = 0;

    script->count = 0;
    script->steps = calloc(a->count + b->count + 1, sizeof *script->steps);
    while (script->steps != NULL && (i < a->count || j < b->count)) {
        size_t removed = i;
        size_t added = j;

        find_next_pair(a, b, &removed, &added);
        for (; removed > 0; removed--)
            script->steps[script->count++] = (struct step){'-', a->items[i++]};
        for (; added > 0; added--)
            script->steps[script->count++] = (struct step){'+', b->items[j++]};
        if (i < a->count && j < b->count) {
            script->steps[script->count++] = (struct step){' ', a->items[i++]};
            j++;
        }
    }
    return script->steps != NULL;
}

static void print_line(FILE *out, char mark, const struct line *line)
{
    char clean[SHOWN_LINE_MAX + 1];
    char tabs_out[SHOWN_LINE_MAX];
    size_t len = line->len > 0 && line->text[line->len - 1] == '\n' ? line->len - 1 : line->len;

    if (len > 0 && line->text[len - 1] == '\r')
        len--;
    len = len > sizeof tabs_out ? sizeof tabs_out : len;
    for (size_t i = 0; i < len; i++)
        tabs_out[i] = line->text[i] == '\t' ? ' ' : line->text[i];
    text_clean_copy(clean, sizeof clean, tabs_out, len);
    fprintf(out, "%c%s\n", mark, clean);
}

/* The steps from begin up to end, with the header that says which lines they are. */
static void print_hunk(FILE *out, const struct script *script, size_t begin, size_t end)
{
    size_t first[2] = {1, 1};
    size_t count[2] = {0, 0};

    for (size_t i = 0; i < end; i++) {
        size_t *number = i < begin ? first : count;

        number[0] += script->steps[i].mark != '+';
        number[1] += script->steps[i].mark != '-';
    }
    for (size_t side = 0; side < 2; side++)
        first[side] -= count[side] == 0 ? 1 : 0; /* diff's way to name the place of no lines */
    fprintf(out, "@@ -%zu,%zu +%zu,%zu @@\n", first[0], count[0], first[1], count[1]);
    for (size_t i = begin; i < end; i++)
        print_line(out, script->steps[i].mark, &script->steps[i].line);
}

static void print_script(FILE *out, const struct script *script)
{
    size_t at = 0;

    while (at < script->count) {
        size_t begin;
        size_t last;

        while (at < script->count && script->steps[at].mark == ' ')
            at++;
        if (at == script->count)
            return;
        begin = at > CONTEXT_LINES ? at - CONTEXT_LINES : 0;
        last = at;
        for (; at < script->count && at - last <= 2 * CONTEXT_LINES + 1; at++)
            if (script->steps[at].mark != ' ')
                last = at;
        at = last + 1 + CONTEXT_LINES < script->count ? last + 1 + CONTEXT_LINES : script->count;
        print_hunk(out, script, begin, at);
    }
}

static void print_texts(FILE *out, const struct change *change)
{
    struct lines before = {NULL, 0};
    struct lines after = {NULL, 0};
    struct script script = {NULL, 0};

    if (split_lines(change->before, change->before_len, &before) && split_lines(change->content, change->content_len, &after)
        && make_script(&before, &after, &script))
        print_script(out, &script);
    else
        fprintf(out, "(out of memory)\n");
    free(before.items);
    free(after.items);
    free(script.steps);
}

static void print_change(FILE *out, const struct change *change)
{
    char path[SHOWN_LINE_MAX + 1];
    char target[SHOWN_LINE_MAX + 1];
    const char *link = change->kind == CHANGE_LINK ? change->content : change->before;

    text_clean_copy(path, sizeof path, change->path, strlen(change->path));
    if (change->is_link && link != NULL) {
        text_clean_copy(target, sizeof target, link, strlen(link));
        fprintf(out, "%s link %s -> %s\n", change->kind == CHANGE_LINK ? "new" : "removed", path, target);
        return;
    }
    fprintf(out, "--- %s\n", change->kind == CHANGE_CREATE ? "/dev/null" : path);
    fprintf(out, "+++ %s\n", change->kind == CHANGE_REMOVE ? "/dev/null" : path);
    print_texts(out, change);
}

void change_set_diff(const struct change_set *set, FILE *out)
{
    for (size_t i = 0; i < set->count; i++)
        print_change(out, &set->changes[i]);
}
