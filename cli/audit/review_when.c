/* SPDX-License-Identifier: ISC */
#include "audit/review_when.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* A number that a person writes before a unit. */
#define COUNT_MAX 1000000
/* The years of RFC 3339. */
#define SEC_MAX INT64_C(253402300799)

struct unit {
    const char *name;
    int64_t sec; /* 0: of the calendar */
    int days;
    int months;
};

/* The first letters decide where two begin alike: "m" is a minute, as in the configuration. */
static const struct unit units[] = {
    {"s", 1, 0, 0},
    {"sec", 1, 0, 0},
    {"secs", 1, 0, 0},
    {"second", 1, 0, 0},
    {"seconds", 1, 0, 0},
    {"m", 60, 0, 0},
    {"min", 60, 0, 0},
    {"mins", 60, 0, 0},
    {"minute", 60, 0, 0},
    {"minutes", 60, 0, 0},
    {"h", 3600, 0, 0},
    {"hour", 3600, 0, 0},
    {"hours", 3600, 0, 0},
    {"d", 0, 1, 0},
    {"day", 0, 1, 0},
    {"days", 0, 1, 0},
    {"w", 0, 7, 0},
    {"week", 0, 7, 0},
    {"weeks", 0, 7, 0},
    {"month", 0, 0, 1},
    {"months", 0, 0, 1},
    {"y", 0, 0, 12},
    {"year", 0, 0, 12},
    {"years", 0, 0, 12},
};

static bool take_spaces(const char **at)
{
    const char *start = *at;

    while (**at == ' ')
        ++*at;
    return *at != start;
}

/* Exactly (or, with `min` below it, at most) max digits. */
static bool take_digits(const char **at, int min, int max, int *value)
{
    int count = 0;

    for (*value = 0; count < max && **at >= '0' && **at <= '9'; ++*at, count++)
        *value = *value * 10 + **at - '0';
    return count >= min;
}

static bool take_char(const char **at, char c)
{
    if (**at != c)
        return false;
    ++*at;
    return true;
}

static const struct unit *take_unit(const char **at)
{
    size_t len = strspn(*at, "abcdefghijklmnopqrstuvwxyz");

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strlen(units[i].name) == len && strncmp(units[i].name, *at, len) == 0) {
            *at += len;
            return &units[i];
        }
    return NULL;
}

static bool local_time(int64_t sec, struct tm *tm)
{
    time_t time = (time_t)sec;

    return localtime_r(&time, tm) != NULL;
}

/* "2 days ago", "1h", "1h 30m ago". */
static bool parse_distance(const char *at, int64_t now_sec, int64_t *sec)
{
    struct tm tm;
    int64_t back = 0;

    if (!local_time(now_sec, &tm))
        return false;
    do {
        const struct unit *unit;
        int count;

        if (!take_digits(&at, 1, 7, &count) || count > COUNT_MAX)
            return false;
        take_spaces(&at);
        unit = take_unit(&at);
        if (unit == NULL)
            return false;
        back += count * unit->sec;
        tm.tm_mday -= count * unit->days;
        tm.tm_mon -= count * unit->months;
        take_spaces(&at);
    } while (*at >= '0' && *at <= '9');
    if (*at != '\0' && strcmp(at, "ago") != 0)
        return false;
    tm.tm_isdst = -1;
    *sec = (int64_t)mktime(&tm) - back;
    return true;
}

static bool parse_word(const char *text, int64_t now_sec, int64_t *sec)
{
    static const struct {
        const char *word;
        int days;
    } words[] = {{"today", 0}, {"yesterday", -1}, {"tomorrow", 1}};
    struct tm tm;

    if (strcmp(text, "now") == 0) {
        *sec = now_sec;
        return true;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(text, words[i].word) == 0 && local_time(now_sec, &tm)) {
            tm.tm_mday += words[i].days;
            tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
            tm.tm_isdst = -1;
            *sec = (int64_t)mktime(&tm);
            return true;
        }
    return false;
}

static bool take_date(const char **at, struct tm *tm)
{
    int year;

    if (!take_digits(at, 4, 4, &year) || !take_char(at, '-') || !take_digits(at, 2, 2, &tm->tm_mon) || !take_char(at, '-')
        || !take_digits(at, 2, 2, &tm->tm_mday))
        return false;
    tm->tm_year = year - 1900;
    return tm->tm_mon-- >= 1 && tm->tm_mon <= 11 && tm->tm_mday >= 1 && tm->tm_mday <= 31;
}

