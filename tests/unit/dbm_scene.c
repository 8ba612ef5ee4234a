/* SPDX-License-Identifier: ISC */
#include "dbm_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <db.h>

#include "dbm_values.h"
#include "temp_dir.h"

#define USEC INT64_C(1000000)
#define OWN_MAX 50u

uint8_t dbm_scene_keys[100][TEST_KEY_LEN];

struct dbm_scene dbm_scene_of(size_t own_count)
{
    return (struct dbm_scene){
        .own_count = own_count, .fail_at = SIZE_MAX, .wanted = -1, .is_guard_wanted = true, .is_time_judged = true};
}

static enum dbm_owner owner_of(void *context, const uint8_t key[DBM_KEY_LEN])
{
    const struct dbm_scene *scene = context;

    if (scene->wanted >= 0 && memcmp(dbm_scene_keys[scene->wanted], key, DBM_KEY_LEN) == 0)
        return DBM_OWNER_WANTED;
    for (size_t i = 0; i < OWN_MAX; i++)
        if (memcmp(dbm_scene_keys[i], key, DBM_KEY_LEN) == 0)
            return DBM_OWNER_OURS;
    return DBM_OWNER_FOREIGN;
}

void dbm_scene_put(size_t number, int64_t expiry, enum dbm_flag flag, uint8_t content)
{
    uint8_t value[DBM_VALUE_MAX];
    size_t len = test_value(expiry, flag, content, value);

    test_put_as_apache(DBM_SCENE_FILE, dbm_scene_keys[number], TEST_KEY_LEN, value, len);
}

static const uint8_t *own_key(void *context, size_t i)
{
    (void)context;
    return dbm_scene_keys[i];
}

static size_t own_value_len(void *context, size_t i)
{
    return own_key(context, i) == NULL ? 0 : TEST_VALUE_LEN;
}

static size_t make_own_value(const struct dbm_scene *scene, size_t i, uint8_t out[DBM_VALUE_MAX])
{
    return test_value(DBM_SCENE_NOW + 10 * HOUR, DBM_FLAG_GOOD, (uint8_t)(i + scene->version), out);
}

static const uint8_t *own_digest(void *context, size_t i)
{
    static uint8_t digest[32];
    uint8_t value[DBM_VALUE_MAX];

    test_value_digest(value, make_own_value(context, i, value), digest);
    return digest;
}

static bool own_value(void *context, size_t i, uint8_t out[DBM_VALUE_MAX], size_t *len)
{
    struct dbm_scene *scene = context;

    if (i == scene->fail_at)
        return false;
    if (i == 0 && scene->late_written < scene->late_writes) {
        scene->late_written++;
        dbm_scene_put(80 + scene->late_written, DBM_SCENE_NOW + HOUR, DBM_FLAG_GOOD, 0x77);
    }
    *len = make_own_value(scene, i, out);
    return true;
}

enum reason dbm_scene_begin(struct dbm_scene *scene, struct apache_dbm *dbm)
{
    scene->file = (struct apache_file){.name = DBM_SCENE_FILE, .is_guard_wanted = scene->is_guard_wanted};
    scene->rules = (struct dbm_read_rules){
        .driver = &dbm_driver_bdb,
        .timeout_sec = 20,
        .is_time_judged = scene->is_time_judged,
        .now = DBM_SCENE_NOW,
        .owner_of = owner_of,
        .context = scene,
    };
    return apache_dbm_begin(dbm, &scene->file, &scene->rules);
}

struct apache_dbm_outcome dbm_scene_commit(struct dbm_scene *scene, enum reason *begin_reason)
{
    const struct apache_dbm_own own = {
        .count = scene->own_count,
        .key = own_key,
        .value_len = own_value_len,
        .digest = own_digest,
        .value = own_value,
        .context = scene,
    };
    struct apache_dbm_outcome outcome = {.reason = REASON_COUNT};
    struct apache_dbm dbm;

    *begin_reason = dbm_scene_begin(scene, &dbm);
    if (*begin_reason == REASON_NONE)
        apache_dbm_commit(&dbm, &own, &outcome);
    else
        assert_string_not_equal(dbm.place.detail, "");
    apache_dbm_end(&dbm);
    assert_int_equal(access(DBM_SCENE_TEMPORARY, F_OK), -1);
    return outcome;
}

struct apache_dbm_outcome dbm_scene_commit_well(struct dbm_scene *scene)
{
    enum reason begin_reason;
    struct apache_dbm_outcome outcome = dbm_scene_commit(scene, &begin_reason);

    assert_int_equal(begin_reason, REASON_NONE);
    assert_int_equal(outcome.reason, REASON_NONE);
    return outcome;
}

bool dbm_scene_find(size_t number, struct dbm_record *record)
{
    static uint8_t copy[DBM_VALUE_MAX];
    DBT key = {.data = dbm_scene_keys[number], .size = TEST_KEY_LEN};
    DBT value = {0};
    DB *db = NULL;
    int error;

    assert_int_equal(db_create(&db, NULL, 0), 0);
    assert_int_equal(db->open(db, NULL, DBM_SCENE_FILE, NULL, DB_HASH, DB_RDONLY, 0), 0);
    error = db->get(db, NULL, &key, &value, 0);
    if (error == 0) {
        memcpy(copy, value.data, value.size);
        assert_int_equal(dbm_record_decode(copy, value.size, record), DBM_RESULT_OK);
    }
    db->close(db, 0);
    return error == 0;
}

void dbm_scene_expect_served(struct dbm_scene *scene)
{
    for (size_t i = 0; i < scene->own_count; i++) {
        struct dbm_record record;

        assert_true(dbm_scene_find(i, &record));
        assert_int_equal(record.expiry_usec, (DBM_SCENE_NOW + 10 * HOUR) * USEC);
        assert_int_equal(record.flag, DBM_FLAG_GOOD);
        assert_int_equal(record.der[0], (uint8_t)(i + scene->version));
    }
}

ino_t dbm_scene_inode(void)
{
    struct stat st;

    assert_int_equal(stat(DBM_SCENE_FILE, &st), 0);
    return st.st_ino;
}

int dbm_scene_setup(void **state)
{
    test_keys_random(dbm_scene_keys, 100, 1);
    return temp_dir_setup(state);
}
