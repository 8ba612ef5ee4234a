/* SPDX-License-Identifier: ISC */
#include "text/hex.h"

void hex_write(const uint8_t *octets, size_t len, char *text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[octets[i] >> 4];
        text[2 * i + 1] = digits[octets[i] & 15];
    }
}

void hex_format(const uint8_t *octets, size_t len, char *text)
{
    hex_write(octets, len, text);
    text[2 * len] = '\0';
}

/* A digit's value and one more; 0 for what is none. */
static const uint8_t values[UINT8_MAX + 1] = {
    ['0'] = 1,
    ['1'] = 2,
    ['2'] = 3,
    ['3'] = 4,
    ['4'] = 5,
    ['5'] = 6,
    ['6'] = 7,
    ['7'] = 8,
    ['8'] = 9,
    ['9'] = 10,
    ['a'] = 11,
    ['b'] = 12,
    ['c'] = 13,
    ['d'] = 14,
    ['e'] = 15,
    ['f'] = 16,
};

bool hex_read(const char *text, uint8_t *octets, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned high = values[(uint8_t)text[2 * i]];
        unsigned low = values[(uint8_t)text[2 * i + 1]];

        if (high == 0 || low == 0)
            return false;
        octets[i] = (uint8_t)((high - 1) << 4 | (low - 1));
    }
    return true;
}
