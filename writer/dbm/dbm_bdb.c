/* SPDX-License-Identifier: ISC */
/*
 * Owns: what is known of Berkeley DB hash files as Apache opens them: read all, build, check.
 * Runs in: writer; reading in its reader process alone.
 * Never: opens a file that is in place for writing, or a hostile one outside of the reader process.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dbm/bdb_hooks.h"
#include "dbm/dbm_driver.h"
#include "dbm/dbm_record.h"
#include "text/text.h"

#define BDB_HASH_MAGIC 0x061561u

/* What stands on a page beside the octets of a key and a value: two of index and one of type for each. */
#define PAIR_OVERHEAD 6u

/* Records come in the order of their pages, so a page is written once and a small cache is enough. */
#define CACHE_LEN (4u * 1024u * 1024u)

/*
 * Berkeley DB counts the wanted number of records as if they were there (hash_open.c: meta->nelem = h_nelem) and splits a
 * bucket when records / fill factor exceeds the buckets.  Asking for half the buckets' worth plus one of a high fill
 * factor gives 2^bits buckets and room for FILL_FACTOR * 2^(bits - 1) records before one splits.
 */
#define FILL_FACTOR 256u

/* Up to here the records of a finished file are counted too (0.2 s); above, looking each of them up has to do. */
#define COUNTED_BITS_MAX 17u

static u_int32_t wanted_records(const struct dbm_layout *layout)
{
    return (1u << (layout->bits - 1)) * FILL_FACTOR + 1;
}

static enum dbm_driver_result failure(int error)
{
    bool is_systems_fault = bdb_hooks_errno() != 0 || bdb_hooks_is_systems_fault(error) || error == EIO || error == EEXIST
        || error == ENOENT || error == ENOTDIR;

    return is_systems_fault ? DBM_DRIVER_FAILED : DBM_DRIVER_DAMAGED;
}

static int new_handle(DB_ENV *env, DB **db)
{
    int error;

    bdb_hooks_forget();
    error = db_create(db, env, 0);
    if (error != 0)
        return error;
    (*db)->set_errcall(*db, bdb_hooks_take_words);
    return env == NULL ? (*db)->set_cachesize(*db, 0, CACHE_LEN, 1) : 0;
}

/* A private environment, so that everything Berkeley DB needs of the system is there before the first byte is read. */
static int new_reader_env(DB_ENV **env)
{
    int error = db_env_create(env, 0);

    if (error != 0)
        return error;
    (*env)->set_errcall(*env, bdb_hooks_take_words);
    if ((error = (*env)->set_cachesize(*env, 0, CACHE_LEN, 1)) != 0 || (error = (*env)->mutex_set_tas_spins(*env, 1)) != 0
        || (error = (*env)->set_tmp_dir(*env, ".")) != 0)
        return error;
    return (*env)->open(*env, ".", DB_CREATE | DB_PRIVATE | DB_INIT_MPOOL, 0);
}

/* First as Berkeley DB orders them: the guard must come out first, so the order is kept. */
static enum dbm_driver_result walk(DB *db, dbm_take_fn *take, void *context)
{
    DBC *cursor = NULL;
    int error = db->cursor(db, NULL, &cursor, 0);

    while (error == 0) {
        DBT key = {0};
        DBT value = {0};
        struct dbm_pair pair;

        error = cursor->get(cursor, &key, &value, DB_NEXT);
        if (error != 0)
            break;
        pair = (struct dbm_pair){.key = key.data, .key_len = key.size, .value = value.data, .value_len = value.size};
        if (!take(context, &pair))
            return DBM_DRIVER_STOPPED;
    }
    return error == DB_NOTFOUND ? DBM_DRIVER_OK : failure(error);
}

/*
 * Whether the file ends before the last page that its first one names: Berkeley DB takes the missing pages for empty ones and
 * says nothing.  DBMETA of Berkeley DB's dbinc/db_page.h: magic at 12, pagesize at 20, last_pgno at 32, in the byte order of
 * whoever made the file.
 */
static bool is_cut_off(int fd)
{
    uint32_t head[9];
    off_t len = lseek(fd, 0, SEEK_END);
    bool is_swapped;

    if (len < 0 || pread(fd, head, sizeof head, 0) != (ssize_t)sizeof head)
        return true;
    is_swapped = head[3] != BDB_HASH_MAGIC;
    for (size_t i = 0; is_swapped && i < sizeof head / sizeof head[0]; i++)
        head[i] = __builtin_bswap32(head[i]);
    return head[5] == 0 || (uint64_t)len / head[5] <= head[8];
}

