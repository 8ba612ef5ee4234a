/* SPDX-License-Identifier: ISC */
/*
 * Owns: fuzzing the kept end of the audit log's chain: what is taken is exactly what would be written.
 * Runs in: libFuzzer.
 * Never: opens a file.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char line[AUDIT_HEAD_LEN + 1];
    struct audit_chain chain;

    if (!audit_head_parse((const char *)data, size, &chain))
        return 0;
    audit_head_format(&chain, line);
    if (size != AUDIT_HEAD_LEN || memcmp(line, data, size) != 0)
        abort();
    return 0;
}
