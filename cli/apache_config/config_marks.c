/* SPDX-License-Identifier: ISC */
#include "apache_config/config_marks.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ADDED_LINE CONFIG_MARK_ADDED ", as the last such line, which counts; \"stapleguard disable\" takes it away"
/* Behind a line that had no end. */
#define OPEN_MARK CONFIG_MARK_ADDED " with the end of the line above"
#define OPEN_LINE OPEN_MARK "; \"stapleguard disable\" takes both away"
#define ASIDE_LINE CONFIG_MARK_ASIDE "; \"stapleguard disable\" brings it back"

struct line {
    const char *begin;
    const char *text; /* its first byte that is not blank */
    const char *end;  /* behind its newline */
};

static struct line line_at(struct config_bytes file, size_t at)
{
    const char *begin = file.data + at;
    const char *newline = memchr(begin, '\n', file.len - at);
    struct line line = {begin, begin, newline == NULL ? file.data + file.len : newline + 1};

    while (line.text < line.end && config_is_blank(*line.text))
        line.text++;
    return line;
}

static bool begins_with(const struct line *line, const char *word)
{
    return (size_t)(line->end - line->text) >= strlen(word) && memcmp(line->text, word, strlen(word)) == 0;
}

/* The next word of the line, and its length; 0 at the line's end. */
static size_t next_word(const struct line *line, const char **at)
{
    size_t len = 0;

    while (*at < line->end && config_is_blank(**at))
        ++*at;
    while (*at + len < line->end && !config_is_blank((*at)[len]))
        len++;
    return len;
}

static bool is_word(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && strncasecmp(text, word, len) == 0;
}

/* "NAME": the directive's name is that. */
static bool is_directive(const struct line *line, const char *name)
{
    const char *at = line->text;

    return is_word(at, next_word(line, &at), name);
}

/* One of the lines that we put into files that are not ours. */
static bool is_ours(const struct line *line)
{
    const char *at = line->text;
    size_t len = next_word(line, &at);
    bool is_staple = is_word(at, len, "SSLUseStapling");
    bool is_include = is_word(at, len, "Include");

    at += len;
    len = next_word(line, &at);
    if (is_staple)
        return is_word(at, len, "on");
    return is_include && memmem(at, (size_t)(line->end - at), OWN_FILE_NAME, strlen(OWN_FILE_NAME)) != NULL;
}

static const char *line_end_of(struct config_bytes file, size_t at)
{
    const char *newline = at < file.len ? memchr(file.data + at, '\n', file.len - at) : NULL;

    return newline != NULL && newline > file.data && newline[-1] == '\r' ? "\r\n" : "\n";
}

/* The blanks before the last line above `at` that has text; one step more when that line opens a section. */
static char *indent_at(struct arena *arena, struct config_bytes file, size_t at)
{
    struct line line = {file.data, file.data, file.data};
    const char *step = "";

    while (at > 0) {
        size_t begin = at - 1;

        while (begin > 0 && file.data[begin - 1] != '\n')
            begin--;
        line = line_at(file, begin);
        if (line.text < line.end)
            break;
        at = begin;
    }
    if (line.text + 1 < line.end && line.text[0] == '<' && line.text[1] != '/')
        step = "    ";
    if (line.text == line.end)
        line = (struct line){"", "", ""};
    return arena_format(arena, "%.*s%s", (int)(line.text - line.begin), line.begin, step);
}

bool config_marks_add(
    struct arena *arena, struct config_bytes file, size_t at, const char *directive, struct config_splice *splice)
{
    const char *end = line_end_of(file, at);
    const char *indent = indent_at(arena, file, at);
    bool is_open = at > 0 && at == file.len && file.data[at - 1] != '\n';
    char *text;

    if (indent == NULL)
        return false;
    text = arena_format(
        arena, "%s%s%s%s%s%s%s", is_open ? end : "", indent, is_open ? OPEN_LINE : ADDED_LINE, end, indent, directive, end);
    if (text != NULL)
        *splice = (struct config_splice){at, 0, {text, strlen(text)}};
    return text != NULL;
}

bool config_marks_quote(struct arena *arena, struct config_bytes text, struct config_bytes *quoted)
{
    size_t lines = 1;
    char *out;
    size_t used = 0;

    for (size_t i = 0; i < text.len; i++)
        lines += text.data[i] == '\n';
    out = arena_alloc(arena, text.len + lines * strlen(CONFIG_MARK_WAS));
    for (size_t at = 0; out != NULL && at < text.len;) {
        struct line line = line_at(text, at);
        size_t len = (size_t)(line.end - line.begin);

        memcpy(out + used, CONFIG_MARK_WAS, strlen(CONFIG_MARK_WAS));
        used += strlen(CONFIG_MARK_WAS);
        memcpy(out + used, line.begin, len);
        used += len;
        at += len;
    }
    *quoted = (struct config_bytes){out, used};
    return out != NULL;
}

