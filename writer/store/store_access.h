/* SPDX-License-Identifier: ISC */
/*
 * Owns: the store as the writer uses it: opened when it is needed, opened again after a failure, its failures reported once.
 * Runs in: writer.
 * Never: tries to open it more often than every few seconds.
 */
#ifndef STAPLEGUARD_STORE_ACCESS_H
#define STAPLEGUARD_STORE_ACCESS_H

#include "store/store.h"

struct store_access {
    const char *root;    /* where the store's directory lies, as seen from inside the jail */
    struct store *store; /* NULL: it could not be opened; perhaps it can only be read */
    int64_t tried_at;    /* when that was tried last; seconds since 1970 */
    bool is_failing;     /* said already */
    /* The store was set aside, and the new one is empty. */
    void (*forget)(void *context);
    void *context;
};

/* Is there a store to read?  Opens it where it is not open (but not again at once), and reports what is to be said. */
bool store_access_can_read(struct store_access *access, int64_t now);

/* May records be stored?  Opens a store anew that could only be read, once there is room. */
bool store_access_can_write(struct store_access *access, int64_t now);

/*
 * Reading the store, or writing to it, failed: say so once.  After a failed write what is held can still be read, if
 * Berkeley DB lets it; else, and after a failed read, the store is opened anew, which recovers it or sets it aside.
 */
void store_access_read_failed(struct store_access *access, int64_t now);
void store_access_write_failed(struct store_access *access, int64_t now);

/* The store works (again). */
void store_access_worked(struct store_access *access);

#endif