/* Nothing is closed: the process that calls this ends next, and closing a damaged database is one more risk. */
static enum dbm_driver_result bdb_read_all(int fd, bool (*lock_in)(void), dbm_take_fn *take, void *context)
{
    DB_ENV *env = NULL;
    DB *db = NULL;
    enum dbm_driver_result result;
    int error;

    if (new_reader_env(&env) != 0 || new_handle(env, &db) != 0 || bdb_hooks_serve_only(fd) != 0)
        return DBM_DRIVER_FAILED;
    if (!lock_in())
        return DBM_DRIVER_STOPPED;
    error = db->open(db, NULL, "in-place", NULL, DB_HASH, DB_RDONLY | DB_NOMMAP, 0);
    if (error != 0)
        return failure(error);
    result = walk(db, take, context);
    return result == DBM_DRIVER_OK && is_cut_off(fd) ? DBM_DRIVER_DAMAGED : result;
}

static int put(DB *db, const struct dbm_pair *pair)
{
    /* Berkeley DB never writes through these, but does not say const. */
    DBT key = {.data = (void *)(uintptr_t)pair->key, .size = (u_int32_t)pair->key_len};
    DBT value = {.data = (void *)(uintptr_t)pair->value, .size = (u_int32_t)pair->value_len};

    return db->put(db, NULL, &key, &value, DB_NOOVERWRITE);
}

static void make_guard(uint8_t value[DBM_HEADER_LEN], struct dbm_pair *pair)
{
    const struct dbm_record record = {.expiry_usec = DBM_GUARD_EXPIRY_USEC, .flag = DBM_FLAG_ERROR};
    uint8_t encoded[DBM_VALUE_MAX];

    *pair = (struct dbm_pair){.key = (const uint8_t *)"", .value = value, .value_len = 0};
    if (dbm_record_encode(&record, encoded, &pair->value_len) == DBM_RESULT_OK)
        memcpy(value, encoded, DBM_HEADER_LEN);
}

static int put_guard(DB *db)
{
    uint8_t value[DBM_HEADER_LEN];
    struct dbm_pair pair;

    make_guard(value, &pair);
    return put(db, &pair);
}

/*
 * Fill the rest of the guard's page, or (is_removing) take out again what it was filled with.  Octets of zero hash to 0, so
 * such keys stand in bucket 0 whatever the number of buckets.
 * Source: Berkeley DB dbinc/db_page.h (HKEYDATA), dbinc/hash.h (ISBIG).
 */
static int fill_guard_page(DB *db, size_t page_len, bool is_removing)
{
    static const uint8_t zeros[DBM_LAYOUT_PAGE_LARGE];
    size_t left = page_len - DBM_LAYOUT_PAGE_HEADER - PAIR_OVERHEAD - DBM_HEADER_LEN;
    int error = 0;

    for (size_t key_len = 1; left > PAIR_OVERHEAD + key_len && error == 0; key_len++) {
        size_t room = left - PAIR_OVERHEAD - key_len;
        size_t value_len = room < page_len / 4 ? room : page_len / 4; /* a longer one would not stand on this page */
        const struct dbm_pair pair = {.key = zeros, .key_len = key_len, .value = zeros, .value_len = value_len};
        DBT key = {.data = (void *)(uintptr_t)zeros, .size = (u_int32_t)key_len};

        error = is_removing ? db->del(db, NULL, &key, 0) : put(db, &pair);
        left = room - value_len;
    }
    return error;
}

static int put_range(DB *db, const struct dbm_source *source, size_t begin, size_t end, bool *is_stopped)
{
    struct dbm_pair pair;
    int error = 0;

    for (size_t i = begin; i < end && error == 0 && !*is_stopped; i++) {
        *is_stopped = !source->get(source->context, i, &pair);
        if (!*is_stopped)
            error = put(db, &pair);
    }
    return error;
}

/* What stands in bucket 0 comes first; beside a guard it has to find the first page full. */
static int put_all(DB *db, const struct dbm_layout *layout, const struct dbm_source *source, bool *is_stopped)
{
    size_t behind = layout->own_behind + layout->foreign_behind;
    int error = layout->has_guard ? put_guard(db) : 0;

    if (error == 0 && behind > 0)
        error = fill_guard_page(db, layout->page_len, false);
    if (error == 0)
        error = put_range(db, source, 0, behind, is_stopped);
    if (error == 0 && behind > 0 && !*is_stopped)
        error = fill_guard_page(db, layout->page_len, true);
    if (error == 0)
        error = put_range(db, source, behind, source->count, is_stopped);
    return error;
}

