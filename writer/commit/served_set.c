/* SPDX-License-Identifier: ISC */
#include "commit/served_set.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "report/writer_report.h"
#include "system/clock.h"
#include "text/hex.h"

/* Records removed in one transaction. */
#define PRUNE_BATCH_MAX 64u

static bool add_entry(struct own *own, const struct own_entry *entry)
{
    /* Doubles at each power of two. */
    if ((own->count & (own->count - 1)) == 0) {
        size_t cap = own->count == 0 ? 1 : own->count * 2;
        struct own_entry *entries = reallocarray(own->entries, cap, sizeof *entries);

        if (entries == NULL)
            return false;
        own->entries = entries;
    }
    own->entries[own->count++] = *entry;
    own->served += entry->is_served ? 1 : 0;
    return true;
}

static bool add_ended(struct own *own, const uint8_t id[STORE_ID_LEN], bool is_bad, const char *gone)
{
    if ((own->ended_count & (own->ended_count - 1)) == 0) {
        size_t cap = own->ended_count == 0 ? 1 : own->ended_count * 2;
        struct own_ended *ended = reallocarray(own->ended, cap, sizeof *ended);

        if (ended == NULL)
            return false;
        own->ended = ended;
    }
    own->ended[own->ended_count].is_bad = is_bad;
    own->ended[own->ended_count].gone = gone;
    memcpy(own->ended[own->ended_count++].id, id, STORE_ID_LEN);
    return true;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* What Apache is told, and when that changes by itself. */
static void choose_expiry(struct own *own, struct own_entry *entry, int64_t expiry, int64_t effective_end)
{
    int64_t last = effective_end - OWN_LAST_MARGIN_SEC;

    entry->expiry = expiry;
    if (own->is_time_judged && expiry <= own->now + OWN_EXTEND_SEC && last > expiry) {
        entry->expiry = last;
        entry->is_extended = true;
    }
    entry->is_served = entry->is_served && (!own->is_time_judged || entry->expiry > own->now);
    if (!entry->is_served)
        return;
    own->next_change_at
        = earlier(own->next_change_at, entry->is_extended || last <= expiry ? entry->expiry : expiry - OWN_EXTEND_SEC);
}

/* What Apache's file is to hold for it, by its digest: so that the record need not be read again to compare the two. */
static bool describe_value(struct own_entry *entry, const struct store_record *record)
{
    const struct dbm_record value
        = {.expiry_usec = entry->expiry * USEC_PER_SEC, .flag = DBM_FLAG_GOOD, .der = record->der, .der_len = record->der_len};
    uint8_t encoded[DBM_VALUE_MAX];
    size_t len;

    if (dbm_record_encode(&value, encoded, &len) != DBM_RESULT_OK)
        return false;
    entry->value_len = (uint16_t)len;
    return EVP_Digest(encoded, len, entry->value_sha256, NULL, EVP_sha256(), NULL) == 1;
}

/*
 * A certificate whose file is gone is withdrawn (PARITY P5).  One that is merely not told of any more, since its file has
 * another certificate now, may still be Apache's until its next restart: its record stays, and in the file, until it
 * ends.  There is no issuer to verify it with; it was verified when it came, and its digest says that it is the same.
 */
static bool show(void *context, const uint8_t id[STORE_ID_LEN], enum store_result result, const struct store_record *record)
{
    struct own *own = context;
    const struct holding *holding = id == NULL ? NULL : roster_find_id(own->roster, id);
    bool is_told = holding != NULL && holding->is_usable;
    const char *gone = is_told || result != STORE_OK ? NULL : gone_find(own->gone, record->name_id);
    struct own_entry entry = {0};

    if (result != STORE_OK) {
        own->has_no_memory = id != NULL && !add_ended(own, id, true, NULL);
        return !own->has_no_memory;
    }
    memcpy(entry.key, record->apache_key, DBM_KEY_LEN);
    memcpy(entry.id, id, STORE_ID_LEN);
    /* Where a write failed half-way the store may know more than we hold: both must be good. */
    entry.is_served = gone == NULL && record->state == CERT_STATE_GOOD && (!is_told || holding->held.state == CERT_STATE_GOOD);
    if (is_told)
        choose_expiry(own, &entry, holding->held.expiry, holding->held.effective_end);
    else
        choose_expiry(own, &entry, record->expiry, record->effective_end);
    if (entry.is_served && !describe_value(&entry, record))
        own->has_no_memory = true;
    if ((gone != NULL || (!is_told && own->is_time_judged && record->effective_end <= own->now))
        && !add_ended(own, id, false, gone))
        own->has_no_memory = true;
    if (!add_entry(own, &entry))
        own->has_no_memory = true;
    return !own->has_no_memory;
}

static int compare_entries(const void *a, const void *b)
{
    const struct own_entry *x = a;
    const struct own_entry *y = b;

    if (x->is_served != y->is_served)
        return x->is_served ? -1 : 1;
    return memcmp(x->key, y->key, DBM_KEY_LEN);
}

/* Two certificates with one SHA-1 need malice; the file has room for one of them. */
static void drop_doubles(struct own *own)
{
    size_t kept = 0;

    for (size_t i = 0; i < own->served; i++)
        if (kept == 0 || memcmp(own->entries[kept - 1].key, own->entries[i].key, DBM_KEY_LEN) != 0)
            own->entries[kept++] = own->entries[i];
    memmove(own->entries + kept, own->entries + own->served, (own->count - own->served) * sizeof *own->entries);
    own->count -= own->served - kept;
    own->served = kept;
}

bool own_collect(struct own *own, const struct roster *roster, const struct gone *gone, struct store_access *access, int64_t now,
    bool is_time_judged)
{
    memset(own, 0, sizeof *own);
    own->roster = roster;
    own->gone = gone;
    own->access = access;
    own->now = now;
    own->is_time_judged = is_time_judged;
    own->next_change_at = INT64_MAX;
    if (store_walk(access->store, show, own) != STORE_OK) {
        store_access_read_failed(access, now);
        return false;
    }
    if (own->has_no_memory)
        return false;
    if (own->count > 0) {
        qsort(own->entries, own->count, sizeof *own->entries, compare_entries);
        drop_doubles(own);
    }
    return true;
}

static bool prune_batch(struct store *store, const struct own_ended *ended, size_t count)
{
    if (store_begin(store) != STORE_OK)
        return false;
    for (size_t i = 0; i < count; i++)
        if (store_remove(store, ended[i].id) > STORE_NOT_FOUND)
            return false;
    return store_commit(store) == STORE_OK;
}

static void report_pruned(const struct own *own, const struct own_ended *ended)
{
    char hex[2 * STORE_ID_LEN + 1];

    hex_format(ended->id, STORE_ID_LEN, hex);
    if (ended->is_bad)
        report_event(EVENT_STORE_RECORD_DROPPED, CERT_NO_NONE, REASON_STORE_CORRUPT,
            "the record of the certificate with SHA-256 %s was damaged", hex);
    else if (ended->gone != NULL)
        report_event(EVENT_CERT_WITHDRAWN, CERT_NO_NONE, REASON_FILE_MISSING,
            "the file of %.250s is gone, and so is its staple now; it is not asked for until the file is back", ended->gone);
    else if (roster_find_id(own->roster, ended->id) == NULL) /* else it is told of, and known to have ended */
        report_event(EVENT_CERT_WITHDRAWN, CERT_NO_NONE, REASON_FILE_MISSING,
            "the certificate with SHA-256 %s is no longer managed, and its last response has expired", hex);
}

void own_prune(struct own *own)
{
    if (own->ended_count == 0 || !store_access_can_write(own->access, own->now))
        return;
    for (size_t i = 0; i < own->ended_count; i += PRUNE_BATCH_MAX) {
        size_t left = own->ended_count - i;
        size_t count = left < PRUNE_BATCH_MAX ? left : PRUNE_BATCH_MAX;

        if (!prune_batch(own->access->store, own->ended + i, count)) {
            store_access_write_failed(own->access, own->now);
            return;
        }
        for (size_t k = 0; k < count; k++)
            report_pruned(own, &own->ended[i + k]);
    }
}

static const struct own_entry *find(const struct own *own, const uint8_t key[DBM_KEY_LEN], bool is_served)
{
    struct own_entry wanted = {.is_served = is_served};

    if (own->count == 0)
        return NULL;
    memcpy(wanted.key, key, DBM_KEY_LEN);
    return bsearch(&wanted, own->entries, own->count, sizeof wanted, compare_entries);
}

bool own_has_key(const struct own *own, const uint8_t key[DBM_KEY_LEN])
{
    return find(own, key, true) != NULL || find(own, key, false) != NULL;
}

const struct own_entry *own_find_served(const struct own *own, const uint8_t key[DBM_KEY_LEN])
{
    return find(own, key, true);
}

static bool own_value(const struct own *own, const struct own_entry *entry, uint8_t *out, size_t *len)
{
    struct dbm_record value = {.flag = DBM_FLAG_GOOD};
    struct store_record record;

    if (own->access->store == NULL || store_get(own->access->store, entry->id, &record) != STORE_OK
        || record.state != CERT_STATE_GOOD)
        return false;
    value.expiry_usec = entry->expiry * USEC_PER_SEC;
    value.der = record.der;
    value.der_len = record.der_len;
    return dbm_record_encode(&value, out, len) == DBM_RESULT_OK;
}

static const uint8_t *file_key(void *context, size_t i)
{
    return ((const struct own *)context)->entries[i].key;
}

static size_t file_value_len(void *context, size_t i)
{
    return ((const struct own *)context)->entries[i].value_len;
}

static const uint8_t *file_digest(void *context, size_t i)
{
    return ((const struct own *)context)->entries[i].value_sha256;
}

static bool file_value(void *context, size_t i, uint8_t *out, size_t *len)
{
    const struct own *own = context;

    return own_value(own, &own->entries[i], out, len);
}

struct apache_dbm_own own_for_file(struct own *own)
{
    return (struct apache_dbm_own){
        .count = own->served,
        .key = file_key,
        .value_len = file_value_len,
        .digest = file_digest,
        .value = file_value,
        .context = own,
    };
}

void own_clear(struct own *own)
{
    free(own->entries);
    free(own->ended);
    memset(own, 0, sizeof *own);
}
