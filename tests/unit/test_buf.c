/* SPDX-License-Identifier: ISC */
/* Fixed-width fields: what goes in comes out, and nothing is read or written past an end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/buf.h"

static void fields_are_big_endian_and_come_back(void **state)
{
    static const uint8_t expected[]
        = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 'x'};
    uint8_t data[16];
    struct buf_out out;
    struct buf_in in;

    (void)state;
    buf_out_init(&out, data, sizeof data);
    buf_put_u8(&out, 0x01);
    buf_put_u16(&out, 0x0203);
    buf_put_u32(&out, 0x04050607);
    buf_put_i64(&out, -2);
    buf_put_bytes(&out, "x", 1);
    assert_true(out.ok);
    assert_int_equal(out.len, sizeof expected);
    assert_memory_equal(data, expected, sizeof expected);

    buf_in_init(&in, data, out.len);
    assert_int_equal(buf_get_u8(&in), 0x01);
    assert_int_equal(buf_get_u16(&in), 0x0203);
    assert_int_equal(buf_get_u32(&in), 0x04050607);
    assert_true(buf_get_i64(&in) == -2);
    assert_false(buf_in_is_done(&in));
    assert_memory_equal(buf_get_bytes(&in, 1), "x", 1);
    assert_true(buf_in_is_done(&in));
}

static void a_read_past_the_end_fails_for_good(void **state)
{
    static const uint8_t data[] = {1, 2, 3};
    struct buf_in in;

    (void)state;
    buf_in_init(&in, data, sizeof data);
    assert_int_equal(buf_get_u32(&in), 0);
    assert_false(in.ok);
    assert_int_equal(buf_get_u8(&in), 0); /* would fit, but a decoder must not go on */
    assert_null(buf_get_bytes(&in, 0));
    assert_false(buf_in_is_done(&in));
}

static void a_write_past_the_end_fails_for_good_and_stays_inside(void **state)
{
    uint8_t data[4] = {9, 9, 9, 9};
    struct buf_out out;

    (void)state;
    buf_out_init(&out, data, 3);
    buf_put_u16(&out, 0x0102);
    buf_put_u16(&out, 0x0304);
    assert_false(out.ok);
    buf_put_u8(&out, 5);
    assert_int_equal(out.len, 2);
    assert_int_equal(data[2], 9);
    assert_int_equal(data[3], 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_big_endian_and_come_back),
        cmocka_unit_test(a_read_past_the_end_fails_for_good),
        cmocka_unit_test(a_write_past_the_end_fails_for_good_and_stays_inside),
    };

    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
