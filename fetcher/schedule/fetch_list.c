/* SPDX-License-Identifier: ISC */
#include "schedule/fetch_list.h"

#include <stdlib.h>

#include "cert/cert_load.h"

/* Entries lie in blocks that never move, so that pointers to them stay good while the table grows. */
#define BLOCK_ENTRIES 1024u
#define BLOCKS_MAX ((CERTS_MAX + BLOCK_ENTRIES - 1) / BLOCK_ENTRIES)

_Static_assert(sizeof(struct pool_entry) <= 512, "with eight URLs of 100 bytes an entry would pass 2 KiB");

struct pool {
    struct pool_entry *blocks[BLOCKS_MAX];
    uint32_t count;
    uint32_t added;
    uint32_t held_known;
    struct issuer_table *issuers;
};

struct pool *pool_new(void)
{
    struct pool *pool = calloc(1, sizeof *pool);

    if (pool == NULL)
        return NULL;
    pool->issuers = issuer_table_new();
    if (pool->issuers == NULL) {
        free(pool);
        return NULL;
    }
    return pool;
}

void pool_free(struct pool *pool)
{
    if (pool == NULL)
        return;
    for (uint32_t i = 0; i < pool->count; i++)
        if (pool_at(pool, i) != NULL)
            cert_clear(&pool_at(pool, i)->cert);
    for (size_t i = 0; i < BLOCKS_MAX; i++)
        free(pool->blocks[i]);
    issuer_table_free(pool->issuers);
    free(pool);
}

struct pool_entry *pool_at(const struct pool *pool, uint32_t cert_no)
{
    struct pool_entry *block;

    if (cert_no >= CERTS_MAX)
        return NULL;
    block = pool->blocks[cert_no / BLOCK_ENTRIES];
    return block == NULL ? NULL : &block[cert_no % BLOCK_ENTRIES];
}

/* The entry of cert_no, its block made when there is none.  NULL for an impossible number, or without memory. */
static struct pool_entry *reserve(struct pool *pool, uint32_t cert_no)
{
    struct pool_entry **block;

    if (cert_no >= CERTS_MAX)
        return NULL;
    block = &pool->blocks[cert_no / BLOCK_ENTRIES];
    if (*block == NULL)
        *block = calloc(BLOCK_ENTRIES, sizeof **block);
    return *block == NULL ? NULL : &(*block)[cert_no % BLOCK_ENTRIES];
}

uint32_t pool_count(const struct pool *pool)
{
    return pool->count;
}

uint32_t pool_added(const struct pool *pool)
{
    return pool->added;
}

uint32_t pool_held_known(const struct pool *pool)
{
    return pool->held_known;
}

bool pool_add(struct pool *pool, const struct msg_cert_add *add, int fd, int64_t now)
{
    struct pool_entry *entry = add->cert_no >= pool->count ? reserve(pool, add->cert_no) : NULL;
    char detail[DETAIL_MAX + 1];
    enum reason reason;

    if (entry == NULL)
        return false;
    entry->state = (uint8_t)cert_load(fd, add, now, pool->issuers, &entry->cert, &reason, detail);
    entry->policy = (struct schedule_policy){
        .safety_margin_sec = add->safety_margin_sec,
        .min_ttl_sec = add->min_ttl_sec,
        .refresh_every_sec = add->refresh_every_sec,
    };
    entry->is_sha1_allowed = (add->flags & MSG_FLAG_ALLOW_SHA1) != 0;
    entry->asking.next_waiting = CERT_NO_NONE;
    entry->is_added = true;
    entry->asking.stage = POOL_IDLE;
    pool->count = add->cert_no + 1;
    pool->added++;
    if (entry->is_held_known)
        pool->held_known++;
    return true;
}

void pool_update_held(struct pool_entry *entry, const struct msg_answer *answer)
{
    entry->held = (struct schedule_record){
        .state = (enum cert_state)answer->state,
        .this_update = answer->this_update,
        .next_update = answer->next_update,
        .effective_end = answer->effective_end,
        .fetched_at = answer->fetched_at,
    };
}

bool pool_set_held(struct pool *pool, const struct msg_answer *answer, bool may_repeat)
{
    struct pool_entry *entry = reserve(pool, answer->cert_no);

    if (entry == NULL || (entry->is_held_known && !may_repeat))
        return false;
    pool_update_held(entry, answer);
    if (entry->is_held_known)
        return true;
    entry->is_held_known = true;
    if (entry->is_added)
        pool->held_known++;
    return true;
}

void pool_forget(struct pool_entry *entry)
{
    cert_clear(&entry->cert);
}

void pool_drop(struct pool *pool, uint32_t cert_no)
{
    struct pool_entry *entry = pool_at(pool, cert_no);

    entry->is_added = false;
    pool->added--;
    if (entry->is_held_known)
        pool->held_known--;
    entry->is_held_known = false;
    if (entry->asking.stage != POOL_WAITING)
        pool_forget(entry);
}

void pool_forget_held(struct pool *pool)
{
    for (uint32_t i = 0; i < pool->count; i++)
        if (pool_at(pool, i) != NULL)
            pool_at(pool, i)->is_held_known = false;
    pool->held_known = 0;
}
