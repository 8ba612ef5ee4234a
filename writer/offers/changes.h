/* SPDX-License-Identifier: ISC */
/*
 * Owns: what Apache's file does not know yet of what is held.
 * Runs in: writer.
 * Never: says what to do about it; the commit does.
 */
#ifndef STAPLEGUARD_CHANGES_H
#define STAPLEGUARD_CHANGES_H

#include <stdbool.h>

#include "store/gone_names.h"

/* All zero: nothing. */
struct changes {
    bool is_any;      /* what is held is not what stands in the file any more */
    bool is_urgent;   /* and somebody is without a staple, or has one that must go */
    struct gone gone; /* certificates whose files do not exist any more */
};

#endif
