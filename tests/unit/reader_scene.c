/* SPDX-License-Identifier: ISC */
#include "reader_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>

#include "dbm/dbm_record.h"
#include "dbm_keys.h"

bool reader_scene_take(void *context, const struct dbm_pair *pair)
{
    struct reader_scene_taken *taken = context;

    if (taken->count == taken->stop_at)
        return false;
    if (taken->count++ == 0)
        taken->has_guard_first = pair->key_len == 0;
    taken->octets += pair->value_len;
    return true;
}

/*
 * Let processes that are made from now on end once they have used so much CPU time: a reader whose alarm is missing does not hold
 * the test up for ever (test_dbm_reader_hostile sees whether it is set).  Returns what to restore.
 */
static struct rlimit bound_cpu(rlim_t seconds)
{
    struct rlimit before, bound;
    struct rusage used;

    assert_int_equal(getrlimit(RLIMIT_CPU, &before), 0);
    assert_int_equal(getrusage(RUSAGE_SELF, &used), 0);
    bound = before;
    bound.rlim_cur = (rlim_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + seconds;
    assert_int_equal(setrlimit(RLIMIT_CPU, &bound), 0);
    return before;
}

struct reader_scene_taken reader_scene_read(
    const struct dbm_driver *driver, unsigned timeout_sec, struct foreign_outcome *outcome)
{
    struct reader_scene_taken taken = {.stop_at = SIZE_MAX};
    int fd = open(READER_SCENE_FILE, O_RDONLY | O_CLOEXEC);

    struct rlimit cpu = bound_cpu(2 * timeout_sec + 5);

    assert_true(fd >= 0);
    foreign_read(driver, fd, timeout_sec, reader_scene_take, &taken, outcome);
    assert_int_equal(setrlimit(RLIMIT_CPU, &cpu), 0);
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

void reader_scene_make_file(size_t count, size_t value_len, unsigned bits)
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
    unlink(READER_SCENE_FILE);
    assert_int_equal(dbm_driver_bdb.build(READER_SCENE_FILE, &layout, &source, words), DBM_DRIVER_OK);
}
