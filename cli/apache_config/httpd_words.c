/* SPDX-License-Identifier: ISC */
#include "apache_config/httpd_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool httpd_is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static const char *skip_blanks(const char *text)
{
    while (httpd_is_blank(*text))
        text++;
    return text;
}

/* The len bytes at start with \\ and \QUOTE as one byte; quote: 0 outside of quotes. */
static char *unescape(struct httpd_arena *arena, const char *start, size_t len, char quote)
{
    char *word = httpd_arena_alloc(arena, len + 1);
    size_t used = 0;

    for (size_t i = 0; word != NULL && i < len; i++) {
        if (start[i] == '\\' && i + 1 < len && (start[i + 1] == '\\' || (quote != '\0' && start[i + 1] == quote)))
            i++;
        word[used++] = start[i];
    }
    return word;
}

static const char *quoted_end(const char *text, char quote)
{
    while (*text != '\0' && *text != quote)
        text += *text == '\\' && (text[1] == quote || text[1] == '\\') ? 2 : 1;
    return text;
}

char *httpd_word_next(struct httpd_arena *arena, const char **rest)
{
    const char *start = skip_blanks(*rest);
    const char *end;
    char quote = *start == '"' || *start == '\'' ? *start : '\0';
    char *word;

    if (*start == '\0') {
        *rest = start;
        return NULL;
    }
    if (quote != '\0') {
        start++;
        end = quoted_end(start, quote);
    } else {
        for (end = start; *end != '\0' && !httpd_is_blank(*end); end++)
            ;
    }
    word = unescape(arena, start, (size_t)(end - start), quote);
    *rest = word == NULL ? NULL : skip_blanks(quote != '\0' && *end == quote ? end + 1 : end);
    return word;
}

/* A text that grows up to HTTPD_TEXT_MAX. */
struct growing {
    FILE *stream;
    char *text;
    size_t len; /* valid after a flush; counted by hand until then */
    size_t put;
};

static bool growing_begin(struct growing *out)
{
    *out = (struct growing){NULL, NULL, 0, 0};
    out->stream = open_memstream(&out->text, &out->len);
    return out->stream != NULL;
}

static void growing_put(struct growing *out, const char *text, size_t len)
{
    out->put += len;
    if (out->put <= HTTPD_TEXT_MAX)
        fwrite(text, 1, len, out->stream);
}

static char *growing_end(struct growing *out, struct httpd_arena *arena)
{
    bool is_whole = out->put <= HTTPD_TEXT_MAX && ferror(out->stream) == 0;
    char *copy = NULL;

    if (fclose(out->stream) == 0 && is_whole)
        copy = httpd_arena_copy(arena, out->text, out->len);
    free(out->text);
    return copy;
}

char *httpd_words_expand(struct httpd_arena *arena, const char *text, httpd_lookup lookup, const void *context)
{
    struct growing out;

    if (strstr(text, "${") == NULL)
        return httpd_arena_copy(arena, text, strlen(text));
    if (!growing_begin(&out))
        return NULL;
    while (*text != '\0') {
        const char *end = strncmp(text, "${", 2) == 0 ? strchr(text + 2, '}') : NULL;
        const char *value = end == NULL ? NULL : lookup(context, text + 2, (size_t)(end - text - 2));

        if (value != NULL) {
            growing_put(&out, value, strlen(value));
            text = end + 1;
        } else {
            growing_put(&out, text++, 1);
        }
    }
    return growing_end(&out, arena);
}

/* The longest name that stands at text, as an index; count: none. */
static size_t name_at(const char *text, char *const *names, size_t count)
{
    size_t best = count;

    for (size_t i = 0; i < count; i++)
        if (names[i][0] != '\0' && strncmp(text, names[i], strlen(names[i])) == 0
            && (best == count || strlen(names[i]) > strlen(names[best])))
            best = i;
    return best;
}

char *httpd_words_substitute(struct httpd_arena *arena, const char *text, char *const *names, char *const *values, size_t count)
{
    struct growing out;

    if (!growing_begin(&out))
        return NULL;
    while (*text != '\0') {
        size_t index = name_at(text, names, count);

        if (index < count) {
            growing_put(&out, values[index], strlen(values[index]));
            text += strlen(names[index]);
        } else {
            growing_put(&out, text++, 1);
        }
    }
    return growing_end(&out, arena);
}
