/* SPDX-License-Identifier: ISC */
#include "http/http_header.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "bounds.h"

/* The longest HTTP-date has 33 characters (RFC 850's form with "Wednesday"). */
#define HTTP_DATE_MAX 40

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Narrow [*text, *len) to what lies between blanks. */
static void trim(const char **text, size_t *len)
{
    while (*len > 0 && is_blank(**text)) {
        (*text)++;
        (*len)--;
    }
    while (*len > 0 && is_blank((*text)[*len - 1]))
        (*len)--;
}

bool http_header_is(const char *line, size_t line_len, const char *name, const char **value, size_t *value_len)
{
    size_t name_len = strlen(name);

    if (line_len <= name_len || line[name_len] != ':' || strncasecmp(line, name, name_len) != 0)
        return false;
    *value = line + name_len + 1;
    *value_len = line_len - name_len - 1;
    trim(value, value_len);
    return true;
}

/* All digits, at least one: its value, at most HTTP_WAIT_MAX_SEC.  Anything else: -1. */
static int64_t parse_seconds(const char *text, size_t len)
{
    int64_t value = 0;

    if (len == 0)
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(text[i]))
            return -1;
        if (value <= HTTP_WAIT_MAX_SEC)
            value = value * 10 + (text[i] - '0');
    }
    return value < HTTP_WAIT_MAX_SEC ? value : HTTP_WAIT_MAX_SEC;
}

int64_t http_header_retry_after(const char *value, size_t value_len, int64_t now)
{
    char text[HTTP_DATE_MAX + 1];
    int64_t seconds;
    int64_t date;

    trim(&value, &value_len);
    seconds = parse_seconds(value, value_len);
    if (seconds >= 0)
        return seconds;
    if (value_len == 0 || value_len > HTTP_DATE_MAX || memchr(value, '\0', value_len) != NULL)
        return -1;
    memcpy(text, value, value_len);
    text[value_len] = '\0';
    date = curl_getdate(text, NULL);
    if (date < 0)
        return -1;
    if (date <= now)
        return 0;
    return date > now + HTTP_WAIT_MAX_SEC ? HTTP_WAIT_MAX_SEC : date - now;
}

/* Length of the next directive: up to a comma outside of a quoted string. */
static size_t directive_len(const char *text, size_t len)
{
    bool is_quoted = false;

    for (size_t i = 0; i < len; i++) {
        if (is_quoted && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            is_quoted = !is_quoted;
        else if (text[i] == ',' && !is_quoted)
            return i;
    }
    return len;
}

static bool is_word(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && strncasecmp(text, word, len) == 0;
}

/* The value of "max-age=N" or "max-age="N""; -1 for another directive or a value that is no number. */
static int64_t max_age_of(const char *text, size_t len)
{
    static const char name[] = "max-age=";
    size_t name_len = sizeof name - 1;

    if (len < name_len || strncasecmp(text, name, name_len) != 0)
        return -1;
    text += name_len;
    len -= name_len;
    if (len >= 2 && text[0] == '"' && text[len - 1] == '"') {
        text++;
        len -= 2;
    }
    return parse_seconds(text, len);
}

int64_t http_header_max_age(const char *value, size_t value_len)
{
    int64_t result = -1;

    while (value_len > 0) {
        size_t whole = directive_len(value, value_len);
        const char *directive = value;
        size_t len = whole;
        int64_t seconds;

        trim(&directive, &len);
        if (is_word(directive, len, "no-cache") || is_word(directive, len, "no-store"))
            return 0;
        seconds = max_age_of(directive, len);
        if (seconds >= 0 && result >= 0 && seconds != result)
            return 0;
        if (seconds >= 0)
            result = seconds;
        whole += whole < value_len ? 1 : 0;
        value += whole;
        value_len -= whole;
    }
    return result;
}

bool http_header_is_ocsp_response(const char *content_type)
{
    size_t len;

    if (content_type == NULL)
        return false;
    len = strcspn(content_type, ";");
    trim(&content_type, &len);
    return is_word(content_type, len, "application/ocsp-response");
}