static enum dbm_driver_result bdb_build(
    const char *path, const struct dbm_layout *layout, const struct dbm_source *source, char words[DETAIL_MAX + 1])
{
    DB *db = NULL;
    bool is_stopped = false;
    int error;
    int close_error;

    words[0] = '\0';
    bdb_hooks_install();
    bdb_hooks_set_durable(false);
    if ((error = new_handle(NULL, &db)) != 0 || (error = db->set_pagesize(db, layout->page_len)) != 0
        || (error = db->set_h_ffactor(db, FILL_FACTOR)) != 0 || (error = db->set_h_nelem(db, wanted_records(layout))) != 0)
        goto out;
    error = db->open(db, NULL, path, NULL, DB_HASH, DB_CREATE | DB_EXCL, 0660);
    if (error == 0)
        error = put_all(db, layout, source, &is_stopped);
out:
    close_error = db == NULL ? 0 : db->close(db, 0);
    if (error == 0)
        error = close_error;
    bdb_hooks_set_durable(true);
    if (error != 0)
        snprintf(words, DETAIL_MAX + 1, "%s", bdb_hooks_explain(error));
    if (is_stopped)
        return DBM_DRIVER_STOPPED;
    return error == 0 ? DBM_DRIVER_OK : failure(error);
}

/*
 * mod_socache_dbm ends its walk at the first key whose pointer is NULL (apr_dbm_berkeleydb.c hands out DBT.data as it
 * is).
 */
static enum dbm_driver_result check_first(DB *db)
{
    DBC *cursor = NULL;
    DBT key = {0};
    DBT value = {0};
    int error = db->cursor(db, NULL, &cursor, 0);
    enum dbm_driver_result result = DBM_DRIVER_NO_GUARD;

    if (error != 0)
        return failure(error);
    error = cursor->get(cursor, &key, &value, DB_FIRST);
    if (error == 0 && key.size == 0 && key.data == NULL && value.size == DBM_HEADER_LEN)
        result = DBM_DRIVER_OK;
    cursor->close(cursor);
    return result;
}

/* Each record by its key: unlike a walk this does not look at empty buckets, of which there may be millions. */
static enum dbm_driver_result check_each(DB *db, const struct dbm_source *source)
{
    for (size_t i = 0; i < source->count; i++) {
        DBT key = {.data = (void *)(uintptr_t)source->key(source->context, i), .size = DBM_KEY_LEN};
        DBT value = {0};

        if (db->get(db, NULL, &key, &value, 0) != 0 || !source->is_same(source->context, i, value.data, value.size))
            return DBM_DRIVER_WRONG;
    }
    return DBM_DRIVER_OK;
}

/* Counting looks at each bucket. */
static enum dbm_driver_result check_count(DB *db, const struct dbm_layout *layout, const struct dbm_source *source)
{
    DB_HASH_STAT *stat = NULL;
    enum dbm_driver_result result = DBM_DRIVER_WRONG;
    int error;

    if (layout->bits > COUNTED_BITS_MAX)
        return DBM_DRIVER_OK;
    error = db->stat(db, NULL, &stat, 0);
    if (error != 0)
        return failure(error);
    /* One bucket more for each page that was added to a full one, of which there are fewer than records. */
    if (stat->hash_nkeys == source->count + (layout->has_guard ? 1u : 0u) && stat->hash_buckets >= 1u << layout->bits
        && stat->hash_buckets < 2u << layout->bits)
        result = DBM_DRIVER_OK;
    free(stat);
    return result;
}

static enum dbm_driver_result bdb_check(
    const char *path, const struct dbm_layout *layout, const struct dbm_source *source, char words[DETAIL_MAX + 1])
{
    enum dbm_driver_result result;
    DB *db = NULL;
    int error;

    words[0] = '\0';
    bdb_hooks_install();
    error = new_handle(NULL, &db);
    if (error == 0)
        error = db->open(db, NULL, path, NULL, DB_HASH, DB_RDONLY | DB_NOMMAP, 0);
    result = error == 0 ? DBM_DRIVER_OK : failure(error);
    if (result == DBM_DRIVER_OK && layout->has_guard)
        result = check_first(db);
    if (result == DBM_DRIVER_OK)
        result = check_count(db, layout, source);
    if (result == DBM_DRIVER_OK)
        result = check_each(db, source);
    if (result == DBM_DRIVER_DAMAGED || result == DBM_DRIVER_FAILED)
        snprintf(words, DETAIL_MAX + 1, "%s", bdb_hooks_explain(error));
    if (db != NULL)
        db->close(db, 0);
    return result;
}

const struct dbm_driver dbm_driver_bdb = {"Berkeley DB hash", bdb_read_all, bdb_build, bdb_check};
