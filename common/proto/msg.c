/* SPDX-License-Identifier: ISC */
#include "proto/msg.h"

#include <string.h>

#include "proto/buf.h"
#include "text/text.h"

struct msg_row {
    const char *name;
    int from;
    int to;
    int states;
    unsigned fds;
    size_t len_min;
    size_t len_max;
};

/* Length bounds of a message: the sum of its fields'. */
#define LEN_U8(name) +1u
#define LEN_U16(name) +2u
#define LEN_U32(name) +4u
#define LEN_I64(name) +8u
#define LEN_BYTES(name, n) +(n)
#define LEN_MIN_TEXT(name, max) +2u
#define LEN_MAX_TEXT(name, max) +2u + (max)
#define LEN_MIN_BLOB(name, min, max) +2u + (min)
#define LEN_MAX_BLOB(name, min, max) +2u + (max)

static const struct msg_row msg_rows[MSG_TYPE_END] = {
#define MSG_ROW(constant, msg_name, from, to, states, fds) \
    [MSG_##constant] = {#constant, from, to, states, fds, \
        2u MSG_FIELDS_##constant(LEN_U8, LEN_U16, LEN_U32, LEN_I64, LEN_BYTES, LEN_MIN_TEXT, LEN_MIN_BLOB), \
        2u MSG_FIELDS_##constant(LEN_U8, LEN_U16, LEN_U32, LEN_I64, LEN_BYTES, LEN_MAX_TEXT, LEN_MAX_BLOB)},
    MSG_TABLE(MSG_ROW)
#undef MSG_ROW
};

#define MSG_FITS(constant, msg_name, from, to, states, fds) \
    _Static_assert( \
        2u MSG_FIELDS_##constant(LEN_U8, LEN_U16, LEN_U32, LEN_I64, LEN_BYTES, LEN_MAX_TEXT, LEN_MAX_BLOB) <= MSG_LEN_MAX, \
        "MSG_" #constant " is longer than MSG_LEN_MAX");
MSG_TABLE(MSG_FITS)
#undef MSG_FITS

static void put_text(struct buf_out *out, const char *text, size_t max)
{
    size_t len = strnlen(text, max + 1);

    if (len > max || !text_is_clean(text, len))
        out->ok = false;
    buf_put_u16(out, (uint16_t)len);
    buf_put_bytes(out, text, len);
}

static void put_blob(struct buf_out *out, const uint8_t *data, size_t len, size_t min, size_t max)
{
    if (len < min || len > max)
        out->ok = false;
    buf_put_u16(out, (uint16_t)len);
    buf_put_bytes(out, data, len);
}

static void get_octets(struct buf_in *in, uint8_t *out, size_t len)
{
    const uint8_t *data = buf_get_bytes(in, len);

    if (data != NULL)
        memcpy(out, data, len);
}

static void get_text(struct buf_in *in, char *out, size_t max)
{
    size_t len = buf_get_u16(in);
    const char *data = (const char *)buf_get_bytes(in, len);

    out[0] = '\0';
    if (data == NULL)
        return;
    if (len > max || !text_is_clean(data, len)) {
        in->ok = false;
        return;
    }
    memcpy(out, data, len);
    out[len] = '\0';
}

static void get_blob(struct buf_in *in, const uint8_t **data, size_t *data_len, size_t min, size_t max)
{
    size_t len = buf_get_u16(in);

    *data = buf_get_bytes(in, len);
    *data_len = *data == NULL ? 0 : len;
    if (len < min || len > max)
        in->ok = false;
}

/* One pair of functions a message, field by field in the order of the table. */
#define PUT_U8(name) buf_put_u8(out, m->name);
#define PUT_U16(name) buf_put_u16(out, m->name);
#define PUT_U32(name) buf_put_u32(out, m->name);
#define PUT_I64(name) buf_put_i64(out, m->name);
#define PUT_BYTES(name, n) buf_put_bytes(out, m->name, n);
#define PUT_TEXT(name, max) put_text(out, m->name, max);
#define PUT_BLOB(name, min, max) put_blob(out, m->name, m->name##_len, min, max);
#define GET_U8(name) m->name = buf_get_u8(in);
#define GET_U16(name) m->name = buf_get_u16(in);
#define GET_U32(name) m->name = buf_get_u32(in);
#define GET_I64(name) m->name = buf_get_i64(in);
#define GET_BYTES(name, n) get_octets(in, m->name, n);
#define GET_TEXT(name, max) get_text(in, m->name, max);
#define GET_BLOB(name, min, max) get_blob(in, &m->name, &m->name##_len, min, max);

#define MSG_CODECS(constant, msg_name, from, to, states, fds) \
    static void encode_##msg_name(struct buf_out *out, const struct msg_##msg_name *m) \
    { \
        MSG_FIELDS_##constant(PUT_U8, PUT_U16, PUT_U32, PUT_I64, PUT_BYTES, PUT_TEXT, PUT_BLOB) \
    } \
    static void decode_##msg_name(struct buf_in *in, struct msg_##msg_name *m) \
    { \
        MSG_FIELDS_##constant(GET_U8, GET_U16, GET_U32, GET_I64, GET_BYTES, GET_TEXT, GET_BLOB) \
    }
MSG_TABLE(MSG_CODECS)
#undef MSG_CODECS

static const struct msg_row *find_row(unsigned type)
{
    return type > MSG_TYPE_NONE && type < MSG_TYPE_END ? &msg_rows[type] : NULL;
}

const char *msg_type_name(enum msg_type type)
{
    const struct msg_row *row = find_row(type);

    return row == NULL ? NULL : row->name;
}

const char *cert_state_word(enum cert_state state)
{
    static const char *const words[CERT_STATE_COUNT] = {
#define CERT_STATE_WORD(constant, word) word,
        CERT_STATE_TABLE(CERT_STATE_WORD)
#undef CERT_STATE_WORD
    };

    return (size_t)state < CERT_STATE_COUNT ? words[state] : "unusable";
}

const char *msg_result_text(enum msg_result result)
{
    switch (result) {
    case MSG_OK:
        return "valid";
    case MSG_UNKNOWN_TYPE:
        return "unknown type";
    case MSG_WRONG_DIRECTION:
        return "wrong direction";
    case MSG_WRONG_STATE:
        return "not allowed in this state";
    case MSG_WRONG_DESCRIPTORS:
        return "wrong number of descriptors";
    case MSG_WRONG_LENGTH:
        return "wrong length";
    case MSG_BAD_FIELD:
        return "a field is out of its bounds";
    case MSG_TRAILING_BYTES:
        return "bytes after the end";
    }
    return "invalid";
}

enum msg_result msg_encode(const struct msg *msg, void *data, size_t cap, size_t *len)
{
    struct buf_out out;

    buf_out_init(&out, data, cap);
    buf_put_u16(&out, (uint16_t)msg->type);
    switch (msg->type) {
#define MSG_ENCODE(constant, msg_name, from, to, states, fds) \
    case MSG_##constant: \
        encode_##msg_name(&out, &msg->msg_name); \
        break;
        MSG_TABLE(MSG_ENCODE)
#undef MSG_ENCODE
    default:
        return MSG_UNKNOWN_TYPE;
    }
    if (!out.ok)
        return MSG_BAD_FIELD;
    *len = out.len;
    return MSG_OK;
}

enum msg_result msg_decode(
    const void *data, size_t len, enum party from, enum party to, enum msg_state state, unsigned fd_count, struct msg *msg)
{
    const struct msg_row *row;
    struct buf_in in;
    unsigned type;

    buf_in_init(&in, data, len);
    type = buf_get_u16(&in);
    row = find_row(type);
    if (!in.ok || row == NULL)
        return MSG_UNKNOWN_TYPE;
    if ((row->from & (int)from) == 0 || (row->to & (int)to) == 0)
        return MSG_WRONG_DIRECTION;
    if ((row->states & (int)state) == 0)
        return MSG_WRONG_STATE;
    if (fd_count != row->fds)
        return MSG_WRONG_DESCRIPTORS;
    if (len < row->len_min || len > row->len_max)
        return MSG_WRONG_LENGTH;
    msg->type = (enum msg_type)type;
    switch (msg->type) {
#define MSG_DECODE(constant, msg_name, from, to, states, fds) \
    case MSG_##constant: \
        decode_##msg_name(&in, &msg->msg_name); \
        break;
        MSG_TABLE(MSG_DECODE)
#undef MSG_DECODE
    default: /* find_row found it */
        break;
    }
    if (!in.ok)
        return MSG_BAD_FIELD;
    return buf_in_is_done(&in) ? MSG_OK : MSG_TRAILING_BYTES;
}