bool config_marks_put_aside(struct arena *arena, struct config_bytes file, size_t begin, size_t end, struct config_splice *splice)
{
    struct line line = line_at(file, begin);
    struct config_bytes quoted;
    const char *note;
    char *text;

    if (!config_marks_quote(arena, (struct config_bytes){file.data + begin, end - begin}, &quoted))
        return false;
    note = arena_format(arena, "%.*s%s%s", (int)(line.text - line.begin), line.begin, ASIDE_LINE, line_end_of(file, begin));
    text = note == NULL ? NULL : arena_alloc(arena, strlen(note) + quoted.len);
    if (text == NULL)
        return false;
    memcpy(text, note, strlen(note));
    memcpy(text + strlen(note), quoted.data, quoted.len);
    *splice = (struct config_splice){begin, end - begin, {text, strlen(note) + quoted.len}};
    return true;
}

static int compare_splices(const void *a, const void *b)
{
    const struct config_splice *first = a;
    const struct config_splice *second = b;

    return first->at < second->at ? -1 : first->at > second->at;
}

bool config_marks_apply(
    struct arena *arena, struct config_bytes file, struct config_splice *splices, size_t count, struct config_bytes *result)
{
    size_t len = file.len;
    size_t at = 0;
    char *out;

    for (size_t i = 0; i < count; i++)
        len += splices[i].text.len;
    out = arena_alloc(arena, len + 1);
    if (out == NULL)
        return false;
    qsort(splices, count, sizeof *splices, compare_splices);
    *result = (struct config_bytes){out, 0};
    for (size_t i = 0; i <= count; i++) {
        size_t until = i < count ? splices[i].at : file.len;

        memcpy(out + result->len, file.data + at, until - at);
        result->len += until - at;
        if (i == count)
            break;
        memcpy(out + result->len, splices[i].text.data, splices[i].text.len);
        result->len += splices[i].text.len;
        at = until + splices[i].remove;
    }
    return true;
}

/* The directive that the mark on the line before `at` speaks of: comments and empty lines are passed over. */
static struct line marked_line(struct config_bytes file, size_t at, size_t end)
{
    struct line line = {file.data + at, file.data + at, file.data + at};

    while (at < end) {
        line = line_at(file, at);
        if (line.text < line.end && *line.text != '#')
            break;
        at = (size_t)(line.end - file.data);
    }
    return line;
}

static unsigned line_number(struct config_bytes file, const char *at)
{
    unsigned number = 1;

    for (const char *c = file.data; c < at; c++)
        number += *c == '\n';
    return number;
}

bool config_marks_strip(
    struct arena *arena, struct config_bytes file, size_t begin, size_t end, struct config_bytes *result, unsigned *changed_line)
{
    char *out = arena_alloc(arena, file.len + 1);
    const char *taken = NULL; /* a directive of ours that is still to come */
    unsigned changed = 0;
    size_t used = 0;
    size_t open = SIZE_MAX; /* behind this byte of the result a line's end is ours, if nothing follows it */

    for (size_t at = 0; out != NULL && at < file.len;) {
        struct line line = line_at(file, at);
        bool is_inside = at >= begin && at < end;
        const char *from = line.begin;

        if (is_inside && begins_with(&line, CONFIG_MARK_ADDED)) {
            struct line marked = marked_line(file, (size_t)(line.end - file.data), end);

            from = line.end;
            open = begins_with(&line, OPEN_MARK) ? used : open;
            taken = is_ours(&marked) ? marked.begin : taken;
            if (changed == 0 && !is_ours(&marked) && is_directive(&marked, "SSLUseStapling"))
                changed = line_number(file, marked.begin);
        } else if (is_inside && (begins_with(&line, CONFIG_MARK_ASIDE) || line.begin == taken)) {
            from = line.end;
        } else if (is_inside && begins_with(&line, CONFIG_MARK_WAS)) {
            from = line.text + strlen(CONFIG_MARK_WAS);
        }
        memcpy(out + used, from, (size_t)(line.end - from));
        used += (size_t)(line.end - from);
        at = (size_t)(line.end - file.data);
    }
    if (open == used && used > 0 && out[used - 1] == '\n')
        used--;
    *result = (struct config_bytes){out, used};
    if (changed_line != NULL)
        *changed_line = changed;
    return out != NULL;
}

bool config_marks_are_in(struct config_bytes file, size_t begin, size_t end)
{
    static const char *const marks[] = {CONFIG_MARK_ADDED, CONFIG_MARK_ASIDE, CONFIG_MARK_WAS};

    for (size_t at = begin; at < file.len && at < end;) {
        struct line line = line_at(file, at);

        for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
            if (begins_with(&line, marks[i]))
                return true;
        at = (size_t)(line.end - file.data);
    }
    return false;
}
