/* SPDX-License-Identifier: ISC */
#include "proto/buf.h"

#include <string.h>

void buf_in_init(struct buf_in *in, const void *data, size_t len)
{
    in->at = data;
    in->left = len;
    in->ok = true;
}

const uint8_t *buf_get_bytes(struct buf_in *in, size_t len)
{
    const uint8_t *start = in->at;

    if (!in->ok || in->left < len) {
        in->ok = false;
        return NULL;
    }
    in->at += len;
    in->left -= len;
    return start;
}

/* Up to eight octets, most significant first; 0 after a failure. */
static uint64_t get_big_endian(struct buf_in *in, size_t width)
{
    const uint8_t *p = buf_get_bytes(in, width);
    uint64_t value = 0;

    if (p == NULL)
        return 0;
    for (size_t i = 0; i < width; i++)
        value = value << 8 | p[i];
    return value;
}

uint8_t buf_get_u8(struct buf_in *in)
{
    return (uint8_t)get_big_endian(in, 1);
}

uint16_t buf_get_u16(struct buf_in *in)
{
    return (uint16_t)get_big_endian(in, 2);
}

uint32_t buf_get_u32(struct buf_in *in)
{
    return (uint32_t)get_big_endian(in, 4);
}

int64_t buf_get_i64(struct buf_in *in)
{
    return (int64_t)get_big_endian(in, 8);
}

bool buf_in_is_done(const struct buf_in *in)
{
    return in->ok && in->left == 0;
}

void buf_out_init(struct buf_out *out, void *data, size_t cap)
{
    out->data = data;
    out->cap = cap;
    out->len = 0;
    out->ok = true;
}

void buf_put_bytes(struct buf_out *out, const void *data, size_t len)
{
    if (!out->ok || out->cap - out->len < len) {
        out->ok = false;
        return;
    }
    if (len > 0)
        memcpy(out->data + out->len, data, len);
    out->len += len;
}

static void put_big_endian(struct buf_out *out, uint64_t value, size_t width)
{
    uint8_t octets[8];

    for (size_t i = width; i > 0; i--) {
        octets[i - 1] = (uint8_t)value;
        value >>= 8;
    }
    buf_put_bytes(out, octets, width);
}

void buf_put_u8(struct buf_out *out, uint8_t value)
{
    put_big_endian(out, value, 1);
}

void buf_put_u16(struct buf_out *out, uint16_t value)
{
    put_big_endian(out, value, 2);
}

void buf_put_u32(struct buf_out *out, uint32_t value)
{
    put_big_endian(out, value, 4);
}

void buf_put_i64(struct buf_out *out, int64_t value)
{
    put_big_endian(out, (uint64_t)value, 8);
}
