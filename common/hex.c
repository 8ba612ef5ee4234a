/*
 * Owns: octets as lower-case hexadecimal text, and back.
 * Runs in: every process.
 * Never: takes a digit that it would not write.
 */
#include "hex.h"

void hex_write(const uint8_t *octets, size_t len, char *text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[octets[i] >> 4];
        text[2 * i + 1] = digits[octets[i] & 15];
    }
}

static int value_of(char digit)
{
    return digit >= '0' && digit <= '9' ? digit - '0' : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

bool hex_read(const char *text, uint8_t *octets, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        int high = value_of(text[2 * i]);
        int low = value_of(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        octets[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
