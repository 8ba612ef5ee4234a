/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of writer/foreign_stream.c.
 * Runs in: the build.
 * Never: starts a process.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dbm/dbm_reader_stream.h"

#define STREAM_MAX 65536u

struct taken {
    size_t count;
    size_t key_len[64];
    size_t value_len[64];
    uint8_t value_sum[64];
    size_t stop_at; /* says no to this one */
};

static const uint8_t key[DBM_KEY_LEN] = {1, 2, 3};
static uint8_t value[DBM_VALUE_MAX];

static bool take(void *context, const struct dbm_pair *pair)
{
    struct taken *taken = context;

    if (taken->count == taken->stop_at)
        return false;
    if (taken->count < 64) {
        taken->key_len[taken->count] = pair->key_len;
        taken->value_len[taken->count] = pair->value_len;
        for (size_t i = 0; i < pair->value_len; i++)
            taken->value_sum[taken->count] ^= pair->value[i];
    }
    taken->count++;
    return true;
}

static size_t add_record(uint8_t *out, size_t at, size_t key_len, size_t value_len)
{
    const struct dbm_pair pair = {.key = key, .key_len = key_len, .value = value, .value_len = value_len};

    assert_true(foreign_stream_carries(&pair));
    return at + foreign_stream_encode(&pair, out + at);
}

/* The guard, three records of which one is the longest, the end. */
static size_t make_stream(uint8_t *out)
{
    size_t len = 0;

    for (size_t i = 0; i < sizeof value; i++)
        value[i] = (uint8_t)(i * 7);
    len = add_record(out, len, 0, DBM_HEADER_LEN);
    len = add_record(out, len, DBM_KEY_LEN, 100);
    len = add_record(out, len, DBM_KEY_LEN, DBM_VALUE_MAX);
    len = add_record(out, len, DBM_KEY_LEN, 0);
    return len + foreign_stream_encode_end(5, out + len);
}

static void assert_whole(const struct foreign_stream *stream, const struct taken *taken)
{
    uint8_t sum = 0;

    assert_int_equal(stream->result, FOREIGN_STREAM_DONE);
    assert_int_equal(stream->skipped, 5);
    assert_int_equal(taken->count, 4);
    assert_int_equal(taken->key_len[0], 0);
    assert_int_equal(taken->key_len[3], DBM_KEY_LEN);
    assert_int_equal(taken->value_len[2], DBM_VALUE_MAX);
    assert_int_equal(taken->value_len[3], 0);
    for (size_t i = 0; i < DBM_VALUE_MAX; i++)
        sum ^= value[i];
    assert_int_equal(taken->value_sum[2], sum);
}

static void comes_through_in_pieces_of_any_size(void **state)
{
    static uint8_t data[STREAM_MAX];
    static struct foreign_stream stream;
    size_t len = make_stream(data);

    (void)state;
    for (size_t piece = 1; piece <= len; piece = piece * 3 + 1) {
        struct taken taken = {.stop_at = SIZE_MAX};

        foreign_stream_init(&stream);
        for (size_t at = 0; at < len; at += piece)
            foreign_stream_feed(&stream, data + at, len - at < piece ? len - at : piece, take, &taken);
        assert_whole(&stream, &taken);
    }
}

static void is_not_done_before_its_end(void **state)
{
    static uint8_t data[STREAM_MAX];
    static struct foreign_stream stream;
    size_t len = make_stream(data);

    (void)state;
    for (size_t cut = 0; cut < len; cut++) {
        struct taken taken = {.stop_at = SIZE_MAX};

        foreign_stream_init(&stream);
        assert_int_equal(foreign_stream_feed(&stream, data, cut, take, &taken), FOREIGN_STREAM_MORE);
        assert_true(taken.count < 5);
    }
}

static void anything_after_the_end_is_junk(void **state)
{
    static uint8_t data[STREAM_MAX];
    static struct foreign_stream stream;
    struct taken taken = {.stop_at = SIZE_MAX};
    size_t len = make_stream(data);

    (void)state;
    foreign_stream_init(&stream);
    assert_int_equal(foreign_stream_feed(&stream, data, len + 1, take, &taken), FOREIGN_STREAM_JUNK);
    foreign_stream_init(&stream);
    assert_int_equal(foreign_stream_feed(&stream, data, len, take, &taken), FOREIGN_STREAM_DONE);
    assert_int_equal(foreign_stream_feed(&stream, data, 1, take, &taken), FOREIGN_STREAM_JUNK);
}

