/* SPDX-License-Identifier: ISC */
#include "parts_db.h"

#include <db.h>
#include <err.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#define STORE_CACHE_LEN (4u * 1024u * 1024u)
#define FILE_CACHE_LEN (64u * 1024u * 1024u)
#define CHECKPOINT_LEN (1024u * 1024u)

static void must(int error, const char *what)
{
    if (error != 0)
        errx(1, "%s: %s", what, db_strerror(error));
}

/* A key that is as spread as a certificate's digest is. */
static void make_key(uint32_t number, uint8_t key[SHA256_DIGEST_LENGTH])
{
    SHA256((const unsigned char *)&number, sizeof number, key);
}

static void put(DB *db, DB_TXN *txn, uint32_t number, u_int32_t key_len, const struct bench_pool_response *response)
{
    uint8_t octets[SHA256_DIGEST_LENGTH];
    DBT key = {.data = octets, .size = key_len};
    DBT value = {.data = (void *)(uintptr_t)response->der, .size = response->len};

    make_key(number, octets);
    must(db->put(db, txn, &key, &value, 0), "put");
}

void parts_db_store(const char *directory, const struct bench_pool_file *responses, uint32_t count, uint32_t batch)
{
    DB_ENV *env;
    DB *db;
    DB_TXN *txn = NULL;
    size_t unchecked = 0;

    must(db_env_create(&env, 0), "db_env_create");
    must(env->set_cachesize(env, 0, STORE_CACHE_LEN, 1), "set_cachesize");
    must(env->open(env, directory, DB_CREATE | DB_PRIVATE | DB_RECOVER | DB_INIT_TXN | DB_INIT_LOG | DB_INIT_MPOOL | DB_INIT_LOCK,
             0600),
        directory);
    must(db_create(&db, env, 0), "db_create");
    must(db->set_flags(db, DB_CHKSUM), "set_flags");
    must(db->open(db, NULL, "reference.db", NULL, DB_BTREE, DB_CREATE | DB_AUTO_COMMIT, 0600), "open");
    for (uint32_t i = 0; i < count; i++) {
        if (txn == NULL)
            must(env->txn_begin(env, NULL, &txn, DB_TXN_SYNC), "txn_begin");
        put(db, txn, i, SHA256_DIGEST_LENGTH, &responses->items[i]);
        unchecked += responses->items[i].len;
        if ((i + 1) % batch != 0 && i + 1 < count)
            continue;
        must(txn->commit(txn, 0), "commit");
        txn = NULL;
        if (unchecked >= CHECKPOINT_LEN || i + 1 == count) {
            must(env->txn_checkpoint(env, 0, 0, DB_FORCE), "txn_checkpoint");
            unchecked = 0;
        }
    }
    must(db->close(db, 0), "close");
    must(env->close(env, 0), "close");
}

void parts_db_hash_file(const char *path, const struct bench_pool_file *responses, uint32_t count)
{
    DB *db;

    must(db_create(&db, NULL, 0), "db_create");
    must(db->set_cachesize(db, 0, FILE_CACHE_LEN, 1), "set_cachesize");
    must(db->set_h_nelem(db, count), "set_h_nelem");
    must(db->open(db, NULL, path, NULL, DB_HASH, DB_CREATE | DB_EXCL, 0600), path);
    for (uint32_t i = 0; i < count; i++)
        put(db, NULL, i, 20, &responses->items[i]);
    must(db->close(db, 0), path);
}
