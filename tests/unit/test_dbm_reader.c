/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of writer/dbm/dbm_reader.c: damaged files must end in bounded time and memory, and in words.
 * Runs in: the build.
 * Never: asserts a time; a reader that does not end in time ends by its own alarm, and the test says so.
 */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <db.h>

#include "dbm/dbm_record.h"
#include "dbm_keys.h"
#include "reader_scene.h"
#include "sandbox/child.h"
#include "temp_dir.h"

static void reads_a_whole_file_in_its_order(void **state)
{
    struct foreign_outcome outcome;
    struct reader_scene_taken taken;

    (void)state;
    reader_scene_make_file(2000, 1300, 14);
    taken = reader_scene_read(&dbm_driver_bdb, TIMEOUT_SEC, &outcome);
    assert_int_equal(outcome.result, FOREIGN_OK);
    assert_int_equal(outcome.skipped, 0);
    assert_int_equal(taken.count, 2001);
    assert_true(taken.has_guard_first);
    assert_int_equal(taken.octets, 2000 * 1300 + DBM_HEADER_LEN);
}

static void reads_the_longest_values(void **state)
{
    struct foreign_outcome outcome;
    struct reader_scene_taken taken;

    (void)state;
    reader_scene_make_file(60, DBM_VALUE_MAX, 10);
    taken = reader_scene_read(&dbm_driver_bdb, TIMEOUT_SEC, &outcome);
    assert_int_equal(outcome.result, FOREIGN_OK);
    assert_int_equal(taken.octets, 60 * DBM_VALUE_MAX + DBM_HEADER_LEN);
}

/* As httpd 2.4.71 made it, with a good response and a responder's error in it. */
static void reads_what_apache_made(void **state)
{
    struct foreign_outcome outcome;
    struct reader_scene_taken taken;
    uint8_t *data;
    size_t len;

    (void)state;
    data = temp_file_read(SAMPLE_FILE, &len);
    temp_file_write(READER_SCENE_FILE, data, len);
    free(data);
    taken = reader_scene_read(&dbm_driver_bdb, TIMEOUT_SEC, &outcome);
    assert_int_equal(outcome.result, FOREIGN_OK);
    assert_int_equal(taken.count, 2);
    assert_false(taken.has_guard_first);
    assert_int_equal(taken.octets, 273 + 14);
}

static void put_record(DB *db, size_t key_len, size_t value_len)
{
    static uint8_t octets[20000];
    DBT key = {.data = octets, .size = (u_int32_t)key_len};
    DBT value = {.data = octets, .size = (u_int32_t)value_len};

    octets[0]++;
    assert_int_equal(db->put(db, NULL, &key, &value, 0), 0);
}

static void passes_over_what_is_no_stapling_record(void **state)
{
    struct foreign_outcome outcome;
    struct reader_scene_taken taken;
    DB *db = NULL;

    (void)state;
    assert_int_equal(db_create(&db, NULL, 0), 0);
    assert_int_equal(db->open(db, NULL, READER_SCENE_FILE, NULL, DB_HASH, DB_CREATE, 0600), 0);
    put_record(db, 20, 1000);
    put_record(db, 19, 1000);
    put_record(db, 21, 1000);
    put_record(db, 5000, 10);
    put_record(db, 20, DBM_VALUE_MAX + 1);
    put_record(db, 20, 20000);
    put_record(db, 20, 0);
    assert_int_equal(db->close(db, 0), 0);
    taken = reader_scene_read(&dbm_driver_bdb, TIMEOUT_SEC, &outcome);
    assert_int_equal(outcome.result, FOREIGN_OK);
    assert_int_equal(outcome.skipped, 5);
    assert_int_equal(taken.count, 2);
}

static void a_file_cut_off_anywhere_ends(void **state)
{
    struct foreign_outcome outcome;
    size_t whole = 0;
    size_t len;
    uint8_t *data;

    (void)state;
    reader_scene_make_file(30, 1300, 4);
    data = temp_file_read(READER_SCENE_FILE, &len);
    for (size_t cut = 0; cut < len; cut += 512) {
        struct reader_scene_taken taken;

        temp_file_write(READER_SCENE_FILE, data, cut);
        taken = reader_scene_read(&dbm_driver_bdb, TIMEOUT_SEC, &outcome);
        assert_int_not_equal(outcome.result, FOREIGN_HUNG);
        assert_true(taken.count <= 31);
        whole += outcome.result == FOREIGN_OK && taken.count == 31;
    }
    assert_true(whole < 8); /* those that lose an empty end alone */
    free(data);
}

