/* SPDX-License-Identifier: ISC */
#include "apache_config/httpd_nodes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "apache_config/httpd_words.h"
#include "text/text.h"

/* How much of a section's name an error repeats. */
#define SHOWN_NAME_LEN 60

struct parser {
    struct httpd_arena *arena;
    const char *data;
    size_t len;
    struct httpd_nodes *nodes;
    size_t open[HTTPD_DEPTH_MAX]; /* the sections that are open, as indexes */
    unsigned depth;
    unsigned line;
    char *why;
    size_t why_cap;
};

/* True when the len bytes of a line, with its end, end in a backslash: the next line belongs to it. */
static bool goes_on(const char *line, size_t len)
{
    if (len == 0 || line[len - 1] != '\n')
        return false;
    len--;
    if (len > 0 && line[len - 1] == '\r')
        len--;
    return len > 0 && line[len - 1] == '\\';
}

struct httpd_joined httpd_nodes_line(const char *data, size_t len, size_t begin)
{
    struct httpd_joined joined = {.begin = begin, .end = begin};
    bool is_going_on = true;

    while (is_going_on && joined.end < len) {
        const char *start = data + joined.end;
        const char *newline = memchr(start, '\n', len - joined.end);
        size_t line_len = newline == NULL ? len - joined.end : (size_t)(newline - start) + 1;

        is_going_on = goes_on(start, line_len);
        joined.end += line_len;
        joined.lines++;
    }
    joined.text = begin;
    while (
        joined.text < joined.end && (httpd_is_blank(data[joined.text]) || goes_on(data + joined.text, joined.end - joined.text)))
        joined.text++;
    joined.is_comment = joined.text < joined.end && data[joined.text] == '#';
    joined.is_blank = joined.text == joined.end;
    return joined;
}

static bool fail(struct parser *p, unsigned line, const char *format, ...) __attribute__((format(printf, 3, 4)));

static bool fail(struct parser *p, unsigned line, const char *format, ...)
{
    va_list arguments;

    p->line = line;
    va_start(arguments, format);
    vsnprintf(p->why, p->why_cap, format, arguments);
    va_end(arguments);
    return false;
}

/* The joined line's text, without the backslashes that join it and without blanks around it. */
static char *join(struct parser *p, const struct httpd_joined *joined)
{
    char *text = httpd_arena_alloc(p->arena, joined->end - joined->text + 1);
    size_t used = 0;
    size_t at = joined->text;

    while (text != NULL && at < joined->end) {
        const char *newline = memchr(p->data + at, '\n', joined->end - at);
        size_t line_len = newline == NULL ? joined->end - at : (size_t)(newline - p->data) + 1 - at;
        size_t kept = line_len;

        if (goes_on(p->data + at, line_len))
            kept -= p->data[at + line_len - 2] == '\r' ? 3 : 2;
        memcpy(text + used, p->data + at, kept);
        used += kept;
        at += line_len;
    }
    while (text != NULL && used > 0 && httpd_is_blank(text[used - 1]))
        text[--used] = '\0';
    return text;
}

static bool close_section(struct parser *p, const struct httpd_joined *joined, const char *word)
{
    size_t name_len = strlen(word) - 2;
    struct httpd_node *section;

    if (word[name_len + 1] != '>')
        return fail(p, p->line, "%.*s lacks its >", SHOWN_NAME_LEN, word);
    name_len--;
    if (p->depth == 0)
        return fail(p, p->line, "</%.*s> ends a section that is not open in this file", SHOWN_NAME_LEN, word + 2);
    section = &p->nodes->items[p->open[p->depth - 1]];
    if (strlen(section->name) != name_len || strncasecmp(section->name, word + 2, name_len) != 0)
        return fail(p, p->line, "</%.*s ends a section, but <%.*s> of line %u is open", SHOWN_NAME_LEN, word + 2, SHOWN_NAME_LEN,
            section->name, section->line);
    section->next = p->nodes->count;
    section->close_begin = joined->begin;
    section->close_text = joined->text;
    section->close_end = joined->end;
    p->depth--;
    return true;
}

