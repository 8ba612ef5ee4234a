/* SPDX-License-Identifier: ISC */
/*
 * Owns: our own store: one verified response for each certificate, in a transactional Berkeley DB environment.
 * Runs in: writer; also in the child that tries it out at start (store_home.h).
 * Never: acknowledges what is not on disk; calls a full disk damage.
 *
 * Durability: store_commit returns STORE_OK only after the log is synced and no system call for it has failed, so a kill
 * or a power loss at any instant loses nothing that was acknowledged.  At most one transaction is open at a time; reads
 * inside of it see its own changes.
 */
#ifndef STAPLEGUARD_STORE_H
#define STAPLEGUARD_STORE_H

#include <stdbool.h>

#include "store/store_record.h"

struct store;

enum store_result {
    STORE_OK,
    STORE_NOT_FOUND,
    STORE_BAD_RECORD, /* this one record cannot be used; the others can */
    STORE_UNWRITABLE, /* the system refuses (space, rights, memory): nothing is wrong with what is stored */
    STORE_CORRUPT,    /* what is stored cannot be used: close, set aside */
};

/*
 * Open the environment in directory (which exists), recovering it, and the database in it, creating what is missing.
 * On STORE_OK *out is the store; else it is NULL and detail says why.
 */
enum store_result store_open(const char *directory, struct store **out, char detail[DETAIL_MAX + 1]);

/*
 * Open what store_open cannot for want of room or rights, to read it: no recovery, so that what was stored last may be
 * missing. Nothing is written.
 */
enum store_result store_open_read_only(const char *directory, struct store **out, char detail[DETAIL_MAX + 1]);

/* Abort what is open, checkpoint, close.  NULL is allowed. */
void store_close(struct store *store);

/*
 * False after store_open_read_only, and after a write that failed: then the log on disk and the records in memory may
 * differ, so that nothing may be acknowledged before the store is opened anew.
 */
bool store_is_writable(const struct store *store);

/* False after store_open_read_only: what was stored last may be missing. */
bool store_is_current(const struct store *store);

/* False when Berkeley DB has given up on the environment, which it may do without saying so at first: close it. */
bool store_is_readable(struct store *store);

/* Why the last call failed, in words. */
const char *store_detail(const struct store *store);

/* record->der lives until the next call with this store. */
enum store_result store_get(struct store *store, const uint8_t id[STORE_ID_LEN], struct store_record *record);

/* One transaction.  put and remove need one; after anything but STORE_OK (or STORE_NOT_FOUND from remove), store_abort. */
enum store_result store_begin(struct store *store);
enum store_result store_put(struct store *store, const uint8_t id[STORE_ID_LEN], const struct store_record *record);
enum store_result store_remove(struct store *store, const uint8_t id[STORE_ID_LEN]);
enum store_result store_commit(struct store *store);
void store_abort(struct store *store);

/*
 * Show each record in the order of ids, without a transaction.  result: STORE_OK, or STORE_BAD_RECORD with record NULL.
 * The function must not call the store, and returns false to stop.
 */
typedef bool store_show_fn(
    void *context, const uint8_t id[STORE_ID_LEN], enum store_result result, const struct store_record *record);
enum store_result store_walk(struct store *store, store_show_fn *show, void *context);

#endif
