/* SPDX-License-Identifier: ISC */
/*
 * Owns: fuzzing the file of the sealing key: what is taken is exactly what would be written.
 * Runs in: libFuzzer.
 * Never: opens a file.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit_key_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[AUDIT_KEY_FILE_MAX];
    struct audit_key key;

    if (!audit_key_file_parse((const char *)data, size, &key))
        return 0;
    if (audit_key_file_format(&key, text) != size || memcmp(text, data, size) != 0 || key.interval == 0 || key.start < 0)
        abort();
    return 0;
}
