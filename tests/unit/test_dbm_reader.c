/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of writer/foreign.c: hostile files must end in bounded time and memory, and in words.
 * Runs in: the build.
 * Never: asserts a time; a reader that does not end in time ends by its own alarm, and the test says so.
 */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <db.h>

#include "dbm/dbm_reader.h"
#include "dbm/dbm_record.h"
#include "dbm_keys.h"
#include "temp_dir.h"

#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

#define NAME "cache.db"

/* Far more than any of these files takes; what hangs is cut short where a test means it to hang. */
#define TIMEOUT_SEC 20u

struct taken {
    size_t count;
    size_t octets;
    bool has_guard_first;
    size_t stop_at;
};

static bool take(void *context, const struct dbm_pair *pair)
{
    struct taken *taken = context;

    if (taken->count == taken->stop_at)
        return false;
    if (taken->count++ == 0)
        taken->has_guard_first = pair->key_len == 0;
    taken->octets += pair->value_len;
    return true;
}

static struct taken read_file(const struct dbm_driver *driver, unsigned timeout_sec, struct foreign_outcome *outcome)
{
    struct taken taken = {.stop_at = SIZE_MAX};
    int fd = open(NAME, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    foreign_read(driver, fd, timeout_sec, take, &taken, outcome);
    close(fd);
    /* No child may be left behind. */
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(outcome->detail[0] == '\0', outcome->result == FOREIGN_OK);
    return taken;
}

struct set {
    uint8_t (*keys)[TEST_KEY_LEN];
    uint8_t value[DBM_VALUE_MAX];
    size_t value_len;
};

static bool get(void *context, size_t i, struct dbm_pair *pair)
{
    struct set *set = context;

    *pair = (struct dbm_pair){.key = set->keys[i], .key_len = TEST_KEY_LEN, .value = set->value, .value_len = set->value_len};
    return true;
}

/* A file of ours: count records of 20 octets' keys and value_len octets each. */
static void make_file(size_t count, size_t value_len, unsigned bits)
{
    static uint8_t keys[2000][TEST_KEY_LEN];
    static struct set set;
    const struct dbm_layout layout = {.bits = bits, .page_len = DBM_LAYOUT_PAGE_LARGE, .has_guard = true};
    const struct dbm_source source = {.count = count, .get = get, .context = &set};
    char words[DETAIL_MAX + 1];

    test_keys_random(keys, count, 5);
    set.keys = keys;
    set.value_len = value_len;
    memset(set.value, 0x5a, sizeof set.value);
    unlink(NAME);
    assert_int_equal(dbm_driver_bdb.build(NAME, &layout, &source, words), DBM_DRIVER_OK);
}

static void reads_a_whole_file_in_its_order(void **state)
{
    struct foreign_outcome outcome;
    struct taken taken;

    (void)state;
    make_file(2000, 1300, 14);
    taken = read_file(&dbm_driver_bdb, TIMEOUT_SEC, &outcome);
    assert_int_equal(outcome.result, FOREIGN_OK);
    assert_int_equal(outcome.skipped, 0);
    assert_int_equal(taken.count, 2001);
    assert_true(taken.has_guard_first);
    assert_int_equal(taken.octets, 2000 * 1300 + DBM_HEADER_LEN);
}

static void reads_the_longest_values(void **state)
{
    struct foreign_outcome outcome;
    struct taken taken;

    (void)state;
    make_file(60, DBM_VALUE_MAX, 10);
    taken = read_file(&dbm_driver_bdb, TIMEOUT_SEC, &outcome);
    assert_int_equal(outcome.result, FOREIGN_OK);
    assert_int_equal(taken.octets, 60 * DBM_VALUE_MAX + DBM_HEADER_LEN);
}

/* As httpd 2.4.71 made it, with a good response and a responder's error in it. */
static void reads_what_apache_made(void **state)
{
    struct foreign_outcome outcome;
    struct taken taken;
    uint8_t *data;
    size_t len;

    (void)state;
    data = temp_file_read(SAMPLE_FILE, &len);
    temp_file_write(NAME, data, len);
    free(data);
    taken = read_file(&dbm_driver_bdb, TIMEOUT_SEC, &outcome);
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
    struct taken taken;
    DB *db = NULL;

    (void)state;
    assert_int_equal(db_create(&db, NULL, 0), 0);
    assert_int_equal(db->open(db, NULL, NAME, NULL, DB_HASH, DB_CREATE, 0600), 0);
    put_record(db, 20, 1000);
    put_record(db, 19, 1000);
    put_record(db, 21, 1000);
    put_record(db, 5000, 10);
    put_record(db, 20, DBM_VALUE_MAX + 1);
    put_record(db, 20, 20000);
    put_record(db, 20, 0);
    assert_int_equal(db->close(db, 0), 0);
    taken = read_file(&dbm_driver_bdb, TIMEOUT_SEC, &outcome);
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
    make_file(30, 1300, 4);
    data = temp_file_read(NAME, &len);
    for (size_t cut = 0; cut < len; cut += 512) {
        struct taken taken;

        temp_file_write(NAME, data, cut);
        taken = read_file(&dbm_driver_bdb, TIMEOUT_SEC, &outcome);
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
    make_file(30, 1300, 4);
    data = temp_file_read(NAME, &len);
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
        temp_file_write(NAME, copy, len);
        free(copy);
        read_file(&dbm_driver_bdb, 3, &outcome);
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
        struct taken taken;

        for (size_t i = 0; i < sizeof data; i++)
            data[i] = (uint8_t)test_random(&random);
        if (round % 2 == 0)
            memcpy(data + 12, "\x61\x15\x06\x00\x09\x00\x00\x00\x00\x20\x00\x00", 12); /* magic, version, page size */
        temp_file_write(NAME, data, sizeof data);
        taken = read_file(&dbm_driver_bdb, 5, &outcome);
        assert_int_not_equal(outcome.result, FOREIGN_OK);
        assert_int_equal(taken.count, 0);
    }
}

static void a_sparse_file_of_4_gib_ends(void **state)
{
    struct foreign_outcome outcome;

    (void)state;
    make_file(10, 1300, 10);
    assert_int_equal(truncate(NAME, (off_t)4 << 30), 0);
    read_file(&dbm_driver_bdb, TIMEOUT_SEC, &outcome);
    assert_int_equal(outcome.result, FOREIGN_OK);
    temp_file_write(NAME, "", 0);
    assert_int_equal(truncate(NAME, (off_t)4 << 30), 0);
    read_file(&dbm_driver_bdb, TIMEOUT_SEC, &outcome);
    assert_int_not_equal(outcome.result, FOREIGN_OK);
    assert_int_not_equal(outcome.result, FOREIGN_HUNG);
}

/* The first page says that there are 2^31 buckets: the walk would look at each. */
static void a_file_that_claims_billions_of_buckets_ends_by_the_alarm(void **state)
{
    struct foreign_outcome outcome;

    (void)state;
    make_file(10, 1300, 10);
    for (size_t i = 0; i < 4; i++) {
        uint8_t octet = i == 3 ? 0x7f : 0xff;

        temp_file_poke(NAME, 72 + i, octet); /* max_bucket, high_mask: dbinc/db_page.h, HMETA */
        temp_file_poke(NAME, 76 + i, octet);
        for (size_t spare = 0; spare < 32; spare++)
            temp_file_poke(NAME, 96 + 4 * spare + i, i == 0 ? 1 : 0);
    }
    assert_int_equal(truncate(NAME, (off_t)16 << 40) == 0 || truncate(NAME, (off_t)8 << 40) == 0, 1);
    read_file(&dbm_driver_bdb, 1, &outcome);
    assert_int_equal(outcome.result, FOREIGN_HUNG);
}

/* Little-endian, as the file is on every machine that these tests run on. */
static void poke_u32(size_t at, uint32_t number)
{
    for (size_t i = 0; i < 4; i++)
        temp_file_poke(NAME, at + i, (uint8_t)(number >> 8 * i));
}

/* A bucket's page that names itself as the next one of its chain (next_pgno, at 16). */
static void a_chain_of_pages_without_end_ends(void **state)
{
    struct foreign_outcome outcome;
    struct stat st;

    (void)state;
    make_file(200, 1300, 4);
    assert_int_equal(stat(NAME, &st), 0);
    for (uint32_t page = 1; page <= 16; page++)
        poke_u32(page * 8192 + 16, page);
    read_file(&dbm_driver_bdb, 2, &outcome);
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
    make_file(20, DBM_VALUE_MAX, 4);
    data = temp_file_read(NAME, &len);
    for (uint32_t page = 1; page < len / 8192; page++)
        if (data[page * 8192 + 25] == 7) /* P_OVERFLOW */
            poke_u32(page * 8192 + 16, page);
    read_file(&dbm_driver_bdb, 3, &outcome);
    assert_int_not_equal(outcome.result, FOREIGN_STOPPED);
    /* Every number that could be the length of an off-page item becomes 4 GiB. */
    temp_file_write(NAME, data, len);
    for (size_t at = 8192; at + 12 <= 17 * 8192; at++)
        if (data[at] == 3 && memcmp(data + at + 8, "\x08\x28\x00\x00", 4) == 0) /* H_OFFPAGE; 10,248 octets */
            poke_u32(at + 8, UINT32_MAX);
    read_file(&dbm_driver_bdb, 3, &outcome);
    /* No memory for it; where there is no limit, a value that is too long. */
    assert_true(outcome.result != FOREIGN_OK || (IS_SANITIZED && outcome.skipped > 0));
    assert_int_not_equal(outcome.result, FOREIGN_HUNG);
    free(data);
}

/* Drivers that stand for a library that a hostile file has taken over. */
static enum dbm_driver_result crash(int fd, bool (*lock_in)(void), dbm_take_fn *take_one, void *context)
{
    (void)fd;
    (void)take_one;
    (void)context;
    if (!lock_in())
        return DBM_DRIVER_STOPPED;
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
    return DBM_DRIVER_OK;
}

static enum dbm_driver_result turn_in_circles(int fd, bool (*lock_in)(void), dbm_take_fn *take_one, void *context)
{
    volatile unsigned turns = 0;

