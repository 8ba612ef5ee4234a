/* SPDX-License-Identifier: ISC */
#include "audit/review_scan.h"

#include <limits.h>
#include <string.h>
#include <time.h>

#include "audit/audit_record.h"
#include "text/text.h"

#define NAME_LEN_MAX 32u
#define NUMBER_LEN_MAX 20u
#define SECOND_LEN 19u /* "2026-11-23T17:34:13" */

struct member {
    const char *name;
    size_t name_len;
    bool is_text;
};

static const struct member members[] = {
#define REVIEW_ROW(constant, name, is_text) {name, sizeof(name) - 1, is_text},
    REVIEW_MEMBER_TABLE(REVIEW_ROW)
#undef REVIEW_ROW
};

const char *review_member_name(enum review_member member)
{
    return members[member].name;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take_char(const char **at, const char *end, char c)
{
    if (*at == end || **at != c)
        return false;
    ++*at;
    return true;
}

/* From behind the opening quote to behind the closing one.  We escape nothing but the quote and the backslash. */
static bool take_text(const char **at, const char *end, struct review_value *value)
{
    const char *p = *at;

    for (;;) {
        const char *quote = memchr(p, '"', (size_t)(end - p));
        const char *backslash;

        if (quote == NULL)
            return false;
        backslash = memchr(p, '\\', (size_t)(quote - p));
        if (backslash == NULL) {
            *value = (struct review_value){*at, (size_t)(quote - *at)};
            *at = quote + 1;
            return true;
        }
        if (backslash + 1 == end || (backslash[1] != '"' && backslash[1] != '\\'))
            return false;
        p = backslash + 2;
    }
}

static bool take_number(const char **at, const char *end, struct review_value *value)
{
    const char *start = *at;
    const char *digits;

    if (*at < end && **at == '-')
        ++*at;
    digits = *at;
    while (*at < end && is_digit(**at))
        ++*at;
    if (*at == digits || (size_t)(*at - start) > NUMBER_LEN_MAX || (*digits == '0' && *at - digits > 1))
        return false;
    *value = (struct review_value){start, (size_t)(*at - start)};
    return true;
}

/* A member's name with its quotes and colon. */
static bool take_name(const char **at, const char *end, struct review_value *name)
{
    const char *start;

    if (!take_char(at, end, '"'))
        return false;
    start = *at;
    while (*at < end && ((**at >= 'a' && **at <= 'z') || is_digit(**at) || **at == '_'))
        ++*at;
    *name = (struct review_value){start, (size_t)(*at - start)};
    return name->len > 0 && name->len <= NAME_LEN_MAX && take_char(at, end, '"') && take_char(at, end, ':');
}

/* The member of that name from `from` on; REVIEW_MEMBER_COUNT: a name that we do not know, or that does not come here. */
static size_t find_member(const struct review_value *name, size_t from)
{
    while (from < REVIEW_MEMBER_COUNT
        && (members[from].name_len != name->len || memcmp(members[from].name, name->at, name->len) != 0))
        from++;
    return from;
}

static bool is_known_before(const struct review_value *name, size_t until)
{
    return find_member(name, 0) < until;
}

/* One member, into its place; *next: where in the table the next may be. */
static bool take_member(const char **at, const char *end, struct review_record *record, size_t *next)
{
    struct review_value name;
    struct review_value value;
    bool is_text;
    size_t found;

    if (!take_name(at, end, &name))
        return false;
    is_text = take_char(at, end, '"');
    if (is_text ? !take_text(at, end, &value) : !take_number(at, end, &value))
        return false;
    found = find_member(&name, *next);
    if (found == REVIEW_MEMBER_COUNT)
        return !is_known_before(&name, *next);
    if (members[found].is_text != is_text)
        return false;
    record->values[found] = value;
    *next = found + 1;
    return true;
}

static bool is_record_time(const struct review_value *value)
{
    static const char shape[] = "0000-00-00T00:00:00.000000Z";

    if (value->len != REVIEW_TIME_LEN)
        return false;
    for (size_t i = 0; i < REVIEW_TIME_LEN; i++)
        if (shape[i] == '0' ? !is_digit(value->at[i]) : value->at[i] != shape[i])
            return false;
    return true;
}

static bool has_all(const struct review_record *record)
{
    static const enum review_member needed[] = {REVIEW_SEQ, REVIEW_TIME, REVIEW_PROCESS, REVIEW_EVENT, REVIEW_PREV, REVIEW_HASH};

    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (record->values[needed[i]].at == NULL)
            return false;
    return record->values[REVIEW_SEQ].at[0] != '-' && is_record_time(&record->values[REVIEW_TIME]);
}

bool review_scan(const char *line, size_t len, struct review_record *record)
{
    const char *at = line;
    const char *end = line + len;
    size_t next = 0;

    memset(record, 0, sizeof *record);
    if (len > AUDIT_LINE_MAX || !take_char(&at, end, '{'))
        return false;
    do {
        if (!take_member(&at, end, record, &next))
            return false;
    } while (take_char(&at, end, ','));
    return take_char(&at, end, '}') && at == end && has_all(record) && text_is_clean(line, len);
}

bool review_value_is(const struct review_value *value, const char *text)
{
    return value->at != NULL && strlen(text) == value->len && memcmp(value->at, text, value->len) == 0;
}

size_t review_value_copy(const struct review_value *value, char *out, size_t cap)
{
    size_t used = 0;

    for (size_t i = 0; value->at != NULL && i < value->len; i++) {
        if (value->at[i] == '\\' && i + 1 < value->len)
            i++;
        if (used + 1 == cap) {
            /* Not in the middle of a character. */
            while (used > 0 && ((unsigned char)value->at[i] & 0xc0) == 0x80)
                i--, used--;
            break;
        }
        out[used++] = value->at[i];
    }
    out[used] = '\0';
    return used;
}

int64_t review_value_number(const struct review_value *value)
{
    bool is_negative = value->len > 0 && value->at[0] == '-';
    int64_t number = 0;

    for (size_t i = is_negative ? 1 : 0; i < value->len; i++) {
        int64_t digit = value->at[i] - '0';

        if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, is_negative ? -digit : digit, &number))
            return is_negative ? INT64_MIN : INT64_MAX;
    }
    return number;
}

static int digits(const char *at, size_t count)
{
    int value = 0;

    for (size_t i = 0; i < count; i++)
        value = value * 10 + at[i] - '0';
    return value;
}

int64_t review_value_sec(const struct review_value *value)
{
    static const char shape[] = "0000-00-00T00:00:00";
    struct tm tm = {0};

    if (value->at == NULL || value->len <= SECOND_LEN)
        return -1;
    for (size_t i = 0; i < SECOND_LEN; i++)
        if (shape[i] == '0' ? !is_digit(value->at[i]) : value->at[i] != shape[i])
            return -1;
    tm.tm_year = digits(value->at, 4) - 1900;
    tm.tm_mon = digits(value->at + 5, 2) - 1;
    tm.tm_mday = digits(value->at + 8, 2);
    tm.tm_hour = digits(value->at + 11, 2);
    tm.tm_min = digits(value->at + 14, 2);
    tm.tm_sec = digits(value->at + 17, 2);
    return (int64_t)timegm(&tm);
}

int64_t review_value_usec(const struct review_value *value)
{
    int64_t seconds = review_value_sec(value);

    if (seconds < 0 || !is_record_time(value))
        return -1;
    return seconds * 1000000 + digits(value->at + SECOND_LEN + 1, 6);
}
