/* SPDX-License-Identifier: ISC */
#include "store_scene.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
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

#include "dbm_keys.h"
#include "store/store.h"
#include "store/store_home.h"
#include "temp_dir.h"

uint8_t store_scene_sample_der[STAPLE_DER_MAX];

void store_scene_make_id(uint32_t number, uint8_t id[STORE_ID_LEN])
{
    memset(id, 0, STORE_ID_LEN);
    /* Ids are digests: spread, so that neighbours in time are not neighbours in the tree. */
    for (size_t i = 0; i < 4; i++)
        id[i] = (uint8_t)((number * 2654435761u) >> (8 * i));
    memcpy(id + 8, &number, sizeof number);
}

struct store_record store_scene_make_record(uint32_t number, size_t der_len)
{
    struct store_record record = {.state = CERT_STATE_GOOD,
        .this_update = NOW + number,
        .next_update = NOW + 10,
        .der = store_scene_sample_der,
        .der_len = der_len};

    memcpy(record.apache_key, &number, sizeof number);
    return record;
}

struct store *store_scene_open_store(const char *directory)
{
    char detail[DETAIL_MAX + 1] = "";
    struct store *store = NULL;

    mkdir(directory, 0700);
    assert_int_equal(store_open(directory, &store, detail), STORE_OK);
    assert_non_null(store);
    return store;
}

enum store_result store_scene_put(struct store *store, uint32_t number, size_t der_len)
{
    struct store_record record = store_scene_make_record(number, der_len);
    uint8_t id[STORE_ID_LEN];

    store_scene_make_id(number, id);
    return store_put(store, id, &record);
}

enum store_result store_scene_get(struct store *store, uint32_t number)
{
    struct store_record record;
    uint8_t id[STORE_ID_LEN];
    enum store_result result;

    store_scene_make_id(number, id);
    result = store_get(store, id, &record);
    if (result == STORE_OK) {
        assert_int_equal(record.this_update, NOW + number);
        assert_memory_equal(record.apache_key, &number, sizeof number);
        assert_memory_equal(record.der, store_scene_sample_der, record.der_len);
    }
    return result;
}

void store_scene_put_all(struct store *store, uint32_t begin, uint32_t end, size_t der_len)
{
    assert_int_equal(store_begin(store), STORE_OK);
    for (uint32_t i = begin; i < end; i++)
        assert_int_equal(store_scene_put(store, i, der_len), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
}

bool store_scene_count_record(void *context, const uint8_t *id, enum store_result result, const struct store_record *record)
{
    (void)id;
    assert_int_equal(result, STORE_OK);
    assert_non_null(record);
    ++*(size_t *)context;
    return true;
}

size_t store_scene_count_all(struct store *store)
{
    size_t count = 0;

    assert_int_equal(store_walk(store, store_scene_count_record, &count), STORE_OK);
    return count;
}

size_t store_scene_count_files(const char *directory, const char *prefix)
{
    DIR *dir = opendir(directory);
    const struct dirent *entry;
    size_t count = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL)
        count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    closedir(dir);
    return count;
}

void store_scene_fill_store(uint32_t count)
{
    struct store *store = store_scene_open_store("store");

    for (uint32_t i = 0; i < count; i += 50)
        store_scene_put_all(store, i, i + 50, 3000);
    store_close(store);
}

struct store *store_scene_open_home(struct store_home_outcome *outcome)
{
    struct store *store = NULL;

    assert_int_equal(store_home_open(".", NOW, &store, outcome), STORE_OK);
    return store;
}

void store_scene_assert_usable(struct store *store)
{
    store_scene_put_all(store, 1000000, 1000020, 1300);
    for (uint32_t i = 1000000; i < 1000020; i++)
        assert_int_equal(store_scene_get(store, i), STORE_OK);
}
