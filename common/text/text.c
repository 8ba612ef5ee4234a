/* SPDX-License-Identifier: ISC */
#include "text/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Longest sentence that text_clean_format makes before it is cut to the caller's size. */
#define FORMAT_MAX 2047u

static bool code_point_is_clean(uint32_t c)
{
    /* Bidirectional controls: Unicode Standard Annex #9, section 2. */
    return c >= 0x20 && !(c >= 0x7f && c <= 0x9f) && !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069) && c != 0x200e
        && c != 0x200f && c != 0x061c;
}

/* Length of the clean character at text, or 0 when there is none.  Source: RFC 3629 section 4. */
static size_t clean_char_len(const char *text, size_t len)
{
    static const uint32_t shortest_form[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t *p = (const uint8_t *)text;
    size_t need;
    uint32_t c;

    if (p[0] < 0x80)
        return code_point_is_clean(p[0]) ? 1 : 0;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        need = 2;
    else if (p[0] >= 0xe0 && p[0] <= 0xef)
        need = 3;
    else if (p[0] >= 0xf0 && p[0] <= 0xf4)
        need = 4;
    else
        return 0;
    if (len < need)
        return 0;
    c = p[0] & (0x7fu >> need);
    for (size_t i = 1; i < need; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3fu);
    }
    if (c < shortest_form[need] || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
        return 0;
    return code_point_is_clean(c) ? need : 0;
}

/* How many bytes at the start are printable ASCII, counted in words: most of any text is, and goes by eight at a time. */
static size_t plain_len(const char *text, size_t len)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t tops = 0x80 * ones;
    size_t at = 0;

    for (uint64_t word; len - at >= sizeof word; at += sizeof word) {
        memcpy(&word, text + at, sizeof word);
        /* A top bit is set where a byte is 0x80 or more, below 0x20 (it borrows), or 0x7f (one more makes 0x80). */
        if (((word | (word - 0x20 * ones) | (word + ones)) & tops) != 0)
            break;
    }
    return at;
}

bool text_is_clean(const char *text, size_t len)
{
    while (len > 0) {
        size_t plain = plain_len(text, len);
        size_t n;

        text += plain;
        len -= plain;
        if (len == 0)
            return true;
        n = clean_char_len(text, len);
        if (n == 0)
            return false;
        text += n;
        len -= n;
    }
    return true;
}

size_t text_clean_copy(char *out, size_t cap, const char *text, size_t len)
{
    size_t used = 0;

    if (cap == 0)
        return 0;
    while (len > 0) {
        size_t n = clean_char_len(text, len);
        size_t take = n == 0 ? 1 : n;

        if (used + take >= cap)
            break;
        if (n == 0)
            out[used] = '?';
        else
            memcpy(out + used, text, n);
        used += take;
        text += take;
        len -= take;
    }
    out[used] = '\0';
    return used;
}

void text_clean_format(char *out, size_t cap, const char *format, ...)
{
    char raw[FORMAT_MAX + 1] = "";
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(raw, sizeof raw, format, arguments);
    va_end(arguments);
    text_clean_copy(out, cap, raw, strlen(raw));
}
