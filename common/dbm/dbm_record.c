/* SPDX-License-Identifier: ISC */
#include "dbm/dbm_record.h"

#include <string.h>

/* apr_time_t is 64 bits on every platform; a native long, which is 4 bytes on some, is not it. */
_Static_assert(DBM_HEADER_LEN == sizeof(int64_t) + 1, "expiry and flag stand before the DER");

enum dbm_result dbm_record_encode(const struct dbm_record *record, uint8_t *out, size_t *len)
{
    if (record->der_len > STAPLE_DER_MAX)
        return DBM_RESULT_TOO_BIG;
    if (record->flag == DBM_FLAG_GOOD && record->der_len == 0)
        return DBM_RESULT_TOO_SHORT;
    memcpy(out, &record->expiry_usec, sizeof record->expiry_usec);
    out[sizeof record->expiry_usec] = (uint8_t)record->flag;
    if (record->der_len > 0)
        memcpy(out + DBM_HEADER_LEN, record->der, record->der_len);
    *len = DBM_HEADER_LEN + record->der_len;
    return DBM_RESULT_OK;
}

enum dbm_result dbm_record_decode(const uint8_t *value, size_t len, struct dbm_record *record)
{
    uint8_t flag;

    if (len < DBM_HEADER_LEN)
        return DBM_RESULT_TOO_SHORT;
    if (len > DBM_VALUE_MAX)
        return DBM_RESULT_TOO_BIG;
    flag = value[sizeof record->expiry_usec];
    if (flag != DBM_FLAG_ERROR && flag != DBM_FLAG_GOOD)
        return DBM_RESULT_BAD_FLAG;
    if (flag == DBM_FLAG_GOOD && len == DBM_HEADER_LEN)
        return DBM_RESULT_TOO_SHORT;
    memcpy(&record->expiry_usec, value, sizeof record->expiry_usec);
    record->flag = (enum dbm_flag)flag;
    record->der = value + DBM_HEADER_LEN;
    record->der_len = len - DBM_HEADER_LEN;
    return DBM_RESULT_OK;
}
