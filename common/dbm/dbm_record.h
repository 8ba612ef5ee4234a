/* SPDX-License-Identifier: ISC */
/*
 * Owns: one stapling record as httpd keeps it in a DBM file: key, value, and their bounds.
 * Runs in: writer, its reader of Apache's file, tests.
 * Never: touches a file; reads a length that it has not checked.
 */
#ifndef STAPLEGUARD_DBM_RECORD_H
#define STAPLEGUARD_DBM_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "bounds.h"

/* SHA-1 of the certificate's DER.  Source: httpd ssl_util_stapling.c, ssl_stapling_init_cert. */
#define DBM_KEY_LEN 20u
/* apr_time_t expiry and one flag byte before the DER.  Source: mod_socache_dbm.c (expiry), ssl_util_stapling.c (flag). */
#define DBM_HEADER_LEN 9u
#define DBM_VALUE_MAX (DBM_HEADER_LEN + STAPLE_DER_MAX)

enum dbm_flag {
    DBM_FLAG_ERROR = 0, /* an error response that Apache remembers */
    DBM_FLAG_GOOD = 1,  /* valid when stored */
};

enum dbm_result {
    DBM_RESULT_OK,
    DBM_RESULT_TOO_SHORT,
    DBM_RESULT_TOO_BIG,
    DBM_RESULT_BAD_FLAG,
};

struct dbm_record {
    int64_t expiry_usec; /* microseconds since 1970 */
    enum dbm_flag flag;
    const uint8_t *der; /* borrowed */
    size_t der_len;
};

/*
 * Encode one stapling record as httpd stores it. record: der of 1..STAPLE_DER_MAX bytes, or none with flag 0 (the scan
 * guard's value).  out: DBM_VALUE_MAX bytes, written only on success. *len: set on success.  Returns DBM_RESULT_OK,
 * DBM_RESULT_TOO_BIG, or DBM_RESULT_TOO_SHORT for a good record without DER. Expiry is always 8 bytes in host byte order,
 * also where long is 4 (PARITY P13).  Partner: dbm_record_decode.
 */
enum dbm_result dbm_record_encode(const struct dbm_record *record, uint8_t *out, size_t *len);

/* Decode a value.  record->der points into value.  Partner: dbm_record_encode. */
enum dbm_result dbm_record_decode(const uint8_t *value, size_t len, struct dbm_record *record);

#endif
