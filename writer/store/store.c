/* SPDX-License-Identifier: ISC */
#include "store/store.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dbm/bdb_hooks.h"

#define DATABASE "staples.db"

/* A page as large as the file system's block cannot be torn by a power loss. */
#define PAGE_SIZE 4096u

/* A batch is at most some hundred KB; what does not fit is written out and read again. */
#define CACHE_LEN (4u * 1024u * 1024u)
#define LOG_BUFFER_LEN (128u * 1024u)
#define LOG_FILE_LEN (1024u * 1024u)

/* After so many octets of records a checkpoint is made: it bounds the log on disk and the time that recovery takes. */
#define CHECKPOINT_LEN (1024u * 1024u)

/* Pages that one transaction may touch: INTAKE_BATCH_MAX records on 4 pages each, and their tree. */
#define LOCKS_MAX 4096u

struct store {
    DB_ENV *env;
    DB *db;
    DB_TXN *txn;
    bool is_writable;
    bool is_panicked; /* Berkeley DB answers nothing any more */
    size_t unchecked; /* octets of records since the last checkpoint */
    char *directory;
    void *value; /* what the last store_get read; Berkeley DB reallocates it */
    uint8_t encoded[STORE_RECORD_MAX];
    char detail[DETAIL_MAX + 1];
};

/*
 * A log that cannot be written ends in DB_RUNRECOVERY, as damage does: the first system call that failed tells them apart.
 * EIO counts as damage: what cannot be read is of no use, and a new store on the same disk will show it again.
 */
static enum store_result result_of(int error)
{
    int cause = bdb_hooks_errno();

    if (error == 0)
        return STORE_OK;
    if (error == DB_NOTFOUND)
        return STORE_NOT_FOUND;
    if (bdb_hooks_is_systems_fault(cause) || (cause == 0 && bdb_hooks_is_systems_fault(error)))
        return STORE_UNWRITABLE;
    return STORE_CORRUPT;
}

static void explain(int error, const char *step, char detail[DETAIL_MAX + 1])
{
    snprintf(detail, DETAIL_MAX + 1, "%s: %.300s", step, bdb_hooks_explain(error));
}

static enum store_result failed(struct store *store, int error, const char *step)
{
    enum store_result result = result_of(error);

    if (result != STORE_OK && result != STORE_NOT_FOUND) {
        explain(error, step, store->detail);
        store->is_panicked = store->is_panicked || error == DB_RUNRECOVERY;
    }
    return result;
}

/* A call that may have written. */
static enum store_result written(struct store *store, int error, const char *step)
{
    enum store_result result = failed(store, error, step);

    if (result != STORE_OK && result != STORE_NOT_FOUND)
        store->is_writable = false;
    return result;
}

static int configure_env(DB_ENV *env)
{
    int error;

    env->set_errcall(env, bdb_hooks_take_words);
    if ((error = env->set_cachesize(env, 0, CACHE_LEN, 1)) != 0 || (error = env->set_lg_bsize(env, LOG_BUFFER_LEN)) != 0
        || (error = env->set_lg_max(env, LOG_FILE_LEN)) != 0 || (error = env->set_lk_max_locks(env, LOCKS_MAX)) != 0
        || (error = env->set_lk_max_objects(env, LOCKS_MAX)) != 0 || (error = env->set_tmp_dir(env, ".")) != 0)
        return error;
    return env->mutex_set_tas_spins(env, 1);
}

static int open_env(struct store *store, const char *directory)
{
    const u_int32_t flags = DB_CREATE | DB_PRIVATE | DB_RECOVER | DB_INIT_TXN | DB_INIT_LOG | DB_INIT_MPOOL | DB_INIT_LOCK;
    int error = db_env_create(&store->env, 0);

    if (error == 0)
        error = configure_env(store->env);
    return error == 0 ? store->env->open(store->env, directory, flags, 0600) : error;
}

static int open_database(struct store *store)
{
    int error = db_create(&store->db, store->env, 0);

    if (error != 0)
        return error;
    if ((error = store->db->set_pagesize(store->db, PAGE_SIZE)) != 0 || (error = store->db->set_flags(store->db, DB_CHKSUM)) != 0)
        return error;
    return store->db->open(store->db, NULL, DATABASE, NULL, DB_BTREE, DB_CREATE | DB_AUTO_COMMIT, 0600);
}

