/* SPDX-License-Identifier: ISC */
#include "text/duration.h"

#include <inttypes.h>
#include <stdio.h>

struct unit {
    char letter;
    int64_t sec;
};

/* Largest first: duration_format looks for the first that fits. */
static const struct unit units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

#define UNIT_COUNT (sizeof units / sizeof units[0])

bool duration_parse(const char *text, int64_t *seconds)
{
    const char *p = text;
    int64_t value = 0;

    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *p - '0', &value))
            return false;
    if (p == text)
        return false;
    if (p == text + 1 && text[0] == '0' && *p == '\0') {
        *seconds = 0;
        return true;
    }
    for (size_t i = 0; i < UNIT_COUNT; i++)
        if (p[0] == units[i].letter && p[1] == '\0') {
            if (__builtin_mul_overflow(value, units[i].sec, &value))
                return false;
            *seconds = value;
            return true;
        }
    return false;
}

void duration_format(int64_t seconds, char *out, size_t cap)
{
    const char *sign = seconds < 0 ? "-" : "";
    /* Unsigned, because the lowest int64 has no positive counterpart. */
    uint64_t left = seconds < 0 ? 0 - (uint64_t)seconds : (uint64_t)seconds;
    size_t i = 0;
    uint64_t first;
    uint64_t second;

    while (i < UNIT_COUNT - 1 && left < (uint64_t)units[i].sec)
        i++;
    first = left / (uint64_t)units[i].sec;
    second = i + 1 < UNIT_COUNT ? left % (uint64_t)units[i].sec / (uint64_t)units[i + 1].sec : 0;
    if (second == 0)
        snprintf(out, cap, "%s%" PRIu64 "%c", sign, first, units[i].letter);
    else
        snprintf(out, cap, "%s%" PRIu64 "%c %" PRIu64 "%c", sign, first, units[i].letter, second, units[i + 1].letter);
}
