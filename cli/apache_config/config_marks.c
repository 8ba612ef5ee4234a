/* SPDX-License-Identifier: ISC */
#include "apache_config/config_marks.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "apache_config/httpd_words.h"
#include "apache_config/own_file.h"

#define ADDED_LINE HTTPD_MARK_ADDED ", as the last such line, which counts; \"stapleguard disable\" takes it away"
#define ASIDE_LINE HTTPD_MARK_ASIDE "; \"stapleguard disable\" brings it back"

struct line {
    const char *begin;
    const char *text; /* its first byte that is not blank */
    const char *end;  /* behind its newline */
};

static struct line line_at(struct httpd_bytes file, size_t at)
{
    const char *begin = file.data + at;
    const char *newline = memchr(begin, '\n', file.len - at);
    struct line line = {begin, begin, newline == NULL ? file.data + file.len : newline + 1};

    while (line.text < line.end && httpd_is_blank(*line.text))
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

    while (*at < line->end && httpd_is_blank(**at))
        ++*at;
    while (*at + len < line->end && !httpd_is_blank((*at)[len]))
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
    return is_include && memmem(at, (size_t)(line->end - at), HTTPD_OWN_NAME, strlen(HTTPD_OWN_NAME)) != NULL;
}

static const char *line_end_of(struct httpd_bytes file, size_t at)
{
    const char *newline = at < file.len ? memchr(file.data + at, '\n', file.len - at) : NULL;

    return newline != NULL && newline > file.data && newline[-1] == '\r' ? "\r\n" : "\n";
}

/* The blanks before the last line above `at` that has text; one step more when that line opens a section. */
static char *indent_at(struct httpd_arena *arena, struct httpd_bytes file, size_t at)
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
    return httpd_arena_format(arena, "%.*s%s", (int)(line.text - line.begin), line.begin, step);
}

bool httpd_marks_add(
    struct httpd_arena *arena, struct httpd_bytes file, size_t at, const char *directive, struct httpd_splice *splice)
{
    const char *end = line_end_of(file, at);
    const char *indent = indent_at(arena, file, at);
    char *text;

    if (indent == NULL)
        return false;
    text = httpd_arena_format(arena, "%s%s%s%s%s%s", indent, ADDED_LINE, end, indent, directive, end);
    if (text != NULL)
        *splice = (struct httpd_splice){at, 0, {text, strlen(text)}};
    return text != NULL;
}

bool httpd_marks_quote(struct httpd_arena *arena, struct httpd_bytes text, struct httpd_bytes *quoted)
{
    size_t lines = 1;
    char *out;
    size_t used = 0;

    for (size_t i = 0; i < text.len; i++)
        lines += text.data[i] == '\n';
    out = httpd_arena_alloc(arena, text.len + lines * strlen(HTTPD_MARK_WAS));
    for (size_t at = 0; out != NULL && at < text.len;) {
        struct line line = line_at(text, at);
        size_t len = (size_t)(line.end - line.begin);

        memcpy(out + used, HTTPD_MARK_WAS, strlen(HTTPD_MARK_WAS));
        used += strlen(HTTPD_MARK_WAS);
        memcpy(out + used, line.begin, len);
        used += len;
        at += len;
    }
    *quoted = (struct httpd_bytes){out, used};
    return out != NULL;
}

bool httpd_marks_put_aside(
    struct httpd_arena *arena, struct httpd_bytes file, size_t begin, size_t end, struct httpd_splice *splice)
{
    struct line line = line_at(file, begin);
    struct httpd_bytes quoted;
    const char *note;
    char *text;

    if (!httpd_marks_quote(arena, (struct httpd_bytes){file.data + begin, end - begin}, &quoted))
        return false;
    note = httpd_arena_format(arena, "%.*s%s%s", (int)(line.text - line.begin), line.begin, ASIDE_LINE, line_end_of(file, begin));
    text = note == NULL ? NULL : httpd_arena_alloc(arena, strlen(note) + quoted.len);
    if (text == NULL)
        return false;
    memcpy(text, note, strlen(note));
    memcpy(text + strlen(note), quoted.data, quoted.len);
    *splice = (struct httpd_splice){begin, end - begin, {text, strlen(note) + quoted.len}};
    return true;
}

static int compare_splices(const void *a, const void *b)
{
    const struct httpd_splice *first = a;
    const struct httpd_splice *second = b;

    return first->at < second->at ? -1 : first->at > second->at;
}

bool httpd_marks_apply(
    struct httpd_arena *arena, struct httpd_bytes file, struct httpd_splice *splices, size_t count, struct httpd_bytes *result)
{
    size_t len = file.len;
    size_t at = 0;
    char *out;

    for (size_t i = 0; i < count; i++)
        len += splices[i].text.len;
    out = httpd_arena_alloc(arena, len + 1);
    if (out == NULL)
        return false;
    qsort(splices, count, sizeof *splices, compare_splices);
    *result = (struct httpd_bytes){out, 0};
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
static struct line marked_line(struct httpd_bytes file, size_t at, size_t end)
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

static unsigned line_number(struct httpd_bytes file, const char *at)
{
    unsigned number = 1;

    for (const char *c = file.data; c < at; c++)
        number += *c == '\n';
    return number;
}

bool httpd_marks_strip(struct httpd_arena *arena, struct httpd_bytes file, size_t begin, size_t end, struct httpd_bytes *result,
    unsigned *changed_line)
{
    char *out = httpd_arena_alloc(arena, file.len + 1);
    const char *taken = NULL; /* a directive of ours that is still to come */
    unsigned changed = 0;
    size_t used = 0;

    for (size_t at = 0; out != NULL && at < file.len;) {
        struct line line = line_at(file, at);
        bool is_inside = at >= begin && at < end;
        const char *from = line.begin;

        if (is_inside && begins_with(&line, HTTPD_MARK_ADDED)) {
            struct line marked = marked_line(file, (size_t)(line.end - file.data), end);

            from = line.end;
            taken = is_ours(&marked) ? marked.begin : taken;
            if (changed == 0 && !is_ours(&marked) && is_directive(&marked, "SSLUseStapling"))
                changed = line_number(file, marked.begin);
        } else if (is_inside && (begins_with(&line, HTTPD_MARK_ASIDE) || line.begin == taken)) {
            from = line.end;
        } else if (is_inside && begins_with(&line, HTTPD_MARK_WAS)) {
            from = line.text + strlen(HTTPD_MARK_WAS);
        }
        memcpy(out + used, from, (size_t)(line.end - from));
        used += (size_t)(line.end - from);
        at = (size_t)(line.end - file.data);
    }
    *result = (struct httpd_bytes){out, used};
    if (changed_line != NULL)
        *changed_line = changed;
    return out != NULL;
}

bool httpd_marks_are_in(struct httpd_bytes file, size_t begin, size_t end)
{
    static const char *const marks[] = {HTTPD_MARK_ADDED, HTTPD_MARK_ASIDE, HTTPD_MARK_WAS};

    for (size_t at = 0; at < file.len && at < end;) {
        struct line line = line_at(file, at);

        for (size_t i = 0; at >= begin && i < sizeof marks / sizeof marks[0]; i++)
            if (begins_with(&line, marks[i]))
                return true;
        at = (size_t)(line.end - file.data);
    }
    return false;
}
