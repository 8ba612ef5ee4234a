/* SPDX-License-Identifier: ISC */
/*
 * Owns: the interface to a library that knows one kind of DBM file; Berkeley DB hash today (dbm_bdb.c).
 * Runs in: writer; read_all in its reader process alone.
 * Never: merges, decides or renames: that is apache_dbm.c's.
 *
 * A driver for another of apr-util's DBM types is another file with these three functions.
 */
#ifndef STAPLEGUARD_DBM_DRIVER_H
#define STAPLEGUARD_DBM_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"
#include "dbm/dbm_layout.h"

enum dbm_driver_result {
    DBM_DRIVER_OK,
    DBM_DRIVER_DAMAGED,  /* the file's content is not what the library expects */
    DBM_DRIVER_FAILED,   /* the system refused: space, rights, memory */
    DBM_DRIVER_STOPPED,  /* the caller's function said so */
    DBM_DRIVER_WRONG,    /* check: a record is missing, differs or is too many */
    DBM_DRIVER_NO_GUARD, /* check: the scan guard does not come first */
};

/* One record, borrowed until the next call. */
struct dbm_pair {
    const uint8_t *key;
    size_t key_len;
    const uint8_t *value;
    size_t value_len;
};

/* Takes one record; returns false to stop. */
typedef bool dbm_take_fn(void *context, const struct dbm_pair *pair);

/*
 * Where build and check get the records from, the guard apart; in the order of their buckets, which makes building fast, and puts
 * those of the layout's that stand behind the guard first.
 */
struct dbm_source {
    size_t count;
    bool (*get)(void *context, size_t i, struct dbm_pair *pair); /* false: stop, the caller knows why */
    const uint8_t *(*key)(void *context, size_t i);              /* DBM_KEY_LEN octets */
    /* Is this the value of record i, to the bit?  Without get: the record may lie on a disk. */
    bool (*is_same)(void *context, size_t i, const uint8_t *value, size_t value_len);
    void *context;
};

struct dbm_driver {
    const char *name;
    /*
     * Hand every record behind fd to take.  lock_in is called once after everything is allocated and before the first
     * byte is read: from there on a broken library can do no harm.  A hostile file may crash the library or keep it busy
     * for ever.
     */
    enum dbm_driver_result (*read_all)(int fd, bool (*lock_in)(void), dbm_take_fn *take, void *context);
    /* Make a new file at path, which must not exist.  words: why not, "" where there is nothing to say. */
    enum dbm_driver_result (*build)(
        const char *path, const struct dbm_layout *layout, const struct dbm_source *source, char words[DETAIL_MAX + 1]);
    /* Open the file as Apache does: the guard comes first where there is one, each record is there, and no other. */
    enum dbm_driver_result (*check)(
        const char *path, const struct dbm_layout *layout, const struct dbm_source *source, char words[DETAIL_MAX + 1]);
};

extern const struct dbm_driver dbm_driver_bdb;

/* The scan guard's value: expiry in the far future, flag 0, no DER, so that an Apache that walks past it keeps it. */
#define DBM_GUARD_EXPIRY_USEC INT64_C(253402300799000000) /* the end of year 9999 */

#endif
