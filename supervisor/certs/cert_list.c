/* SPDX-License-Identifier: ISC */
#include "certs/cert_list.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "system/log.h"

/* A certificate's file, so that one reached by two names is taken once. */
struct file_identity {
    dev_t device;
    ino_t inode;
    const char *name;
};

static int compare_identities(const void *a, const void *b)
{
    const struct file_identity *left = a;
    const struct file_identity *right = b;

    if (left->device != right->device)
        return left->device < right->device ? -1 : 1;
    if (left->inode != right->inode)
        return left->inode < right->inode ? -1 : 1;
    return 0;
}

/* Returns the name under which the file is known already, or NULL; then it is known from now on. */
static const char *known_as(void **seen, const char *path, const char *name)
{
    struct file_identity *identity;
    struct file_identity **found;
    struct stat st;

    if (stat(path, &st) != 0) /* missing: said when it is read */
        return NULL;
    identity = malloc(sizeof *identity);
    if (identity == NULL)
        return NULL;
    *identity = (struct file_identity){st.st_dev, st.st_ino, name};
    found = tsearch(identity, seen, compare_identities);
    if (found == NULL || *found != identity) {
        free(identity);
        return found == NULL ? NULL : (*found)->name;
    }
    return NULL;
}

static void append(struct pool *pool, const struct pool_cert *cert)
{
    pool->certs[pool->count] = *cert;
    pool->certs[pool->count].cert_no = POOL_NO_NUMBER;
    pool->certs[pool->count].told_no = POOL_NO_NUMBER;
    pool->certs[pool->count].needs_look = true;
    pool->count++;
}

static void add(struct pool *pool, void **seen, const struct pool_cert *cert)
{
    const char *other = known_as(seen, cert->path, cert->name);

    if (other != NULL) {
        log_warning("%s: the file %s is looked after as %s already", cert->name, cert->path, other);
        return;
    }
    append(pool, cert);
}

static void add_all(struct pool *pool, const struct conf *conf)
{
    void *seen = NULL;

    for (size_t i = 0; i < conf->cert_count; i++) {
        const struct conf_cert *configured = &conf->certs[i];

        add(pool, &seen,
            &(struct pool_cert){.name = configured->name,
                .path = configured->cert,
                .chain = configured->chain,
                .responder = configured->responder,
                .policy = &configured->policy});
    }
    for (size_t i = 0; i < pool->source_count; i++) {
        const struct pool_source *source = &pool->sources[i];

        /* A certificate that has a section of its own is known already, and meant to be: no warning. */
        if (known_as(&seen, source->path, source->path) == NULL)
            append(pool,
                &(struct pool_cert){.name = source->path, .path = source->path, .chain = source->chain, .policy = &conf->policy});
    }
    tdestroy(seen, free);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(struct pool_cert *const *)a)->name, (*(struct pool_cert *const *)b)->name);
}

/* NULL when memory ends. */
static struct pool_cert **sort_by_name(struct pool *pool)
{
    struct pool_cert **sorted = reallocarray(NULL, pool->count + 1, sizeof *sorted);

    for (size_t i = 0; sorted != NULL && i < pool->count; i++)
        sorted[i] = &pool->certs[i];
    if (sorted != NULL)
        qsort(sorted, pool->count, sizeof *sorted, compare_names);
    return sorted;
}

struct pool *pool_new(const struct conf *conf, struct pool_source *sources, size_t source_count)
{
    struct pool *pool = calloc(1, sizeof *pool);
    size_t most = conf->cert_count + source_count;

    if (pool == NULL)
        return NULL;
    pool->sources = sources;
    pool->source_count = source_count;
    pool->certs = calloc(most + 1, sizeof *pool->certs);
    if (pool->certs == NULL) {
        pool_free(pool);
        return NULL;
    }
    add_all(pool, conf);
    pool->by_name = sort_by_name(pool);
    if (pool->by_name == NULL) {
        pool_free(pool);
        return NULL;
    }
    return pool;
}

void pool_sources_free(struct pool_source *sources, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(sources[i].path);
        free(sources[i].chain);
    }
    free(sources);
}

void pool_free(struct pool *pool)
{
    if (pool == NULL)
        return;
    for (size_t i = 0; i < pool->count; i++)
        free(pool->certs[i].detail);
    pool_sources_free(pool->sources, pool->source_count);
    free(pool->by_name);
    free(pool->certs);
    free(pool->by_cert_no);
    free(pool);
}

struct pool_cert *pool_find(struct pool *pool, uint32_t cert_no)
{
    if (cert_no >= pool->sent_count || pool->by_cert_no[cert_no] == POOL_NO_NUMBER)
        return NULL;
    return &pool->certs[pool->by_cert_no[cert_no]];
}

struct pool_cert *pool_find_name(struct pool *pool, const char *name)
{
    struct pool_cert wanted = {.name = name}, *key = &wanted;
    struct pool_cert **found = bsearch(&key, pool->by_name, pool->count, sizeof *pool->by_name, compare_names);

