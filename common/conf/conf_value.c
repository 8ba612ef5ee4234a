/* SPDX-License-Identifier: ISC */
#include "conf/conf_value.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bounds.h"
#include "text/duration.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

/* A user's name, as useradd(8) and systemd bound it (utmp keeps 32 bytes). */
#define USER_NAME_MAX 32u

/* The highest uid that can be anybody's: (uid_t)-1 means "unchanged", (uid_t)-2 and below are real. */
#define UID_HIGHEST (UINT32_MAX - 1)

static bool refuse(char *why, size_t cap, const char *text)
{
    snprintf(why, cap, "%s", text);
    return false;
}

/* Digits only, at most max. */
static bool parse_number(const char *text, uint64_t max, uint64_t *out)
{
    size_t len = strspn(text, DIGITS);
    uint64_t value = 0;

    if (len == 0 || text[len] != '\0')
        return false;
    for (size_t i = 0; i < len; i++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
            return false;
    *out = value;
    return value <= max;
}

static bool check_path(const char *text, char *why, size_t cap)
{
    if (text[0] == '"' || text[0] == '\'')
        return refuse(why, cap, "must be an absolute path, without quotes");
    if (text[0] != '/')
        return refuse(why, cap, "must be an absolute path, as in /etc/ssl/shop.pem");
    if (strlen(text) > FILE_PATH_MAX) {
        snprintf(why, cap, "must be a path of at most %u bytes", FILE_PATH_MAX);
        return false;
    }
    /* A path may hold it, but a comment that would become part of the path is what was meant. */
    if (strstr(text, " #") != NULL)
        return refuse(why, cap, "must be a path; behind a value only ; begins a comment, # does not");
    return true;
}

static bool check_user(const char *text, char *why, size_t cap)
{
    uint64_t uid;
    size_t len = strlen(text);

    if (text[0] >= '0' && text[0] <= '9')
        return parse_number(text, UID_HIGHEST, &uid) || refuse(why, cap, "must be a user's name or a numeric uid");
    if (len == 0 || len > USER_NAME_MAX || text[0] == '-' || text[0] == '.' || strspn(text, LETTERS DIGITS "_-.") != len)
        return refuse(why, cap, "must be a user's name (letters, digits, _ - .) or a numeric uid");
    return true;
}

/* True for host, host:port, [v6], [v6]:port.  USER:PASSWORD@ is not: no secrets here. */
static bool is_authority(const char *text, size_t len, bool needs_port)
{
    size_t host_len;
    char port[6] = "";
    uint64_t number;

    if (len > 0 && text[0] == '[') {
        const char *end = memchr(text, ']', len);

        if (end == NULL || strspn(text + 1, DIGITS "abcdefABCDEF:.") != (size_t)(end - text - 1) || end == text + 1)
            return false;
        host_len = (size_t)(end - text) + 1;
    } else {
        host_len = strspn(text, LETTERS DIGITS "-._");
        if (host_len == 0)
            return false;
    }
    if (host_len == len)
        return !needs_port;
    if (text[host_len] != ':' || len - host_len - 1 >= sizeof port)
        return false;
    memcpy(port, text + host_len + 1, len - host_len - 1);
    return parse_number(port, 65535, &number) && number > 0;
}

static bool is_printable_ascii(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text < 0x21 || *text > 0x7e)
            return false;
    return true;
}

static bool check_proxy(const char *text, char *why, size_t cap)
{
    static const char scheme[] = "http://";
    size_t len = strlen(text);

    if (len == 0)
        return true;
    if (len > URL_MAX || strncasecmp(text, scheme, strlen(scheme)) != 0
        || !is_authority(text + strlen(scheme), len - strlen(scheme), true))
        return refuse(why, cap, "must be http://HOST:PORT, or empty for no proxy");
    return true;
}

static bool check_responder(const char *text, char *why, size_t cap)
{
    const char *rest;

    if (text[0] == '\0')
        return true;
    rest = strncasecmp(text, "http://", 7) == 0 ? text + 7 : strncasecmp(text, "https://", 8) == 0 ? text + 8 : NULL;
    if (strlen(text) > URL_MAX) {
        snprintf(why, cap, "must be a URL of at most %u bytes", URL_MAX);
        return false;
    }
    if (rest == NULL || !is_printable_ascii(rest) || strchr(rest, '#') != NULL || !is_authority(rest, strcspn(rest, "/?"), false))
        return refuse(why, cap, "must be a URL, as in http://ocsp.example.net/ (http or https)");
    return true;
}

