/* SPDX-License-Identifier: ISC */
/*
 * Owns: fuzzing of the stapling record's codec, and of the look at a DBM file's first bytes.
 * Runs in: the fuzzer.
 * Never: keeps anything between two inputs.
 */
#include <stdlib.h>
#include <string.h>

#include "dbm/dbm_identify.h"
#include "dbm/dbm_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t again[DBM_VALUE_MAX];
    struct dbm_record record;
    size_t again_len = 0;

    if (dbm_kind_words(dbm_identify(data, len < DBM_IDENTIFY_LEN ? len : DBM_IDENTIFY_LEN))[0] == '\0')
        abort();
    if (dbm_record_decode(data, len, &record) != DBM_RESULT_OK)
        return 0;
    /* What decodes is what encodes, octet for octet. */
    if (dbm_record_encode(&record, again, &again_len) != DBM_RESULT_OK || again_len != len || memcmp(again, data, len) != 0)
        abort();
    return 0;
}
