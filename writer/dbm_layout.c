/*
 * Owns: how many buckets Apache's file gets, so that the scan guard's empty key is the first record of it.
 * Runs in: writer.
 * Never: touches a file or Berkeley DB; asks for more buckets than DBM_LAYOUT_BITS_MAX says.
 */
#include "dbm_layout.h"

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

void dbm_layout_count(struct dbm_layout_sum *sum, const uint8_t *key, size_t len, bool is_own)
{
    unsigned zeros = zeros_of(key, len);

    sum->count++;
    if (is_own) {
        sum->has_own = true;
        sum->own_zeros = larger(sum->own_zeros, zeros);
    } else {
        sum->foreign_zeros[zeros]++;
    }
}

/* The guard is a record too. */
static unsigned bits_for_count(size_t count)
{
    unsigned bits = DBM_LAYOUT_BITS_MIN;

    while (bits < DBM_LAYOUT_BITS_MAX && count + 1 > (size_t)1 << bits)
        bits++;
    return bits;
}

static unsigned bits_for_foreign(const struct dbm_layout_sum *sum, unsigned bits, unsigned limit)
{
    for (unsigned zeros = 0; zeros < limit; zeros++)
        if (sum->foreign_zeros[zeros] > 0)
            bits = larger(bits, zeros + 1);
    return bits;
}

void dbm_layout_choose(const struct dbm_layout_sum *sum, bool is_guard_wanted, struct dbm_layout *layout)
{
    unsigned bits = bits_for_count(sum->count);
    unsigned limit = larger(bits + DBM_LAYOUT_FOREIGN_RAISE, DBM_LAYOUT_FOREIGN_BITS);

    *layout = (struct dbm_layout){.bits = bits};
    if (!is_guard_wanted || (sum->has_own && sum->own_zeros >= DBM_LAYOUT_BITS_MAX))
        return;
    layout->has_guard = true;
    if (sum->has_own)
        bits = larger(bits, sum->own_zeros + 1);
    limit = larger(bits, limit);
    layout->bits = bits_for_foreign(sum, bits, limit < DBM_LAYOUT_BITS_MAX ? limit : DBM_LAYOUT_BITS_MAX);
    for (unsigned zeros = layout->bits; zeros <= HASH_BITS; zeros++)
        layout->displaced += sum->foreign_zeros[zeros];
}
