/* SPDX-License-Identifier: ISC */
#include "offers/roster.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

struct roster {
    struct issuer_table *issuers;
    struct roster_entry *entries;
    size_t count;
    size_t cap;
    void *by_id; /* tsearch(3) trees of struct holding */
    void *by_key;
};

static int compare_ids(const void *a, const void *b)
{
    return memcmp(((const struct holding *)a)->id, ((const struct holding *)b)->id, STORE_ID_LEN);
}

static int compare_keys(const void *a, const void *b)
{
    return memcmp(((const struct holding *)a)->apache_key, ((const struct holding *)b)->apache_key, DBM_KEY_LEN);
}

static void leave_alone(void *node)
{
    (void)node; /* the other tree owns it */
}

struct roster *roster_new(void)
{
    struct roster *roster = calloc(1, sizeof *roster);

    if (roster == NULL)
        return NULL;
    roster->issuers = issuer_table_new();
    if (roster->issuers == NULL) {
        free(roster);
        return NULL;
    }
    return roster;
}

void roster_free(struct roster *roster)
{
    if (roster == NULL)
        return;
    for (size_t i = 0; i < roster->count; i++)
        cert_clear(&roster->entries[i].cert);
    tdestroy(roster->by_key, leave_alone);
    tdestroy(roster->by_id, free);
    issuer_table_free(roster->issuers);
    free(roster->entries);
    free(roster);
}

size_t roster_count(const struct roster *roster)
{
    return roster->count;
}

struct issuer_table *roster_issuers(struct roster *roster)
{
    return roster->issuers;
}

static bool grow(struct roster *roster)
{
    size_t cap = roster->cap == 0 ? 64 : roster->cap * 2;
    struct roster_entry *entries;

    if (roster->count < roster->cap)
        return true;
    entries = reallocarray(roster->entries, cap, sizeof *entries);
    if (entries == NULL)
        return false;
    roster->entries = entries;
    roster->cap = cap;
    return true;
}

static struct roster_entry *append(struct roster *roster)
{
    struct roster_entry *entry;

    if (roster->count >= CERTS_MAX || !grow(roster))
        return NULL;
    entry = &roster->entries[roster->count++];
    memset(entry, 0, sizeof *entry);
    return entry;
}

static void empty(struct roster_entry *entry)
{
    cert_clear(&entry->cert);
    /* It may stand in the queue of answers. */
    *entry = (struct roster_entry){.told.state = CERT_STATE_UNUSABLE, .is_dropped = true, .answer = entry->answer};
}

struct roster_entry *roster_add(struct roster *roster, uint32_t cert_no)
{
    if (cert_no < roster->count || cert_no >= CERTS_MAX)
        return NULL;
    while (roster->count < cert_no) {
        struct roster_entry *gap = append(roster);

        if (gap == NULL)
            return NULL;
        empty(gap);
    }
    return append(roster);
}

/* Another number of the same certificate stands in for it; without one nobody can verify for it any more. */
static void find_other_number(struct roster *roster, struct holding *holding)
{
    holding->is_usable = false;
    for (uint32_t i = 0; i < roster->count; i++) {
        const struct roster_entry *entry = &roster->entries[i];

        if (entry->holding == holding && entry->told.state == CERT_STATE_MISSING) {
            holding->is_usable = true;
            holding->cert_no = i;
            return;
        }
    }
}

void roster_drop(struct roster *roster, uint32_t cert_no)
{
    struct roster_entry *entry = roster_at(roster, cert_no);
    struct holding *holding;

    if (entry == NULL || entry->is_dropped)
        return;
    holding = entry->holding;
    empty(entry);
    if (holding != NULL && holding->is_usable && holding->cert_no == cert_no)
        find_other_number(roster, holding);
}

static struct holding *new_holding(struct roster *roster, const struct cert *cert)
{
    struct holding *holding = calloc(1, sizeof *holding);

    if (holding == NULL)
        return NULL;
    memcpy(holding->id, cert->sha256, STORE_ID_LEN);
    memcpy(holding->apache_key, cert->sha1, DBM_KEY_LEN);
    holding->cert_no = CERT_NO_NONE;
    holding->held.state = CERT_STATE_MISSING;
    if (tsearch(holding, &roster->by_id, compare_ids) == NULL) {
        free(holding);
        return NULL;
    }
    return tsearch(holding, &roster->by_key, compare_keys) == NULL ? NULL : holding;
}

bool roster_settle(struct roster *roster, struct roster_entry *entry)
{
    static const uint8_t none[STORE_ID_LEN];
    struct holding *holding;

    if (memcmp(entry->cert.sha256, none, sizeof none) == 0)
        return true; /* not read: there is nothing to hold for it */
    entry->holding = roster_find_id(roster, entry->cert.sha256);
    if (entry->holding == NULL)
        entry->holding = new_holding(roster, &entry->cert);
    holding = entry->holding;
    if (holding == NULL)
        return false;
    if (entry->told.state == CERT_STATE_MISSING && !holding->is_usable) {
        holding->is_usable = true;
        holding->cert_no = (uint32_t)(entry - roster->entries);
    }
    return true;
}

void roster_forget_held(struct roster *roster)
{
    for (size_t i = 0; i < roster->count; i++)
        if (roster->entries[i].holding != NULL)
            roster->entries[i].holding->held = (struct held){.state = CERT_STATE_MISSING};
}

struct roster_entry *roster_at(struct roster *roster, uint32_t cert_no)
{
    return cert_no < roster->count ? &roster->entries[cert_no] : NULL;
}

struct holding *roster_find_id(const struct roster *roster, const uint8_t id[STORE_ID_LEN])
{
    struct holding wanted;
    struct holding *const *node;

    memcpy(wanted.id, id, STORE_ID_LEN);
    node = tfind(&wanted, &roster->by_id, compare_ids);
    return node == NULL ? NULL : *node;
}

struct holding *roster_find_key(const struct roster *roster, const uint8_t key[DBM_KEY_LEN])
{
    struct holding wanted;
    struct holding *const *node;

    memcpy(wanted.apache_key, key, DBM_KEY_LEN);
    node = tfind(&wanted, &roster->by_key, compare_keys);
    return node == NULL ? NULL : *node;
}
