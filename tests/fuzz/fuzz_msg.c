/* SPDX-License-Identifier: ISC */
/* Any bytes, from anybody to anybody: decoded whole or refused; what is decoded encodes to the same bytes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* First octet: who sends, who receives, in which state, with how many descriptors. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum party parties[] = {PARTY_SUPERVISOR, PARTY_FETCHER, PARTY_WRITER, PARTY_WRITER};
    uint8_t again[MSG_LEN_MAX];
    size_t again_len = 0;
    struct msg msg;

    if (size < 1)
        return 0;
    if (msg_decode(data + 1, size - 1, parties[data[0] & 3], parties[data[0] >> 2 & 3],
            data[0] & 16 ? MSG_STATE_RUN : MSG_STATE_SETUP, data[0] >> 5 & 1, &msg)
        != MSG_OK)
        return 0;
    if (msg_encode(&msg, again, sizeof again, &again_len) != MSG_OK || again_len != size - 1
        || memcmp(again, data + 1, again_len) != 0)
        abort();
    return 0;
}
