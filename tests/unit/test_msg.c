/* SPDX-License-Identifier: ISC */
/* Every message of the table: round trip, every truncation, every one-bit flip, every wrong direction and state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/msg.h"
#include "words/reason.h"

static const uint8_t some_octets[STAPLE_DER_MAX] = {0x30, 0x82, 0x01, 0x02};

/* A sample of each message, every field set to something that is not zero. */
#define FILL_U8(name) m->name = 0x5a;
#define FILL_U16(name) m->name = 0x1234;
#define FILL_U32(name) m->name = 0x89abcdef;
#define FILL_I64(name) m->name = -1234567890123;
#define FILL_BYTES(name, n) memset(m->name, 0xa5, n);
#define FILL_TEXT(name, max) snprintf(m->name, sizeof m->name, "%s b\xc3\xbcro", #name);
#define FILL_BLOB(name, min, max) \
    m->name = some_octets; \
    m->name##_len = (min) + ((max) - (min)) / 2 < 40 ? (min) + ((max) - (min)) / 2 : 40;

#define FILL(constant, msg_name, from, to, states, fds) \
    static void fill_##msg_name(struct msg *msg) \
    { \
        struct msg_##msg_name *m = &msg->msg_name; \
        msg->type = MSG_##constant; \
        MSG_FIELDS_##constant(FILL_U8, FILL_U16, FILL_U32, FILL_I64, FILL_BYTES, FILL_TEXT, FILL_BLOB) \
    }
MSG_TABLE(FILL)

struct sample {
    void (*fill)(struct msg *msg);
    enum msg_type type;
    int from;
    int to;
    int states;
    unsigned fds;
};

static const struct sample samples[] = {
#define SAMPLE(constant, msg_name, from, to, states, fds) {fill_##msg_name, MSG_##constant, from, to, states, fds},
    MSG_TABLE(SAMPLE)};
#define SAMPLE_COUNT (sizeof samples / sizeof samples[0])

static const enum party parties[] = {PARTY_SUPERVISOR, PARTY_FETCHER, PARTY_WRITER};
static const enum msg_state states[] = {MSG_STATE_SETUP, MSG_STATE_RUN};

static size_t encode_sample(const struct sample *sample, uint8_t *data)
{
    struct msg msg;
    size_t len = 0;

    memset(&msg, 0, sizeof msg);
    sample->fill(&msg);
    assert_int_equal(msg_encode(&msg, data, MSG_LEN_MAX, &len), MSG_OK);
    return len;
}

static enum msg_result decode_as_meant(const struct sample *sample, const uint8_t *data, size_t len, struct msg *msg)
{
    enum party from = sample->from & PARTY_SUPERVISOR ? PARTY_SUPERVISOR
        : sample->from & PARTY_WRITER                 ? PARTY_WRITER
                                                      : PARTY_FETCHER;
    enum party to = sample->to & PARTY_SUPERVISOR ? PARTY_SUPERVISOR : sample->to & PARTY_FETCHER ? PARTY_FETCHER : PARTY_WRITER;
    enum msg_state state = sample->states & MSG_STATE_RUN ? MSG_STATE_RUN : MSG_STATE_SETUP;

    memset(msg, 0, sizeof *msg);
    return msg_decode(data, len, from, to, state, sample->fds, msg);
}

static void every_message_comes_back_as_it_went(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        uint8_t data[MSG_LEN_MAX];
        uint8_t again[MSG_LEN_MAX];
        size_t len = encode_sample(&samples[i], data);
        size_t again_len = 0;
        struct msg msg;

        assert_int_equal(decode_as_meant(&samples[i], data, len, &msg), MSG_OK);
        assert_int_equal(msg.type, samples[i].type);
        assert_int_equal(msg_encode(&msg, again, sizeof again, &again_len), MSG_OK);
        assert_int_equal(again_len, len);
        assert_memory_equal(again, data, len);
    }
}

