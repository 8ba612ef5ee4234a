/* SPDX-License-Identifier: ISC */
/*
 * Owns: randomness for the schedule.
 * Runs in: fetcher.
 * Never: anything that must be hard to guess.
 */
#ifndef STAPLEGUARD_RANDOM_NUMBER_H
#define STAPLEGUARD_RANDOM_NUMBER_H

#include <stdint.h>

/* All 32 bits; the same for ever where the kernel gives none, which harms nobody. */
uint32_t random_number(void);

#endif
