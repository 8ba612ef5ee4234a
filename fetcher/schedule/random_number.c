/* SPDX-License-Identifier: ISC */
#include "schedule/random_number.h"

#include <stddef.h>
#include <string.h>
#include <sys/random.h>

/* Numbers enough for one certificate each; drawn many at a time. */
uint32_t random_number(void)
{
    static uint32_t drawn[64];
    static size_t left;

    if (left == 0) {
        /* Up to 256 bytes come whole (getrandom(2)).  Without them nothing is moved by chance, which harms nobody. */
        if (getrandom(drawn, sizeof drawn, 0) != (ssize_t)sizeof drawn)
            memset(drawn, 0x55, sizeof drawn);
        left = sizeof drawn / sizeof drawn[0];
    }
    return drawn[--left];
}
