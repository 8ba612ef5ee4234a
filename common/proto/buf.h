/* SPDX-License-Identifier: ISC */
/*
 * Owns: reading and writing fixed-width big-endian fields in a bounded buffer.
 * Runs in: every process.
 * Never: allocates, logs, or reads past the end; after one failure every further call fails too.
 */
#ifndef STAPLEGUARD_BUF_H
#define STAPLEGUARD_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A cursor over borrowed bytes.  `ok` turns false at the first read past the end and stays so. */
struct buf_in {
    const uint8_t *at;
    size_t left;
    bool ok;
};

/* A cursor over the caller's buffer.  `ok` turns false at the first write that does not fit and stays so. */
struct buf_out {
    uint8_t *data;
    size_t cap;
    size_t len;
    bool ok;
};

void buf_in_init(struct buf_in *in, const void *data, size_t len);
uint8_t buf_get_u8(struct buf_in *in);
uint16_t buf_get_u16(struct buf_in *in);
uint32_t buf_get_u32(struct buf_in *in);
int64_t buf_get_i64(struct buf_in *in);
/* Returns a pointer into the buffer (borrowed), or NULL when fewer than len bytes are left. */
const uint8_t *buf_get_bytes(struct buf_in *in, size_t len);
/* True when nothing failed and nothing is left over. */
bool buf_in_is_done(const struct buf_in *in);

void buf_out_init(struct buf_out *out, void *data, size_t cap);
void buf_put_u8(struct buf_out *out, uint8_t value);
void buf_put_u16(struct buf_out *out, uint16_t value);
void buf_put_u32(struct buf_out *out, uint32_t value);
void buf_put_i64(struct buf_out *out, int64_t value);
void buf_put_bytes(struct buf_out *out, const void *data, size_t len);

#endif
