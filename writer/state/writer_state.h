/* SPDX-License-Identifier: ISC */
/*
 * Owns: what the writer knows while it runs; passed to each of its parts.
 * Runs in: writer.
 * Never: holds anything secret.
 */
#ifndef STAPLEGUARD_WRITER_STATE_H
#define STAPLEGUARD_WRITER_STATE_H

#include "keeper/keeper.h"
#include "offers/offer_answers.h"
#include "offers/roster.h"
#include "proto/ipc.h"
#include "store/gone_names.h"
#include "store/store.h"

struct writer {
    struct ipc supervisor;
    struct ipc fetcher;
    struct msg_write_config config;
    const char *root;     /* where the store's directory lies, as seen from inside the jail */
    const char *dbm_name; /* in the working directory */
    struct roster *roster;
    struct answers answers;
    struct gone gone;       /* told since the last pass */
    struct store *store;    /* NULL: it could not be opened; perhaps it can only be read */
    int64_t store_tried_at; /* when that was tried last; seconds since 1970 */
    bool is_store_failing;  /* said already */
    bool is_clock_wrong_said;
    uint32_t strange_offers;  /* for numbers that nobody told of, since strange_since */
    int64_t strange_since;    /* seconds since 1970 */
    struct keeper *keeper;    /* of Apache's file; NULL: --once, which needs none */
    dev_t made_device;        /* the file that was put in place last */
    ino_t made_inode;         /* 0: none yet */
    bool is_first_commit_due; /* nobody was told anything yet */
    bool has_changes;         /* what is held is not what stands in the file any more */
    bool has_urgent_changes;  /* and somebody is without a staple, or has one that must go */
};

/* Is there a store to read?  Opens it where it is not open (but not again at once), and reports what is to be said. */
bool writer_has_store(struct writer *writer, int64_t now);

/* May records be stored?  Opens a store anew that could only be read, once there is room. */
bool writer_can_store(struct writer *writer, int64_t now);

/*
 * Reading the store, or writing to it, failed: say so once.  After a failed write what is held can still be read, if
 * Berkeley DB lets it; else, and after a failed read, the store is opened anew, which recovers it or sets it aside.
 */
void writer_read_failed(struct writer *writer, int64_t now);
void writer_write_failed(struct writer *writer, int64_t now);

/* The store works (again). */
void writer_store_worked(struct writer *writer);

/* May anything be judged by this clock?  Says so once when not. */
bool writer_clock_is_right(struct writer *writer, int64_t now);

#endif
