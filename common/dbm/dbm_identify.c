/* SPDX-License-Identifier: ISC */
#include "dbm/dbm_identify.h"

#include <stdbool.h>

#define BDB_MAGIC_AT 12u
#define LMDB_MAGIC_AT 16u
#define LMDB_MAGIC_OLD_AT 12u /* page header of LMDB on 32 bit */

static uint32_t little_endian(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool has_magic(const uint8_t *bytes, size_t len, size_t at, uint32_t magic)
{
    uint32_t found;

    if (len < at + sizeof magic)
        return false;
    found = little_endian(bytes + at);
    return found == magic || found == __builtin_bswap32(magic);
}

static bool is_gdbm(const uint8_t *bytes, size_t len)
{
    /* Original, 32 and 64 bit offsets, and the two with crash tolerance ("numsync"). */
    static const uint32_t magics[] = {0x13579ace, 0x13579acd, 0x13579acf, 0x13579ad0, 0x13579ad1};

    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++)
        if (has_magic(bytes, len, 0, magics[i]))
            return true;
    return false;
}

static bool is_all_zero(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

static bool is_text(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] >= 0x7f || (bytes[i] < 0x20 && bytes[i] != '\t' && bytes[i] != '\n' && bytes[i] != '\r'))
            return false;
    return true;
}

enum dbm_kind dbm_identify(const uint8_t *bytes, size_t len)
{
    if (is_all_zero(bytes, len))
        return DBM_KIND_EMPTY;
    if (has_magic(bytes, len, BDB_MAGIC_AT, 0x061561))
        return DBM_KIND_BDB_HASH;
    if (has_magic(bytes, len, BDB_MAGIC_AT, 0x053162))
        return DBM_KIND_BDB_BTREE;
    if (has_magic(bytes, len, BDB_MAGIC_AT, 0x042253) || has_magic(bytes, len, BDB_MAGIC_AT, 0x074582)) /* queue, heap */
        return DBM_KIND_BDB_OTHER;
    if (is_gdbm(bytes, len))
        return DBM_KIND_GDBM;
    if (has_magic(bytes, len, LMDB_MAGIC_AT, 0xbeefc0de) || has_magic(bytes, len, LMDB_MAGIC_OLD_AT, 0xbeefc0de))
        return DBM_KIND_LMDB;
    return is_text(bytes, len) ? DBM_KIND_TEXT : DBM_KIND_OTHER;
}

const char *dbm_kind_words(enum dbm_kind kind)
{
    switch (kind) {
    case DBM_KIND_EMPTY:
        return "an empty file";
    case DBM_KIND_BDB_HASH:
        return "a Berkeley DB hash file";
    case DBM_KIND_BDB_BTREE:
        return "a Berkeley DB B-tree file";
    case DBM_KIND_BDB_OTHER:
        return "a Berkeley DB file of another access method";
    case DBM_KIND_GDBM:
        return "a GDBM file";
    case DBM_KIND_LMDB:
        return "an LMDB file";
    case DBM_KIND_TEXT:
        return "a text file";
    case DBM_KIND_OTHER:
        break;
    }
    return "a file of a kind that is not known";
}
