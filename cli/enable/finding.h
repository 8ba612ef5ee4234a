/* SPDX-License-Identifier: ISC */
/*
 * Owns: what a preflight found, with its weight, in the order in which it was found.
 * Runs in: command line (enable, disable).
 * Never: prints text from outside uncleaned.
 */
#ifndef STAPLEGUARD_FINDING_H
#define STAPLEGUARD_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum finding_weight {
    FINDING_INFO,
    FINDING_WARNING, /* it goes on */
    FINDING_ERROR,   /* nothing is touched */
};

struct finding {
    enum finding_weight weight;
    char *text; /* what it is and what to do; clean */
};

/* All zero: empty. */
struct findings {
    struct finding *items;
    size_t count;
    size_t errors; /* also one that there was no memory for */
};

void findings_add(struct findings *findings, enum finding_weight weight, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* One line each, the worst first. */
void findings_print(const struct findings *findings, FILE *out);
void findings_clear(struct findings *findings);

#endif
