/* SPDX-License-Identifier: ISC */
#include "dbm/dbm_reader_stream.h"

#include <string.h>

#include "proto/buf.h"

/* All records of ours and as many foreign ones as are kept; a stream that goes on is not honest. */
#define RECORDS_MAX (CERTS_MAX + FOREIGN_ENTRIES_MAX)

static bool lengths_are_allowed(size_t key_len, size_t value_len)
{
    return (key_len == 0 || key_len == DBM_KEY_LEN) && value_len <= DBM_VALUE_MAX;
}

bool foreign_stream_carries(const struct dbm_pair *pair)
{
    return lengths_are_allowed(pair->key_len, pair->value_len);
}

size_t foreign_stream_encode(const struct dbm_pair *pair, uint8_t *out)
{
    struct buf_out buf;

    buf_out_init(&buf, out, FOREIGN_STREAM_RECORD_MAX);
    buf_put_u32(&buf, (uint32_t)pair->key_len);
    buf_put_u32(&buf, (uint32_t)pair->value_len);
    buf_put_bytes(&buf, pair->key, pair->key_len);
    buf_put_bytes(&buf, pair->value, pair->value_len);
    return buf.len;
}

size_t foreign_stream_encode_end(uint32_t skipped, uint8_t *out)
{
    struct buf_out buf;

    buf_out_init(&buf, out, FOREIGN_STREAM_HEADER_LEN);
    buf_put_u32(&buf, FOREIGN_STREAM_END);
    buf_put_u32(&buf, skipped);
    return buf.len;
}

void foreign_stream_init(struct foreign_stream *stream)
{
    stream->have = 0;
    stream->records = 0;
    stream->skipped = 0;
    stream->result = FOREIGN_STREAM_MORE;
}

/* Take what is missing to `need` octets of the record under way.  Returns whether they are all there. */
static bool fill(struct foreign_stream *stream, size_t need, const uint8_t **data, size_t *len)
{
    size_t missing = need - stream->have;
    size_t taken = *len < missing ? *len : missing;

    memcpy(stream->record + stream->have, *data, taken);
    stream->have += taken;
    *data += taken;
    *len -= taken;
    return stream->have == need;
}

static enum foreign_stream_result take_record(
    struct foreign_stream *stream, struct dbm_pair *pair, dbm_take_fn *take, void *context)
{
    pair->key = stream->record + FOREIGN_STREAM_HEADER_LEN;
    pair->value = pair->key + pair->key_len;
    stream->have = 0;
    if (++stream->records > RECORDS_MAX)
        return FOREIGN_STREAM_JUNK;
    return take(context, pair) ? FOREIGN_STREAM_MORE : FOREIGN_STREAM_STOPPED;
}

enum foreign_stream_result foreign_stream_feed(
    struct foreign_stream *stream, const uint8_t *data, size_t len, dbm_take_fn *take, void *context)
{
    while (len > 0 && stream->result == FOREIGN_STREAM_MORE) {
        struct buf_in header;
        struct dbm_pair pair = {0};

        if (stream->have < FOREIGN_STREAM_HEADER_LEN && !fill(stream, FOREIGN_STREAM_HEADER_LEN, &data, &len))
            break;
        buf_in_init(&header, stream->record, FOREIGN_STREAM_HEADER_LEN);
        pair.key_len = buf_get_u32(&header);
        pair.value_len = buf_get_u32(&header);
        if (pair.key_len == FOREIGN_STREAM_END) {
            stream->skipped = (uint32_t)pair.value_len;
            stream->result = FOREIGN_STREAM_DONE;
        } else if (!lengths_are_allowed(pair.key_len, pair.value_len)) {
            stream->result = FOREIGN_STREAM_JUNK;
        } else if (fill(stream, FOREIGN_STREAM_HEADER_LEN + pair.key_len + pair.value_len, &data, &len)) {
            stream->result = take_record(stream, &pair, take, context);
        }
    }
    if (len > 0 && stream->result == FOREIGN_STREAM_DONE)
        stream->result = FOREIGN_STREAM_JUNK;
    return stream->result;
}
