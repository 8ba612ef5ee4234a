/* SPDX-License-Identifier: ISC */
/*
 * Owns: telling from its first bytes what kind of file stands where Apache's DBM file should be.
 * Runs in: writer; command line (enable).
 * Never: opens or reads a file; it is given the bytes.
 */
#ifndef STAPLEGUARD_DBM_IDENTIFY_H
#define STAPLEGUARD_DBM_IDENTIFY_H

#include <stddef.h>
#include <stdint.h>

/* As many first bytes as are looked at. */
#define DBM_IDENTIFY_LEN 64u

enum dbm_kind {
    DBM_KIND_EMPTY,    /* no bytes, or zeros alone: what a crash or a full disk leaves behind */
    DBM_KIND_BDB_HASH, /* what we write */
    DBM_KIND_BDB_BTREE,
    DBM_KIND_BDB_OTHER, /* another access method of Berkeley DB */
    DBM_KIND_GDBM,
    DBM_KIND_LMDB,
    DBM_KIND_TEXT,
    DBM_KIND_OTHER,
};

/*
 * bytes: the file's first len bytes, DBM_IDENTIFY_LEN if it has so many.
 * Sources: Berkeley DB dbinc/db_page.h (magic at byte 12, either byte order); GDBM gdbmconst.h; LMDB mdb.c (MDB_MAGIC
 * after the page header).  SDBM files have no magic; they are known by their names (PATH.pag, PATH.dir).
 */
enum dbm_kind dbm_identify(const uint8_t *bytes, size_t len);

/* "a GDBM file" …, to go on a sentence with. */
const char *dbm_kind_words(enum dbm_kind kind);

#endif