    (void)fd;
    (void)take_one;
    (void)context;
    if (!lock_in())
        return DBM_DRIVER_STOPPED;
    for (;;)
        turns++;
}

static enum dbm_driver_result send_nonsense(int fd, bool (*lock_in)(void), dbm_take_fn *take_one, void *context)
{
    static const uint8_t nonsense[64] = {0xff, 0xff, 0, 0, 0xff};

    (void)fd;
    (void)take_one;
    (void)context;
    if (!lock_in())
        return DBM_DRIVER_STOPPED;
    for (;;)
        if (write(1, nonsense, sizeof nonsense) < 0)
            return DBM_DRIVER_OK;
}

static enum dbm_driver_result send_without_end(int fd, bool (*lock_in)(void), dbm_take_fn *take_one, void *context)
{
    static const uint8_t octets[DBM_VALUE_MAX];
    const struct dbm_pair pair = {.key = octets, .key_len = DBM_KEY_LEN, .value = octets, .value_len = 0};

    (void)fd;
    if (!lock_in())
        return DBM_DRIVER_STOPPED;
    for (;;)
        take_one(context, &pair);
}

static enum dbm_driver_result end_early(int fd, bool (*lock_in)(void), dbm_take_fn *take_one, void *context)
{
    (void)fd;
    (void)take_one;
    (void)context;
    if (!lock_in())
        return DBM_DRIVER_STOPPED;
    _exit(0);
}

static enum foreign_result read_with(
    enum dbm_driver_result (*read_all)(int, bool (*)(void), dbm_take_fn *, void *), unsigned timeout_sec)
{
    const struct dbm_driver driver = {.name = "hostile", .read_all = read_all};
    struct foreign_outcome outcome;

