/* SPDX-License-Identifier: ISC */
/*
 * Owns: octets as lower-case hexadecimal text, and back.
 * Runs in: every process.
 * Never: takes a digit that it would not write.
 */
#ifndef STAPLEGUARD_HEX_H
#define STAPLEGUARD_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Write 2 * len digits, and no NUL. */
void hex_write(const uint8_t *octets, size_t len, char *text);

/* Write 2 * len digits and a NUL. */
void hex_format(const uint8_t *octets, size_t len, char *text);

/* Read 2 * len digits into len octets; false, with some of them written, when one of them is none. */
bool hex_read(const char *text, uint8_t *octets, size_t len);

#endif
