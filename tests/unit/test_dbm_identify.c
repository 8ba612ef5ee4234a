/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of writer/dbm_identify.c.
 * Runs in: the build.
 * Never: opens a file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dbm/dbm_identify.h"

static void put_magic(uint8_t bytes[DBM_IDENTIFY_LEN], size_t at, uint32_t magic, int is_big_endian)
{
    memset(bytes, 0, DBM_IDENTIFY_LEN);
    for (size_t i = 0; i < 4; i++)
        bytes[at + i] = (uint8_t)(magic >> (is_big_endian ? 24 - 8 * i : 8 * i));
}

static void knows_each_kind_in_either_byte_order(void **state)
{
    static const struct {
        size_t at;
        uint32_t magic;
        enum dbm_kind kind;
    } rows[] = {
        {12, 0x061561, DBM_KIND_BDB_HASH},
        {12, 0x053162, DBM_KIND_BDB_BTREE},
        {12, 0x042253, DBM_KIND_BDB_OTHER},
        {12, 0x074582, DBM_KIND_BDB_OTHER},
        {0, 0x13579ace, DBM_KIND_GDBM},
        {0, 0x13579acd, DBM_KIND_GDBM},
        {0, 0x13579acf, DBM_KIND_GDBM},
        {0, 0x13579ad0, DBM_KIND_GDBM},
        {0, 0x13579ad1, DBM_KIND_GDBM},
        {16, 0xbeefc0de, DBM_KIND_LMDB},
        {12, 0xbeefc0de, DBM_KIND_LMDB},
    };
    uint8_t bytes[DBM_IDENTIFY_LEN];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int is_big_endian = 0; is_big_endian < 2; is_big_endian++) {
            put_magic(bytes, rows[i].at, rows[i].magic, is_big_endian);
            assert_int_equal(dbm_identify(bytes, sizeof bytes), rows[i].kind);
            /* Cut off within the magic it is not that kind. */
            assert_int_not_equal(dbm_identify(bytes, rows[i].at + 3), rows[i].kind);
        }
    }
}

/* The first 32 octets of files as the libraries themselves made them. */
static void knows_real_files(void **state)
{
    static const uint8_t bdb_hash[] = {0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x61, 0x15, 0x06,
        0x00, 0x09, 0x00, 0x00, 0x00, 0x00, 0x20, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};
    static const uint8_t bdb_btree[] = {0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x62, 0x31, 0x05,
        0x00, 0x09, 0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x09, 0x01, 0x00, 0x00, 0x00, 0x00, 0x01};

    (void)state;
    assert_int_equal(dbm_identify(bdb_hash, sizeof bdb_hash), DBM_KIND_BDB_HASH);
    assert_int_equal(dbm_identify(bdb_btree, sizeof bdb_btree), DBM_KIND_BDB_BTREE);
}

static void nothing_and_zeros_are_empty(void **state)
{
    static const uint8_t zeros[DBM_IDENTIFY_LEN];

    (void)state;
    for (size_t len = 0; len <= sizeof zeros; len++)
        assert_int_equal(dbm_identify(zeros, len), DBM_KIND_EMPTY);
}

static void tells_text_from_other_bytes(void **state)
{
    static const char text[] = "# somebody's configuration\n\tPATH = /\r\n";
    static const uint8_t other[] = {0x7f, 'E', 'L', 'F', 2, 1, 1, 0};

    (void)state;
    assert_int_equal(dbm_identify((const uint8_t *)text, strlen(text)), DBM_KIND_TEXT);
    assert_int_equal(dbm_identify(other, sizeof other), DBM_KIND_OTHER);
}

static void no_octet_of_any_length_is_misread(void **state)
{
    uint8_t bytes[DBM_IDENTIFY_LEN];

    (void)state;
    for (unsigned value = 1; value < 256; value++) {
        memset(bytes, (int)value, sizeof bytes);
        for (size_t len = 1; len <= sizeof bytes; len++) {
            enum dbm_kind kind = dbm_identify(bytes, len);

            assert_true(kind == DBM_KIND_TEXT || kind == DBM_KIND_OTHER);
        }
    }
}

static void each_kind_has_words_of_its_own(void **state)
{
    (void)state;
    for (int a = DBM_KIND_EMPTY; a <= DBM_KIND_OTHER; a++) {
        assert_string_not_equal(dbm_kind_words((enum dbm_kind)a), "");
        for (int b = DBM_KIND_EMPTY; b < a; b++)
            assert_string_not_equal(dbm_kind_words((enum dbm_kind)a), dbm_kind_words((enum dbm_kind)b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_each_kind_in_either_byte_order),
        cmocka_unit_test(knows_real_files),
        cmocka_unit_test(nothing_and_zeros_are_empty),
        cmocka_unit_test(tells_text_from_other_bytes),
        cmocka_unit_test(no_octet_of_any_length_is_misread),
        cmocka_unit_test(each_kind_has_words_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