static void a_file_with_flipped_bits_ends(void **state)
{
    struct foreign_outcome outcome;
    uint32_t random = 77;
    size_t results[FOREIGN_FAILED + 1] = {0};
    size_t len;
    uint8_t *data;

    (void)state;
    reader_scene_make_file(30, 1300, 4);
    data = temp_file_read(READER_SCENE_FILE, &len);
    for (int round = 0; round < 200; round++) {
        uint8_t *copy = malloc(len);

        assert_non_null(copy);
        memcpy(copy, data, len);
        /* Most of the file is values: half of the flips go where pages begin. */
        for (int flip = 0; flip <= round % 8; flip++) {
            size_t at = test_random(&random) % len;

            if (test_random(&random) % 2 == 0)
                at = at / 8192 * 8192 + at % 128;
            copy[at] ^= (uint8_t)(1u << test_random(&random) % 8);
        }
        temp_file_write(READER_SCENE_FILE, copy, len);
        free(copy);
        reader_scene_read(&dbm_driver_bdb, 3, &outcome);
        results[outcome.result]++;
    }
    assert_true(results[FOREIGN_OK] > 0);
    assert_true(results[FOREIGN_DAMAGED] > 0);
    assert_int_equal(results[FOREIGN_STOPPED] + results[FOREIGN_FAILED] + results[FOREIGN_JUNK], 0);
    free(data);
}

static void garbage_ends(void **state)
{
    struct foreign_outcome outcome;
    static uint8_t data[64 * 1024];
    uint32_t random = 3;

    (void)state;
    for (int round = 0; round < 20; round++) {
        struct reader_scene_taken taken;

        for (size_t i = 0; i < sizeof data; i++)
            data[i] = (uint8_t)test_random(&random);
        if (round % 2 == 0)
            memcpy(data + 12, "\x61\x15\x06\x00\x09\x00\x00\x00\x00\x20\x00\x00", 12); /* magic, version, page size */
        temp_file_write(READER_SCENE_FILE, data, sizeof data);
        taken = reader_scene_read(&dbm_driver_bdb, 5, &outcome);
        assert_int_not_equal(outcome.result, FOREIGN_OK);
        assert_int_equal(taken.count, 0);
    }
}

static void a_sparse_file_of_4_gib_ends(void **state)
{
    struct foreign_outcome outcome;

    (void)state;
    reader_scene_make_file(10, 1300, 10);
    assert_int_equal(truncate(READER_SCENE_FILE, (off_t)4 << 30), 0);
    reader_scene_read(&dbm_driver_bdb, TIMEOUT_SEC, &outcome);
    assert_int_equal(outcome.result, FOREIGN_OK);
    temp_file_write(READER_SCENE_FILE, "", 0);
    assert_int_equal(truncate(READER_SCENE_FILE, (off_t)4 << 30), 0);
    reader_scene_read(&dbm_driver_bdb, TIMEOUT_SEC, &outcome);
    assert_int_not_equal(outcome.result, FOREIGN_OK);
    assert_int_not_equal(outcome.result, FOREIGN_HUNG);
}

/* The first page says that there are 2^31 buckets: the walk would look at each. */
static void a_file_that_claims_billions_of_buckets_ends_by_the_alarm(void **state)
{
    struct foreign_outcome outcome;

    (void)state;
    reader_scene_make_file(10, 1300, 10);
    for (size_t i = 0; i < 4; i++) {
        uint8_t octet = i == 3 ? 0x7f : 0xff;

        temp_file_poke(READER_SCENE_FILE, 72 + i, octet); /* max_bucket, high_mask: dbinc/db_page.h, HMETA */
        temp_file_poke(READER_SCENE_FILE, 76 + i, octet);
        for (size_t spare = 0; spare < 32; spare++)
            temp_file_poke(READER_SCENE_FILE, 96 + 4 * spare + i, i == 0 ? 1 : 0);
    }
    assert_int_equal(truncate(READER_SCENE_FILE, (off_t)16 << 40) == 0 || truncate(READER_SCENE_FILE, (off_t)8 << 40) == 0, 1);
    reader_scene_read(&dbm_driver_bdb, 1, &outcome);
    assert_int_equal(outcome.result, FOREIGN_HUNG);
}