enum store_result store_open(const char *directory, struct store **out, char detail[DETAIL_MAX + 1])
{
    struct store *store = calloc(1, sizeof *store);
    const char *step = "recovering the environment";
    enum store_result result;
    int error;

    *out = NULL;
    if (store != NULL)
        store->directory = strdup(directory);
    if (store == NULL || store->directory == NULL) {
        snprintf(detail, DETAIL_MAX + 1, "no memory for the store");
        free(store);
        return STORE_UNWRITABLE;
    }
    bdb_hooks_install();
    bdb_hooks_forget();
    error = open_env(store, directory);
    if (error == 0) {
        step = "opening " DATABASE;
        error = open_database(store);
    }
    /* Here nothing is missing: what is not found is part of what was there. */
    result = error == DB_NOTFOUND ? STORE_CORRUPT : result_of(error);
    if (result == STORE_OK) {
        store->is_writable = true;
        *out = store;
        return result;
    }
    explain(error, step, detail);
    store_close(store);
    return result;
}

enum store_result store_open_read_only(const char *directory, struct store **out, char detail[DETAIL_MAX + 1])
{
    struct store *store = calloc(1, sizeof *store);
    enum store_result result;
    char path[PATH_MAX];
    int error = ENOMEM;

    *out = NULL;
    bdb_hooks_install();
    bdb_hooks_forget();
    if (store != NULL && snprintf(path, sizeof path, "%s/" DATABASE, directory) < (int)sizeof path)
        error = db_create(&store->db, NULL, 0);
    if (error == 0) {
        store->db->set_errcall(store->db, bdb_hooks_take_words);
        error = store->db->open(store->db, NULL, path, NULL, DB_BTREE, DB_RDONLY | DB_NOMMAP, 0);
    }
    result = result_of(error);
    if (result == STORE_OK) {
        *out = store;
        return result;
    }
    explain(error, "opening " DATABASE " to read it", detail);
    store_close(store);
    return result;
}

/*
 * Make the log up to now unnecessary, and remove what is not needed any more.  DB_LOG_AUTO_REMOVE would ask for the working
 * directory's name, which has none in the jail.
 */
static void checkpoint(struct store *store)
{
    char path[PATH_MAX];
    char **logs = NULL;

    bdb_hooks_forget();
    if (store->env->txn_checkpoint(store->env, 0, 0, DB_FORCE) != 0 || bdb_hooks_errno() != 0) {
        /* What is committed is in the log; what comes next must not be taken for that before recovery has seen it. */
        store->is_writable = false;
        return;
    }
    store->unchecked = 0;
    if (store->env->log_archive(store->env, &logs, 0) != 0 || logs == NULL)
        return;
    for (size_t i = 0; logs[i] != NULL; i++)
        if (snprintf(path, sizeof path, "%s/%s", store->directory, logs[i]) < (int)sizeof path)
            unlink(path);
    free(logs);
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    store_abort(store);
    /* After a failure the environment must not write its idea of the state over what recovery can still use. */
    if (store->is_writable)
        checkpoint(store);
    if (store->db != NULL)
        store->db->close(store->db, store->is_writable ? 0 : DB_NOSYNC);
    if (store->env != NULL)
        store->env->close(store->env, 0);
    free(store->value);
    free(store->directory);
    free(store);
}

static void make_key(const uint8_t id[STORE_ID_LEN], DBT *key)
{
    /* Berkeley DB never writes through a key that it is given, but does not say const. */
    *key = (DBT){.data = (void *)(uintptr_t)id, .size = STORE_ID_LEN};
}

bool store_is_writable(const struct store *store)
{
    return store->is_writable;
}

bool store_is_current(const struct store *store)
{
    return store->env != NULL;
}

bool store_is_readable(struct store *store)
{
    static const uint8_t any[STORE_ID_LEN];
    DBT key;

    make_key(any, &key);
    if (store->db->exists(store->db, store->txn, &key, 0) == DB_RUNRECOVERY)
        store->is_panicked = true;
    return !store->is_panicked;
}