static void fields_arrive_in_their_places(void **state)
{
    struct msg msg
        = {.type = MSG_ANSWER, .answer = {.cert_no = 7, .kind = ANSWER_REFUSED, .reason = REASON_ROLLBACK, .next_update = 99}};
    uint8_t data[MSG_LEN_MAX];
    size_t len;
    struct msg out;

    (void)state;
    assert_int_equal(msg_encode(&msg, data, sizeof data, &len), MSG_OK);
    assert_int_equal(msg_decode(data, len, PARTY_WRITER, PARTY_FETCHER, MSG_STATE_RUN, 0, &out), MSG_OK);
    assert_int_equal(out.answer.cert_no, 7);
    assert_int_equal(out.answer.kind, ANSWER_REFUSED);
    assert_int_equal(out.answer.reason, REASON_ROLLBACK);
    assert_true(out.answer.next_update == 99);
}

static void no_truncation_is_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        uint8_t data[MSG_LEN_MAX];
        size_t len = encode_sample(&samples[i], data);
        struct msg msg;

        for (size_t cut = 0; cut < len; cut++)
            assert_int_not_equal(decode_as_meant(&samples[i], data, cut, &msg), MSG_OK);
    }
}

static void no_byte_may_follow(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        uint8_t data[MSG_LEN_MAX + 1] = {0};
        size_t len = encode_sample(&samples[i], data);
        struct msg msg;

        assert_int_not_equal(decode_as_meant(&samples[i], data, len + 1, &msg), MSG_OK);
    }
}

/* A flipped bit either changes a value, which then encodes to the flipped bytes, or is refused. */
static void a_flipped_bit_is_refused_or_is_a_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        uint8_t data[MSG_LEN_MAX];
        uint8_t again[MSG_LEN_MAX];
        size_t len = encode_sample(&samples[i], data);
        size_t again_len = 0;
        struct msg msg;

        for (size_t bit = 0; bit < len * 8; bit++) {
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (decode_as_meant(&samples[i], data, len, &msg) == MSG_OK) {
                assert_int_equal(msg_encode(&msg, again, sizeof again, &again_len), MSG_OK);
                assert_int_equal(again_len, len);
                assert_memory_equal(again, data, len);
            }
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static void only_the_table_s_direction_and_state_pass(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        uint8_t data[MSG_LEN_MAX];
        size_t len = encode_sample(&samples[i], data);
        struct msg msg;

        for (size_t from = 0; from < 3; from++)
            for (size_t to = 0; to < 3; to++)
                for (size_t s = 0; s < 2; s++) {
                    bool is_direction = (samples[i].from & (int)parties[from]) != 0 && (samples[i].to & (int)parties[to]) != 0;
                    bool is_state = (samples[i].states & (int)states[s]) != 0;
                    enum msg_result expected = !is_direction ? MSG_WRONG_DIRECTION : !is_state ? MSG_WRONG_STATE : MSG_OK;

                    assert_int_equal(
                        msg_decode(data, len, parties[from], parties[to], states[s], samples[i].fds, &msg), expected);
                }
    }
}

static void the_fetcher_cannot_speak_as_the_supervisor_or_the_writer(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++)
        if (samples[i].type == MSG_CERT_ADD || samples[i].type == MSG_BEGIN || samples[i].type == MSG_CERT_STATE
            || samples[i].type == MSG_CERT_INFO || samples[i].type == MSG_WRITE_DONE || samples[i].type == MSG_ANSWER)
            assert_int_equal(samples[i].from & PARTY_FETCHER, 0);
}

static void descriptors_are_counted(void **state)
{
    uint8_t data[MSG_LEN_MAX];
    struct msg msg;

    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct sample other = samples[i];
        size_t len = encode_sample(&samples[i], data);

        other.fds = samples[i].fds == 0 ? 1 : 0;
        assert_int_equal(decode_as_meant(&other, data, len, &msg), MSG_WRONG_DESCRIPTORS);
        other.fds = 2;
        assert_int_equal(decode_as_meant(&other, data, len, &msg), MSG_WRONG_DESCRIPTORS);
    }
}