    return found == NULL ? NULL : *found;
}

/* Room for count numbers. */
static bool reserve_numbers(struct pool *pool, uint32_t count)
{
    uint32_t cap = pool->number_cap == 0 ? 64 : pool->number_cap;
    uint32_t *by_cert_no;

    if (count <= pool->number_cap)
        return true;
    while (cap < count)
        cap *= 2;
    by_cert_no = reallocarray(pool->by_cert_no, cap, sizeof *by_cert_no);
    if (by_cert_no == NULL)
        return false;
    pool->by_cert_no = by_cert_no;
    pool->number_cap = cap;
    return true;
}

bool pool_number(struct pool *pool, size_t index)
{
    if (pool->sent_count >= CERTS_MAX || !reserve_numbers(pool, pool->sent_count + 1))
        return false;
    pool->certs[index].cert_no = pool->sent_count;
    pool->by_cert_no[pool->sent_count++] = (uint32_t)index;
    return true;
}

void pool_drop_number(struct pool *pool, struct pool_cert *cert)
{
    if (cert->cert_no != POOL_NO_NUMBER)
        pool->by_cert_no[cert->cert_no] = POOL_NO_NUMBER;
    cert->cert_no = POOL_NO_NUMBER;
}

bool pool_is_short_of_numbers(const struct pool *pool)
{
    size_t used_up = pool->sent_count > pool->count ? pool->sent_count - pool->count : 0;

    return pool->sent_count > CERTS_MAX / 4 * 3 && used_up > (CERTS_MAX - pool->count) / 2;
}

static int compare_texts(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return (a != NULL) - (b != NULL);
    return strcmp(a, b);
}

static bool is_alike(const struct pool_cert *a, const struct pool_cert *b)
{
    return strcmp(a->path, b->path) == 0 && compare_texts(a->chain, b->chain) == 0
        && compare_texts(a->responder, b->responder) == 0 && a->policy->safety_margin_sec == b->policy->safety_margin_sec
        && a->policy->min_ttl_sec == b->policy->min_ttl_sec && a->policy->refresh_every_sec == b->policy->refresh_every_sec
        && a->policy->unknown_grace_sec == b->policy->unknown_grace_sec
        && a->policy->is_sha1_allowed == b->policy->is_sha1_allowed;
}

/* What is known goes over; what the configuration says is the new one's own. */
static void inherit(struct pool_cert *cert, struct pool_cert *old)
{
    struct pool_cert merged = *old;

    merged.name = cert->name;
    merged.path = cert->path;
    merged.chain = cert->chain;
    merged.responder = cert->responder;
    merged.policy = cert->policy;
    *cert = merged;
    old->detail = NULL;
}

bool pool_take_over(struct pool *pool, struct pool *old)
{
    if (!reserve_numbers(pool, old->sent_count))
        return false;
    pool->sent_count = old->sent_count;
    memset(pool->by_cert_no, 0xff, pool->number_cap * sizeof *pool->by_cert_no);
    for (size_t i = 0; i < pool->count; i++) {
        struct pool_cert *cert = &pool->certs[i];
        struct pool_cert *found = pool_find_name(old, cert->name);

        if (found == NULL || !is_alike(cert, found))
            continue;
        inherit(cert, found);
        if (cert->cert_no != POOL_NO_NUMBER) {
            pool->by_cert_no[cert->cert_no] = (uint32_t)i;
            found->cert_no = POOL_NO_NUMBER;
        }
    }
    return true;
}

static struct pool_stamp stamp_of(const char *path)
{
    struct stat st;

    if (path == NULL || stat(path, &st) != 0)
        return (struct pool_stamp){.size = -1};
    return (struct pool_stamp){
        .device = st.st_dev,
        .inode = st.st_ino,
        .size = st.st_size,
        .mtime_nsec = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec,
        .ctime_nsec = st.st_ctim.tv_sec * INT64_C(1000000000) + st.st_ctim.tv_nsec,
    };
}

static bool is_same_stamp(const struct pool_stamp *a, const struct pool_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size && a->mtime_nsec == b->mtime_nsec
        && a->ctime_nsec == b->ctime_nsec;
}

bool pool_stamp(struct pool_cert *cert)
{
    struct pool_stamp stamps[] = {stamp_of(cert->path), stamp_of(cert->chain)};
    bool is_same = is_same_stamp(&stamps[0], &cert->stamps[0]) && is_same_stamp(&stamps[1], &cert->stamps[1]);

    memcpy(cert->stamps, stamps, sizeof stamps);
    return !is_same;
}

void pool_forget_numbers(struct pool *pool)
{
    pool->sent_count = 0;
    for (size_t i = 0; i < pool->count; i++) {
        pool->certs[i].cert_no = POOL_NO_NUMBER;
        pool->certs[i].needs_look = true;
    }
}

void pool_cert_fail(struct pool_cert *cert, enum reason reason, const char *detail)
{
    free(cert->detail);
    cert->detail = detail[0] == '\0' ? NULL : strdup(detail);
    cert->reason = reason;
}
