/* SPDX-License-Identifier: ISC */
/*
 * Owns: a directory for one test, which is the working directory while the test runs.
 * Runs in: unit tests.
 * Never: leaves anything behind.
 */
#ifndef STAPLEGUARD_TEST_TEMP_DIR_H
#define STAPLEGUARD_TEST_TEMP_DIR_H

#include <stddef.h>
#include <stdint.h>

/* cmocka's setup and teardown.  *state: its path (char *). */
int temp_dir_setup(void **state);
int temp_dir_teardown(void **state);

/* Relative names; a step that fails fails the test. */
void temp_file_write(const char *name, const void *data, size_t len);
/* The whole file; the caller's to free. */
uint8_t *temp_file_read(const char *name, size_t *len);
/* Change one octet in place. */
void temp_file_poke(const char *name, size_t at, uint8_t octet);

#endif
