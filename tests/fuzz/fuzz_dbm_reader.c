/* SPDX-License-Identifier: ISC */
/*
 * Owns: fuzzing of what the writer reads from the pipe of its reader process.  Berkeley DB's own walk of a hostile file
 *       is not fuzzed: that it may crash is why it happens in a process of its own (test_dbm_reader.c).
 * Runs in: the fuzzer.
 * Never: keeps anything between two inputs.
 */
#include <stdlib.h>

#include "dbm/dbm_reader_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct taken {
    size_t count;
    uint32_t sum; /* of every octet that was handed out: reads them all */
};

static bool take(void *context, const struct dbm_pair *pair)
{
    struct taken *taken = context;

    if (!foreign_stream_carries(pair))
        abort();
    for (size_t i = 0; i < pair->key_len; i++)
        taken->sum = taken->sum * 31 + pair->key[i];
    for (size_t i = 0; i < pair->value_len; i++)
        taken->sum = taken->sum * 31 + pair->value[i];
    taken->count++;
    return true;
}

/* In one piece, or cut as the first octet says: what comes out must not depend on it. */
static enum foreign_stream_result feed(const uint8_t *data, size_t len, size_t piece, struct taken *taken)
{
    static struct foreign_stream stream;
    enum foreign_stream_result result = FOREIGN_STREAM_MORE;

    foreign_stream_init(&stream);
    for (size_t at = 0; at < len; at += piece)
        result = foreign_stream_feed(&stream, data + at, len - at < piece ? len - at : piece, take, taken);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct taken whole = {0};
    struct taken pieces = {0};
    size_t piece;

    if (len == 0)
        return 0;
    piece = (size_t)data[0] + 1;
    if (feed(data + 1, len - 1, len, &whole) != feed(data + 1, len - 1, piece, &pieces) || whole.count != pieces.count
        || whole.sum != pieces.sum)
        abort();
    return 0;
}