/* "17:30", "17:30:05", "17:30:05.25". */
static bool take_clock(const char **at, struct tm *tm, int64_t *fraction_usec)
{
    int64_t scale = REVIEW_USEC_PER_SEC;

    *fraction_usec = 0;
    if (!take_digits(at, 2, 2, &tm->tm_hour) || !take_char(at, ':') || !take_digits(at, 2, 2, &tm->tm_min))
        return false;
    if (take_char(at, ':') && !take_digits(at, 2, 2, &tm->tm_sec))
        return false;
    if (take_char(at, '.')) {
        if (**at < '0' || **at > '9')
            return false;
        for (; **at >= '0' && **at <= '9'; ++*at) {
            scale /= 10;
            *fraction_usec += (**at - '0') * scale;
        }
    }
    /* 60 is a leap second. */
    return tm->tm_hour <= 23 && tm->tm_min <= 59 && tm->tm_sec <= 60;
}

/* "Z", "+01:00" (RFC 3339 section 5.6). */
static bool take_zone(const char **at, int64_t *offset_sec)
{
    int sign = **at == '-' ? -1 : 1;
    int hours, minutes;

    *offset_sec = 0;
    if (take_char(at, 'Z') || take_char(at, 'z'))
        return true;
    if ((!take_char(at, '+') && !take_char(at, '-')) || !take_digits(at, 2, 2, &hours) || !take_char(at, ':')
        || !take_digits(at, 2, 2, &minutes))
        return false;
    *offset_sec = sign * (hours * 3600 + minutes * 60);
    return hours <= 23 && minutes <= 59;
}

/* The 31st of a month that has 30 days is no date: it comes back as one of the next month. */
static bool to_seconds(const struct tm *wanted, bool is_utc, int64_t *sec)
{
    struct tm tm = *wanted;

    tm.tm_isdst = -1;
    tm.tm_sec = 0; /* a leap second may be in the next year */
    *sec = (int64_t)(is_utc ? timegm(&tm) : mktime(&tm)) + wanted->tm_sec;
    return tm.tm_mon == wanted->tm_mon;
}

static bool parse_date(const char *at, int64_t *usec)
{
    struct tm tm = {0};
    int64_t fraction_usec = 0;
    int64_t offset_sec = 0;
    int64_t sec;
    bool is_utc = false;

    if (!take_date(&at, &tm))
        return false;
    if (*at != '\0') {
        if (!take_char(&at, 'T') && !take_char(&at, 't') && !take_spaces(&at))
            return false;
        if (!take_clock(&at, &tm, &fraction_usec))
            return false;
        take_spaces(&at);
        is_utc = *at != '\0';
        if (is_utc && !take_zone(&at, &offset_sec))
            return false;
    }
    if (*at != '\0' || !to_seconds(&tm, is_utc, &sec))
        return false;
    *usec = (sec - offset_sec) * REVIEW_USEC_PER_SEC + fraction_usec;
    return true;
}

/* "17:30" of today. */
static bool parse_clock(const char *at, int64_t now_sec, int64_t *usec)
{
    struct tm tm;
    int64_t fraction_usec;
    int64_t sec;

    if (!local_time(now_sec, &tm))
        return false;
    tm.tm_sec = 0;
    if (!take_clock(&at, &tm, &fraction_usec) || *at != '\0' || !to_seconds(&tm, false, &sec))
        return false;
    *usec = sec * REVIEW_USEC_PER_SEC + fraction_usec;
    return true;
}

static bool parse_epoch(const char *at, int64_t *sec)
{
    char rest;

    return take_char(&at, '@') && *at >= '0' && *at <= '9' && sscanf(at, "%" SCNd64 "%c", sec, &rest) == 1 && *sec <= SEC_MAX;
}

bool review_when_parse(const char *text, int64_t now_sec, int64_t *usec)
{
    int64_t sec;

    while (*text == ' ')
        text++;
    if (parse_date(text, usec) || parse_clock(text, now_sec, usec))
        return true;
    if (!parse_word(text, now_sec, &sec) && !parse_distance(text, now_sec, &sec) && !parse_epoch(text, &sec))
        return false;
    *usec = sec * REVIEW_USEC_PER_SEC;
    return true;
}

void review_when_local(int64_t sec, char out[REVIEW_WHEN_LEN + 1])
{
    struct tm tm;

    if (!local_time(sec, &tm) || strftime(out, REVIEW_WHEN_LEN + 1, "%Y-%m-%d %H:%M:%S", &tm) == 0)
        snprintf(out, REVIEW_WHEN_LEN + 1, "-");
}

void review_when_utc(int64_t usec, char *out, size_t cap)
{
    int64_t sec;
    time_t time;
    struct tm tm = {0};

    if (usec < 0)
        usec = 0;
    sec = usec / REVIEW_USEC_PER_SEC;
    if (sec > SEC_MAX) {
        sec = SEC_MAX;
        usec = SEC_MAX * REVIEW_USEC_PER_SEC + REVIEW_USEC_PER_SEC - 1;
    }
    time = (time_t)sec;
    gmtime_r(&time, &tm);
    snprintf(out, cap, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
        tm.tm_sec, (int)(usec % REVIEW_USEC_PER_SEC));
}