static void unknown_types_are_refused(void **state)
{
    struct msg msg;

    (void)state;
    for (unsigned type = 0; type < 65536; type++) {
        uint8_t data[2] = {(uint8_t)(type >> 8), (uint8_t)type};
        bool is_known = type >= 1 && type <= SAMPLE_COUNT; /* numbered from 1, without a hole */

        assert_int_equal(msg_type_name((enum msg_type)type) != NULL, is_known);
        if (!is_known)
            assert_int_equal(msg_decode(data, 2, PARTY_WRITER, PARTY_SUPERVISOR, MSG_STATE_RUN, 0, &msg), MSG_UNKNOWN_TYPE);
    }
}

static void text_with_an_escape_is_refused_both_ways(void **state)
{
    struct msg msg = {.type = MSG_LOG, .log = {.text = "harmless"}};
    uint8_t data[MSG_LEN_MAX];
    size_t len;

    (void)state;
    assert_int_equal(msg_encode(&msg, data, sizeof data, &len), MSG_OK);
    data[len - 1] = 0x1b;
    assert_int_equal(msg_decode(data, len, PARTY_FETCHER, PARTY_SUPERVISOR, MSG_STATE_RUN, 0, &msg), MSG_BAD_FIELD);
    snprintf(msg.log.text, sizeof msg.log.text, "\x1b]0;evil\x07");
    assert_int_equal(msg_encode(&msg, data, sizeof data, &len), MSG_BAD_FIELD);
}

static void an_offer_is_bounded_on_both_sides(void **state)
{
    struct msg msg = {.type = MSG_OFFER, .offer = {.cert_no = 1, .der = some_octets, .der_len = STAPLE_DER_MAX}};
    uint8_t data[MSG_LEN_MAX];
    size_t len;
    struct msg out;

    (void)state;
    assert_int_equal(msg_encode(&msg, data, sizeof data, &len), MSG_OK);
    assert_int_equal(msg_decode(data, len, PARTY_FETCHER, PARTY_WRITER, MSG_STATE_RUN, 0, &out), MSG_OK);
    assert_int_equal(out.offer.der_len, STAPLE_DER_MAX);
    msg.offer.der_len = STAPLE_DER_MAX + 1;
    assert_int_equal(msg_encode(&msg, data, sizeof data, &len), MSG_BAD_FIELD);
    msg.offer.der_len = 0;
    assert_int_equal(msg_encode(&msg, data, sizeof data, &len), MSG_BAD_FIELD);
}

static void a_buffer_that_is_too_small_is_said_so(void **state)
{
    struct msg msg = {.type = MSG_CERT_DROP};
    uint8_t data[8];
    size_t len = 0;

    (void)state;
    assert_int_equal(msg_encode(&msg, data, 5, &len), MSG_BAD_FIELD);
    assert_int_equal(msg_encode(&msg, data, 6, &len), MSG_OK);
    assert_int_equal(len, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_comes_back_as_it_went),
        cmocka_unit_test(fields_arrive_in_their_places),
        cmocka_unit_test(no_truncation_is_accepted),
        cmocka_unit_test(no_byte_may_follow),
        cmocka_unit_test(a_flipped_bit_is_refused_or_is_a_value),
        cmocka_unit_test(only_the_table_s_direction_and_state_pass),
        cmocka_unit_test(the_fetcher_cannot_speak_as_the_supervisor_or_the_writer),
        cmocka_unit_test(descriptors_are_counted),
        cmocka_unit_test(unknown_types_are_refused),
        cmocka_unit_test(text_with_an_escape_is_refused_both_ways),
        cmocka_unit_test(an_offer_is_bounded_on_both_sides),
        cmocka_unit_test(a_buffer_that_is_too_small_is_said_so),
    };

    return cmocka_run_group_tests_name("msg", tests, NULL, NULL);
}
