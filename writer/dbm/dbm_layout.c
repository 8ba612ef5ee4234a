/* SPDX-License-Identifier: ISC */
#include "dbm/dbm_layout.h"

#define HASH_BITS 32u

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

uint32_t dbm_layout_hash(const uint8_t *key, size_t len)
{
    uint32_t hash = 0;

    for (size_t i = 0; i < len; i++)
        hash = hash * 16777619u ^ key[i];
    return hash;
}

uint32_t dbm_layout_bucket(const struct dbm_layout *layout, const uint8_t *key, size_t len)
{
    return dbm_layout_hash(key, len) & ((1u << layout->bits) - 1);
}

/* With more bits than this the key leaves bucket 0; HASH_BITS: it never does. */
static unsigned zeros_of(const uint8_t *key, size_t len)
{
    uint32_t hash = dbm_layout_hash(key, len);

    return hash == 0 ? HASH_BITS : (unsigned)__builtin_ctz(hash);
}

/* Source: Berkeley DB dbinc/hash.h (ISBIG), dbinc/db_page.h (26 octets before what a page holds). */
static uint64_t disk_len(size_t value_len, size_t page_len)
{
    size_t room = page_len - DBM_LAYOUT_PAGE_HEADER;

    return page_len + (value_len > page_len / 4 ? (value_len + room - 1) / room * page_len : 0);
}

void dbm_layout_count(struct dbm_layout_sum *sum, const uint8_t *key, size_t len, size_t value_len, bool is_own)
{
    unsigned zeros = zeros_of(key, len);

    sum->count++;
    sum->small_len += disk_len(value_len, DBM_LAYOUT_PAGE_SMALL);
    sum->large_len += disk_len(value_len, DBM_LAYOUT_PAGE_LARGE);
    if (is_own)
        sum->own_zeros[zeros]++;
    else
        sum->foreign_zeros[zeros]++;
}

/* The guard is a record too. */
static unsigned bits_for_count(size_t count)
{
    unsigned bits = DBM_LAYOUT_BITS_MIN;

    while (bits < DBM_LAYOUT_BITS_MAX && count + 1 > (size_t)1 << bits)
        bits++;
    return bits;
}

/* Enough to keep bucket 0 free, where fewer than limit are. */
static unsigned bits_for_guard(const struct dbm_layout_sum *sum, unsigned bits, unsigned limit)
{
    for (unsigned zeros = 0; zeros < limit; zeros++)
        if (sum->own_zeros[zeros] > 0 || sum->foreign_zeros[zeros] > 0)
            bits = larger(bits, zeros + 1);
    return bits;
}

void dbm_layout_choose(const struct dbm_layout_sum *sum, bool is_guard_wanted, struct dbm_layout *layout)
{
    unsigned bits = bits_for_count(sum->count);
    unsigned limit = larger(bits + DBM_LAYOUT_RAISE, DBM_LAYOUT_RAISED_BITS);
    size_t foreign = 0;

    *layout = (struct dbm_layout){
        .bits = bits,
        .page_len = sum->small_len < sum->large_len ? DBM_LAYOUT_PAGE_SMALL : DBM_LAYOUT_PAGE_LARGE,
    };
    if (!is_guard_wanted)
        return;
    layout->has_guard = true;
    layout->bits = bits_for_guard(sum, bits, limit < DBM_LAYOUT_BITS_MAX ? limit : DBM_LAYOUT_BITS_MAX);
    for (unsigned zeros = layout->bits; zeros <= HASH_BITS; zeros++) {
        layout->own_behind += sum->own_zeros[zeros];
        foreign += sum->foreign_zeros[zeros];
    }
    layout->foreign_behind = foreign < DBM_LAYOUT_FOREIGN_BEHIND_MAX ? foreign : DBM_LAYOUT_FOREIGN_BEHIND_MAX;
    layout->displaced = foreign - layout->foreign_behind;
}