/* Little-endian, as the file is on every machine that these tests run on. */
static void poke_u32(size_t at, uint32_t number)
{
    for (size_t i = 0; i < 4; i++)
        temp_file_poke(READER_SCENE_FILE, at + i, (uint8_t)(number >> 8 * i));
}

/* A bucket's page that names itself as the next one of its chain (next_pgno, at 16). */
static void a_chain_of_pages_without_end_ends(void **state)
{
    struct foreign_outcome outcome;
    struct stat st;

    (void)state;
    reader_scene_make_file(200, 1300, 4);
    assert_int_equal(stat(READER_SCENE_FILE, &st), 0);
    for (uint32_t page = 1; page <= 16; page++)
        poke_u32(page * 8192 + 16, page);
    reader_scene_read(&dbm_driver_bdb, 2, &outcome);
    assert_true(outcome.result == FOREIGN_HUNG || outcome.result == FOREIGN_DIED || outcome.result == FOREIGN_JUNK
        || outcome.result == FOREIGN_DAMAGED);
}

/* Long values stand on chains of overflow pages: a chain that bites its own tail, and a value of 4 GiB. */
static void overflow_pages_without_end_end(void **state)
{
    struct foreign_outcome outcome;
    size_t len;
    uint8_t *data;

    (void)state;
    reader_scene_make_file(20, DBM_VALUE_MAX, 4);
    data = temp_file_read(READER_SCENE_FILE, &len);
    for (uint32_t page = 1; page < len / 8192; page++)
        if (data[page * 8192 + 25] == 7) /* P_OVERFLOW */
            poke_u32(page * 8192 + 16, page);
    reader_scene_read(&dbm_driver_bdb, 3, &outcome);
    assert_int_not_equal(outcome.result, FOREIGN_STOPPED);
    /* Every number that could be the length of an off-page item becomes 4 GiB. */
    temp_file_write(READER_SCENE_FILE, data, len);
    for (size_t at = 8192; at + 12 <= 17 * 8192; at++)
        if (data[at] == 3 && memcmp(data + at + 8, "\x08\x28\x00\x00", 4) == 0) /* H_OFFPAGE; 10,248 octets */
            poke_u32(at + 8, UINT32_MAX);
    reader_scene_read(&dbm_driver_bdb, 3, &outcome);
    /* No memory for it; where there is no limit, a value that is too long. */
    assert_true(outcome.result != FOREIGN_OK || (CHILD_IS_SANITIZED && outcome.skipped > 0));
    assert_int_not_equal(outcome.result, FOREIGN_HUNG);
    free(data);
}

static void stops_when_the_writer_does_not_want_more(void **state)
{
    struct foreign_outcome outcome;
    struct reader_scene_taken taken = {.stop_at = 3};
    int fd;

    (void)state;
    reader_scene_make_file(2000, 1300, 14);
    fd = open(READER_SCENE_FILE, O_RDONLY);
    foreign_read(&dbm_driver_bdb, fd, TIMEOUT_SEC, reader_scene_take, &taken, &outcome);
    close(fd);
    assert_int_equal(outcome.result, FOREIGN_STOPPED);
    assert_int_equal(taken.count, 3);
}

static size_t count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t count = 0;

    assert_non_null(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

static void without_a_process_it_says_so_and_leaks_nothing(void **state)
{
    struct foreign_outcome outcome;
    size_t before = count_descriptors();

    (void)state;
    reader_scene_make_file(3, 1300, 10);
    for (int i = 0; i < 5; i++)
        reader_scene_read(&dbm_driver_bdb, TIMEOUT_SEC, &outcome);
    assert_int_equal(count_descriptors(), before);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, temp_dir_setup, temp_dir_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_a_whole_file_in_its_order),
        TEST(reads_the_longest_values),
        TEST(reads_what_apache_made),
        TEST(passes_over_what_is_no_stapling_record),
        TEST(a_file_cut_off_anywhere_ends),
        TEST(a_file_with_flipped_bits_ends),
        TEST(garbage_ends),
        TEST(a_sparse_file_of_4_gib_ends),
        TEST(a_file_that_claims_billions_of_buckets_ends_by_the_alarm),
        TEST(a_chain_of_pages_without_end_ends),
        TEST(overflow_pages_without_end_end),
        TEST(stops_when_the_writer_does_not_want_more),
        TEST(without_a_process_it_says_so_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
