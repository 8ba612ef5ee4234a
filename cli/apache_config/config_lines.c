/* SPDX-License-Identifier: ISC */
#include "apache_config/config_lines.h"

#include <string.h>
#include <strings.h>

bool config_is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

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

struct config_line config_line_at(struct config_bytes file, size_t begin)
{
    struct config_line line = {.begin = begin, .end = begin};
    bool is_going_on = true;

    while (is_going_on && line.end < file.len) {
        const char *start = file.data + line.end;
        const char *newline = memchr(start, '\n', file.len - line.end);
        size_t len = newline == NULL ? file.len - line.end : (size_t)(newline - start) + 1;

        is_going_on = goes_on(start, len);
        line.end += len;
    }
    line.text = begin;
    while (
        line.text < line.end && (config_is_blank(file.data[line.text]) || goes_on(file.data + line.text, line.end - line.text)))
        line.text++;
    line.is_comment = line.text < line.end && file.data[line.text] == '#';
    return line;
}

size_t config_line_begin(struct config_bytes file, size_t begin)
{
    while (begin > 0) {
        const char *newline = begin < 2 ? NULL : memrchr(file.data, '\n', begin - 1);
        size_t above = newline == NULL ? 0 : (size_t)(newline - file.data) + 1;

        if (!goes_on(file.data + above, begin - above))
            break;
        begin = above;
    }
    return begin;
}

bool config_line_is(struct config_bytes file, const struct config_line *line, const char *word)
{
    size_t len = strlen(word);
    size_t after = line->text + len;

    return after <= line->end && strncasecmp(file.data + line->text, word, len) == 0
        && (after == line->end || config_is_blank(file.data[after]) || file.data[after] == '>' || file.data[after] == '\\');
}