/* The section's name and arguments: the last > ends it, and may stand behind the name at once. */
static void trim_section(struct httpd_node *node)
{
    size_t name_len = strlen(node->name);
    char *last = strrchr(node->args, '>');

    node->name++;
    if (name_len > 1 && node->name[name_len - 2] == '>')
        node->name[name_len - 2] = '\0';
    if (last == NULL)
        return;
    *last = '\0';
    while (last > node->args && httpd_is_blank(last[-1]))
        *--last = '\0';
}

static bool add_node(struct parser *p, const struct httpd_joined *joined, char *name, char *args)
{
    struct httpd_node *node;
    size_t index = p->nodes->count;

    if (!httpd_arena_grow(p->arena, &p->nodes->items, index, sizeof *node))
        return fail(p, 0, "out of memory");
    node = &p->nodes->items[p->nodes->count++];
    *node = (struct httpd_node){.name = name,
        .args = args,
        .is_section = name[0] == '<',
        .line = p->line,
        .depth = p->depth,
        .next = index + 1,
        .begin = joined->begin,
        .text = joined->text,
        .end = joined->end};
    if (!node->is_section)
        return true;
    if (p->depth == HTTPD_DEPTH_MAX)
        return fail(p, p->line, "more than %u sections inside of each other", HTTPD_DEPTH_MAX);
    trim_section(node);
    if (node->name[0] == '\0')
        return fail(p, p->line, "a section without a name");
    p->open[p->depth++] = index;
    return true;
}

/* mod_perl's sections hold a program. */
static bool is_in_perl(const struct parser *p)
{
    return p->depth > 0 && strcasecmp(p->nodes->items[p->open[p->depth - 1]].name, "Perl") == 0;
}

static bool take_line(struct parser *p, const struct httpd_joined *joined)
{
    char *text = join(p, joined);
    const char *rest = text;
    char *name;
    char *args;

    if (text == NULL)
        return fail(p, 0, "out of memory");
    if (strlen(text) > HTTPD_TEXT_MAX)
        return fail(p, p->line, "the line is longer than %u bytes", HTTPD_TEXT_MAX);
    if (is_in_perl(p) && strncasecmp(text, "</Perl>", 7) != 0)
        return true;
    name = httpd_word_next(p->arena, &rest);
    args = rest == NULL ? NULL : httpd_arena_copy(p->arena, rest, strlen(rest));
    if (name == NULL || args == NULL)
        return rest == NULL || *rest != '\0' ? fail(p, 0, "out of memory") : true;
    if (name[0] == '\0')
        return true; /* "": httpd passes over it */
    return name[0] == '<' && name[1] == '/' ? close_section(p, joined, name) : add_node(p, joined, name, args);
}

static bool parse(struct parser *p)
{
    size_t at = 0;
    unsigned next_line = 1;

    while (at < p->len) {
        struct httpd_joined joined = httpd_nodes_line(p->data, p->len, at);

        p->line = next_line;
        if (memchr(p->data + at, '\0', joined.end - at) != NULL)
            return fail(p, p->line, "there is a NUL byte; a configuration is text");
        if (!joined.is_comment && !joined.is_blank && !take_line(p, &joined))
            return false;
        at = joined.end;
        next_line += joined.lines;
    }
    if (p->depth > 0) {
        const struct httpd_node *section = &p->nodes->items[p->open[p->depth - 1]];

        return fail(p, section->line, "<%.*s> has no end", SHOWN_NAME_LEN, section->name);
    }
    return true;
}

bool httpd_nodes_parse(
    struct httpd_arena *arena, const char *data, size_t len, struct httpd_nodes *nodes, unsigned *line, char *why, size_t cap)
{
    struct parser p = {.arena = arena, .data = data, .len = len, .nodes = nodes, .why = why, .why_cap = cap};
    bool is_parsed;

    *nodes = (struct httpd_nodes){NULL, 0};
    is_parsed = parse(&p);
    *line = p.line;
    return is_parsed;
}