static bool set_text(const char *text, bool empty_is_null, char **field, char *why, size_t cap)
{
    char *copy = NULL;

    if (text[0] != '\0' || !empty_is_null) {
        copy = strdup(text);
        if (copy == NULL)
            return refuse(why, cap, "out of memory");
    }
    free(*field);
    *field = copy;
    return true;
}

static bool set_choice(const struct conf_rule *rule, const char *text, bool *field, char *why, size_t cap)
{
    bool is_true = strcmp(text, rule->word_true) == 0;

    if (!is_true && strcmp(text, rule->word_false) != 0) {
        snprintf(why, cap, "must be %s or %s", rule->word_true, rule->word_false);
        return false;
    }
    *field = is_true;
    return true;
}

static bool set_duration(const struct conf_rule *rule, const char *text, int64_t *field, char *why, size_t cap)
{
    char min[32];
    char max[32];
    int64_t seconds;

    if (!duration_parse(text, &seconds))
        return refuse(why, cap, "must be a duration: digits and one of s, m, h, d, as in 90s or 30h");
    if (seconds < rule->min || seconds > rule->max) {
        duration_format(rule->min, min, sizeof min);
        duration_format(rule->max, max, sizeof max);
        snprintf(why, cap, "must be from %s to %s", min, max);
        return false;
    }
    *field = seconds;
    return true;
}

/* A size's text without its unit, and what the unit stands for. */
static uint64_t take_unit(char *text)
{
    size_t len = strlen(text);
    char unit = '\0';

    if (len > 0)
        unit = text[len - 1];
    if (unit != 'k' && unit != 'm')
        return 1;
    text[len - 1] = '\0';
    return unit == 'k' ? 1024 : 1024 * 1024;
}

static bool set_number(const struct conf_rule *rule, const char *text, unsigned *field, char *why, size_t cap)
{
    bool is_size = rule->type == CONF_SIZE;
    char digits[24] = "";
    uint64_t unit = 1;
    uint64_t value = 0;

    if (strlen(text) < sizeof digits)
        strcpy(digits, text);
    if (is_size)
        unit = take_unit(digits);
    if (!parse_number(digits, UINT32_MAX, &value) || value * unit < (uint64_t)rule->min || value * unit > (uint64_t)rule->max) {
        snprintf(why, cap, "must be %s from %" PRId64 " to %" PRId64 "%s", is_size ? "a number of bytes" : "a whole number",
            rule->min, rule->max, is_size ? ", also written as in 64k or 1m" : "");
        return false;
    }
    *field = (unsigned)(value * unit);
    return true;
}

bool conf_value_set(const struct conf_rule *rule, const char *text, void *field, char *why, size_t cap)
{
    switch (rule->type) {
    case CONF_PATH:
        return check_path(text, why, cap) && set_text(text, false, field, why, cap);
    case CONF_OPTIONAL_PATH:
        return (text[0] == '\0' || check_path(text, why, cap)) && set_text(text, true, field, why, cap);
    case CONF_USER:
        return check_user(text, why, cap) && set_text(text, false, field, why, cap);
    case CONF_PROXY:
        return check_proxy(text, why, cap) && set_text(text, false, field, why, cap);
    case CONF_RESPONDER:
        return check_responder(text, why, cap) && set_text(text, true, field, why, cap);
    case CONF_CHOICE:
        return set_choice(rule, text, field, why, cap);
    case CONF_DURATION:
        return set_duration(rule, text, field, why, cap);
    case CONF_COUNT:
    case CONF_SIZE:
        return set_number(rule, text, field, why, cap);
    }
    return refuse(why, cap, "is of a type that nobody knows");
}

void conf_value_copy(const struct conf_rule *rule, const void *from, void *to)
{
    assert(rule->type > CONF_TEXT_LAST);
    if (rule->type == CONF_CHOICE)
        *(bool *)to = *(const bool *)from;
    else if (rule->type == CONF_DURATION)
        *(int64_t *)to = *(const int64_t *)from;
    else
        *(unsigned *)to = *(const unsigned *)from;
}

void conf_value_clear(const struct conf_rule *rule, void *field)
{
    if (rule->type > CONF_TEXT_LAST)
        return;
    free(*(char **)field);
    *(char **)field = NULL;
}

bool conf_user_is_same(const char *a, const char *b)
{
    uint64_t uid_a;
    uint64_t uid_b;

    if (parse_number(a, UID_HIGHEST, &uid_a) && parse_number(b, UID_HIGHEST, &uid_b))
        return uid_a == uid_b;
    return strcmp(a, b) == 0;
}

bool conf_user_is_root(const char *user)
{
    return conf_user_is_same(user, "root") || conf_user_is_same(user, "0");
}