static void lengths_that_no_honest_reader_sends_are_junk(void **state)
{
    static const uint32_t keys[] = {1, 19, 21, 0x7fffffff, UINT32_MAX - 1};
    static const uint32_t values[] = {DBM_VALUE_MAX + 1, 0x7fffffff, UINT32_MAX};
    static struct foreign_stream stream;
    struct taken taken = {.stop_at = SIZE_MAX};
    uint8_t header[FOREIGN_STREAM_HEADER_LEN] = {0};

    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        for (size_t k = 0; k < 4; k++)
            header[k] = (uint8_t)(keys[i] >> (24 - 8 * k));
        foreign_stream_init(&stream);
        assert_int_equal(foreign_stream_feed(&stream, header, sizeof header, take, &taken), FOREIGN_STREAM_JUNK);
    }
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        memset(header, 0, sizeof header);
        header[3] = DBM_KEY_LEN;
        for (size_t k = 0; k < 4; k++)
            header[4 + k] = (uint8_t)(values[i] >> (24 - 8 * k));
        foreign_stream_init(&stream);
        assert_int_equal(foreign_stream_feed(&stream, header, sizeof header, take, &taken), FOREIGN_STREAM_JUNK);
    }
    assert_int_equal(taken.count, 0);
}

static void stops_when_it_is_told_to(void **state)
{
    static uint8_t data[STREAM_MAX];
    static struct foreign_stream stream;
    struct taken taken = {.stop_at = 2};
    size_t len = make_stream(data);

    (void)state;
    foreign_stream_init(&stream);
    assert_int_equal(foreign_stream_feed(&stream, data, len, take, &taken), FOREIGN_STREAM_STOPPED);
    assert_int_equal(foreign_stream_feed(&stream, data, len, take, &taken), FOREIGN_STREAM_STOPPED);
    assert_int_equal(taken.count, 2);
}

static void a_stream_without_end_is_junk(void **state)
{
    static uint8_t data[STREAM_MAX];
    static struct foreign_stream stream;
    struct taken taken = {.stop_at = SIZE_MAX};
    enum foreign_stream_result result = FOREIGN_STREAM_MORE;
    size_t len = 0;
    size_t in_chunk = 0;

    (void)state;
    for (; len + FOREIGN_STREAM_HEADER_LEN + DBM_KEY_LEN <= sizeof data; in_chunk++)
        len = add_record(data, len, DBM_KEY_LEN, 0);
    foreign_stream_init(&stream);
    for (size_t sent = 0; sent < (size_t)FOREIGN_ENTRIES_MAX + CERTS_MAX + in_chunk && result == FOREIGN_STREAM_MORE;
         sent += in_chunk)
        result = foreign_stream_feed(&stream, data, len, take, &taken);
    assert_int_equal(result, FOREIGN_STREAM_JUNK);
    assert_int_equal(taken.count, (size_t)FOREIGN_ENTRIES_MAX + CERTS_MAX);
}

static void carries_stapling_records_and_the_guard_alone(void **state)
{
    struct dbm_pair pair = {.key = key, .key_len = DBM_KEY_LEN, .value = value, .value_len = DBM_VALUE_MAX};

    (void)state;
    assert_true(foreign_stream_carries(&pair));
    pair.value_len++;
    assert_false(foreign_stream_carries(&pair));
    pair.value_len = 0;
    for (size_t len = 0; len < 40; len++) {
        pair.key_len = len;
        assert_int_equal(foreign_stream_carries(&pair), len == 0 || len == DBM_KEY_LEN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_through_in_pieces_of_any_size),
        cmocka_unit_test(is_not_done_before_its_end),
        cmocka_unit_test(anything_after_the_end_is_junk),
        cmocka_unit_test(lengths_that_no_honest_reader_sends_are_junk),
        cmocka_unit_test(stops_when_it_is_told_to),
        cmocka_unit_test(a_stream_without_end_is_junk),
        cmocka_unit_test(carries_stapling_records_and_the_guard_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