    temp_file_write(NAME, "x", 1);
    read_file(&driver, timeout_sec, &outcome);
    return outcome.result;
}

static void a_reader_that_was_taken_over_does_no_harm(void **state)
{
    (void)state;
    assert_int_equal(read_with(crash, TIMEOUT_SEC), FOREIGN_DIED);
    assert_int_equal(read_with(turn_in_circles, 1), FOREIGN_HUNG);
    assert_int_equal(read_with(send_nonsense, TIMEOUT_SEC), FOREIGN_JUNK);
    assert_int_equal(read_with(send_without_end, TIMEOUT_SEC), FOREIGN_JUNK);
    assert_int_equal(read_with(end_early, TIMEOUT_SEC), FOREIGN_DIED);
}

/* What a taken-over reader might want: each of them must be its last call. */
static long want_open(void)
{
    return open("/etc/passwd", O_RDONLY);
}

static long want_process(void)
{
    return fork();
}

static long want_rename(void)
{
    return rename(NAME, "elsewhere");
}

static long want_unlink(void)
{
    return unlink(NAME);
}

static long want_signal(void)
{
    return kill(getppid(), 0);
}

static long want_more_time(void)
{
    return alarm(0);
}

static long want_deafness(void)
{
    return signal(SIGALRM, SIG_IGN) == SIG_ERR;
}

static long want_to_change_the_file(void)
{
    return write(0, "x", 1);
}

static long want_to_close_the_pipe(void)
{
    return close(1);
}

static long (*const wants[])(void) = {want_open, want_process, want_rename, want_unlink, want_signal, want_more_time,
    want_deafness, want_to_change_the_file, want_to_close_the_pipe};

/* The file's content says which. */
static enum dbm_driver_result try_forbidden_call(int fd, bool (*lock_in)(void), dbm_take_fn *take_one, void *context)
{
    uint8_t which = 0;