const char *store_detail(const struct store *store)
{
    return store->detail;
}

enum store_result store_get(struct store *store, const uint8_t id[STORE_ID_LEN], struct store_record *record)
{
    enum store_record_result decoded;
    DBT value = {.data = store->value, .flags = DB_DBT_REALLOC};
    DBT key;
    int error;

    bdb_hooks_forget();
    make_key(id, &key);
    error = store->db->get(store->db, store->txn, &key, &value, 0);
    store->value = value.data;
    if (error != 0)
        return failed(store, error, "reading a record");
    decoded = store_record_decode(value.data, value.size, id, record);
    if (decoded == STORE_RECORD_OK)
        return STORE_OK;
    snprintf(store->detail, sizeof store->detail, "the record is %s", store_record_result_text(decoded));
    return STORE_BAD_RECORD;
}

enum store_result store_begin(struct store *store)
{
    if (!store->is_writable) {
        snprintf(store->detail, sizeof store->detail, "the store can only be read now");
        return STORE_UNWRITABLE;
    }
    bdb_hooks_forget();
    return written(store, store->env->txn_begin(store->env, NULL, &store->txn, DB_TXN_SYNC), "beginning a transaction");
}

enum store_result store_put(struct store *store, const uint8_t id[STORE_ID_LEN], const struct store_record *record)
{
    size_t len = 0;
    enum store_record_result encoded = store_record_encode(record, id, store->encoded, &len);
    DBT value = {.data = store->encoded};
    DBT key;

    if (encoded != STORE_RECORD_OK) {
        snprintf(store->detail, sizeof store->detail, "the record to store is %s", store_record_result_text(encoded));
        return STORE_BAD_RECORD;
    }
    bdb_hooks_forget();
    make_key(id, &key);
    value.size = (u_int32_t)len;
    store->unchecked += len;
    return written(store, store->db->put(store->db, store->txn, &key, &value, 0), "writing a record");
}

enum store_result store_remove(struct store *store, const uint8_t id[STORE_ID_LEN])
{
    DBT key;

    bdb_hooks_forget();
    make_key(id, &key);
    return written(store, store->db->del(store->db, store->txn, &key, 0), "removing a record");
}

/*
 * Berkeley DB 5.3 calls a commit done although writing it failed when the log has just gone on to a new file (log_put.c,
 * __log_flush_commit: another file number than that of the last sync passes for "already on disk").  So any system call
 * that failed counts, whatever is returned.
 */
enum store_result store_commit(struct store *store)
{
    DB_TXN *txn = store->txn;
    int error;

    bdb_hooks_forget();
    store->txn = NULL; /* gone, whatever the result */
    error = txn->commit(txn, DB_TXN_SYNC);
    if (error == 0)
        error = bdb_hooks_errno();
    if (error != 0)
        return written(store, error, "committing");
    if (store->unchecked >= CHECKPOINT_LEN)
        checkpoint(store);
    return STORE_OK;
}

void store_abort(struct store *store)
{
    if (store->txn != NULL)
        store->txn->abort(store->txn);
    store->txn = NULL;
}

static bool show_pair(const DBT *key, const DBT *value, store_show_fn *show, void *context)
{
    struct store_record record;

    if (key->size != STORE_ID_LEN || store_record_decode(value->data, value->size, key->data, &record) != STORE_RECORD_OK)
        return show(context, key->size == STORE_ID_LEN ? key->data : NULL, STORE_BAD_RECORD, NULL);
    return show(context, key->data, STORE_OK, &record);
}

enum store_result store_walk(struct store *store, store_show_fn *show, void *context)
{
    DBC *cursor = NULL;
    int error;

    bdb_hooks_forget();
    error = store->db->cursor(store->db, NULL, &cursor, 0);
    while (error == 0) {
        DBT key = {0};
        DBT value = {0};

        error = cursor->get(cursor, &key, &value, DB_NEXT);
        if (error == 0 && !show_pair(&key, &value, show, context))
            break;
    }
    if (cursor != NULL)
        cursor->close(cursor);
    return error == 0 || error == DB_NOTFOUND ? STORE_OK : failed(store, error, "walking the records");
}
