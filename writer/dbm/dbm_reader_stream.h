/* SPDX-License-Identifier: ISC */
/*
 * Owns: how the reader process hands the records of Apache's file to the writer through a pipe.
 * Runs in: writer (decoding), its reader process (encoding).
 * Never: believes a length; the reader process may be in a stranger's hands.
 *
 * Each record is two 32-bit lengths, big-endian, and then key and value.  After the last one stands FOREIGN_STREAM_END in
 * the place of the key's length and the number of records that were passed over in that of the value's.
 */
#ifndef STAPLEGUARD_DBM_READER_STREAM_H
#define STAPLEGUARD_DBM_READER_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dbm/dbm_driver.h"
#include "dbm/dbm_record.h"

#define FOREIGN_STREAM_HEADER_LEN 8u
#define FOREIGN_STREAM_RECORD_MAX (FOREIGN_STREAM_HEADER_LEN + DBM_KEY_LEN + DBM_VALUE_MAX)
#define FOREIGN_STREAM_END UINT32_MAX

enum foreign_stream_result {
    FOREIGN_STREAM_MORE,    /* all well so far */
    FOREIGN_STREAM_DONE,    /* the end was there; nothing may follow */
    FOREIGN_STREAM_JUNK,    /* not what an honest reader sends */
    FOREIGN_STREAM_STOPPED, /* take said so */
};

struct foreign_stream {
    size_t have; /* octets of the record under way */
    size_t records;
    uint32_t skipped; /* set when DONE */
    enum foreign_stream_result result;
    uint8_t record[FOREIGN_STREAM_RECORD_MAX];
};

/* True when a record can go through the stream: a stapling record's key or the scan guard's, a value within its bounds. */
bool foreign_stream_carries(const struct dbm_pair *pair);

/*
 * Encode one record that foreign_stream_carries.  Returns the length, at most FOREIGN_STREAM_RECORD_MAX.  Partner:
 * foreign_stream_feed.
 */
size_t foreign_stream_encode(const struct dbm_pair *pair, uint8_t *out);
size_t foreign_stream_encode_end(uint32_t skipped, uint8_t *out);

void foreign_stream_init(struct foreign_stream *stream);

/* Decode len more octets and hand each whole record to take.  Partner: foreign_stream_encode. */
enum foreign_stream_result foreign_stream_feed(
    struct foreign_stream *stream, const uint8_t *data, size_t len, dbm_take_fn *take, void *context);

#endif