    (void)take_one;
    (void)context;
    if (!lock_in() || read(fd, &which, 1) != 1)
        return DBM_DRIVER_STOPPED;
    return wants[which]() < 0 ? DBM_DRIVER_DAMAGED : DBM_DRIVER_OK;
}

static void the_readers_sandbox_ends_it_at_the_first_forbidden_call(void **state)
{
    const struct dbm_driver driver = {.name = "hostile", .read_all = try_forbidden_call};

    (void)state;
    if (IS_SANITIZED)
        skip(); /* AddressSanitizer makes calls of its own, so there is no filter */
    for (uint8_t which = 0; which < sizeof wants / sizeof wants[0]; which++) {
        struct foreign_outcome outcome;

        temp_file_write(NAME, &which, 1);
        read_file(&driver, TIMEOUT_SEC, &outcome);
        assert_int_equal(outcome.result, FOREIGN_DIED);
        /* Developer builds name the call and exit with 128 + SIGSYS instead. */
        assert_true(strstr(outcome.detail, "(SYS)") != NULL || strstr(outcome.detail, "159") != NULL);
    }
    assert_int_equal(access(NAME, F_OK), 0);
}

static void stops_when_the_writer_does_not_want_more(void **state)
{
    struct foreign_outcome outcome;
    struct taken taken = {.stop_at = 3};
    int fd;

    (void)state;
    make_file(2000, 1300, 14);
    fd = open(NAME, O_RDONLY);
    foreign_read(&dbm_driver_bdb, fd, TIMEOUT_SEC, take, &taken, &outcome);
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
    make_file(3, 1300, 10);
    for (int i = 0; i < 5; i++)
        read_file(&dbm_driver_bdb, TIMEOUT_SEC, &outcome);
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
        TEST(a_reader_that_was_taken_over_does_no_harm),
        TEST(the_readers_sandbox_ends_it_at_the_first_forbidden_call),
        TEST(stops_when_the_writer_does_not_want_more),
        TEST(without_a_process_it_says_so_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
