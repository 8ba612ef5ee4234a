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

static void append(struct cert_list *list, const struct listed_cert *cert)
{
    list->certs[list->count] = *cert;
    list->certs[list->count].sent.cert_no = CERT_NO_NONE;
    list->certs[list->count].told.cert_no = CERT_NO_NONE;
    list->certs[list->count].look.is_due = true;
    list->count++;
}

static void add(struct cert_list *list, void **seen, const struct listed_cert *cert)
{
    const char *other = known_as(seen, cert->path, cert->name);

    if (other != NULL) {
        log_warning("%s: the file %s is already managed as %s", cert->name, cert->path, other);
        return;
    }
    append(list, cert);
}

static void add_all(struct cert_list *list, const struct conf *conf)
{
    void *seen = NULL;

    for (size_t i = 0; i < conf->cert_count; i++) {
        const struct conf_cert *configured = &conf->certs[i];

        add(list, &seen,
            &(struct listed_cert){.name = configured->name,
                .path = configured->cert,
                .chain = configured->chain,
                .responder = configured->responder,
                .policy = &configured->policy});
    }
    for (size_t i = 0; i < list->source_count; i++) {
        const struct cert_source *source = &list->sources[i];

        /* A certificate that has a section of its own is known already, and meant to be: no warning. */
        if (known_as(&seen, source->path, source->path) == NULL)
            append(list,
                &(struct listed_cert){
                    .name = source->path, .path = source->path, .chain = source->chain, .policy = &conf->policy});
    }
    tdestroy(seen, free);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(struct listed_cert *const *)a)->name, (*(struct listed_cert *const *)b)->name);
}

/* NULL when memory ends. */
static struct listed_cert **sort_by_name(struct cert_list *list)
{
    struct listed_cert **sorted = reallocarray(NULL, list->count + 1, sizeof *sorted);

    for (size_t i = 0; sorted != NULL && i < list->count; i++)
        sorted[i] = &list->certs[i];
    if (sorted != NULL)
        qsort(sorted, list->count, sizeof *sorted, compare_names);
    return sorted;
}

struct cert_list *cert_list_new(const struct conf *conf, struct cert_source *sources, size_t source_count)
{
    struct cert_list *list = calloc(1, sizeof *list);
    size_t most = conf->cert_count + source_count;

    if (list == NULL)
        return NULL;
    list->sources = sources;
    list->source_count = source_count;
    list->certs = calloc(most + 1, sizeof *list->certs);
    if (list->certs == NULL) {
        cert_list_free(list);
        return NULL;
    }
    add_all(list, conf);
    list->by_name = sort_by_name(list);
    if (list->by_name == NULL) {
        cert_list_free(list);
        return NULL;
    }
    return list;
}

void cert_sources_free(struct cert_source *sources, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(sources[i].path);
        free(sources[i].chain);
    }
    free(sources);
}

void cert_list_free(struct cert_list *list)
{
    if (list == NULL)
        return;
    for (size_t i = 0; i < list->count; i++)
        free(list->certs[i].trouble.detail);
    cert_sources_free(list->sources, list->source_count);
    free(list->by_name);
    free(list->certs);
    free(list->by_cert_no);
    free(list);
}

struct listed_cert *cert_list_find(struct cert_list *list, uint32_t cert_no)
{
    if (cert_no >= list->sent_count || list->by_cert_no[cert_no] == CERT_NO_NONE)
        return NULL;
    return &list->certs[list->by_cert_no[cert_no]];
}

struct listed_cert *cert_list_find_name(struct cert_list *list, const char *name)
{
    struct listed_cert wanted = {.name = name}, *key = &wanted;
    struct listed_cert **found = bsearch(&key, list->by_name, list->count, sizeof *list->by_name, compare_names);

    return found == NULL ? NULL : *found;
}

/* Room for count numbers. */
static bool reserve_numbers(struct cert_list *list, uint32_t count)
{
    uint32_t cap = list->number_cap == 0 ? 64 : list->number_cap;
    uint32_t *by_cert_no;

    if (count <= list->number_cap)
        return true;
    while (cap < count)
        cap *= 2;
    by_cert_no = reallocarray(list->by_cert_no, cap, sizeof *by_cert_no);
    if (by_cert_no == NULL)
        return false;
    list->by_cert_no = by_cert_no;
    list->number_cap = cap;
    return true;
}

bool cert_list_number(struct cert_list *list, size_t index)
{
    if (list->sent_count >= CERTS_MAX || !reserve_numbers(list, list->sent_count + 1))
        return false;
    list->certs[index].sent.cert_no = list->sent_count;
    list->by_cert_no[list->sent_count++] = (uint32_t)index;
    return true;
}

void cert_list_drop_number(struct cert_list *list, struct listed_cert *cert)
{
    if (cert->sent.cert_no != CERT_NO_NONE)
        list->by_cert_no[cert->sent.cert_no] = CERT_NO_NONE;
    cert->sent.cert_no = CERT_NO_NONE;
}

bool cert_list_is_short_of_numbers(const struct cert_list *list)
{
    size_t used_up = list->sent_count > list->count ? list->sent_count - list->count : 0;

    return list->sent_count > CERTS_MAX / 4 * 3 && used_up > (CERTS_MAX - list->count) / 2;
}

static int compare_texts(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return (a != NULL) - (b != NULL);
    return strcmp(a, b);
}

static bool is_alike(const struct listed_cert *a, const struct listed_cert *b)
{
    return strcmp(a->path, b->path) == 0 && compare_texts(a->chain, b->chain) == 0
        && compare_texts(a->responder, b->responder) == 0 && a->policy->safety_margin_sec == b->policy->safety_margin_sec
        && a->policy->min_ttl_sec == b->policy->min_ttl_sec && a->policy->refresh_every_sec == b->policy->refresh_every_sec
        && a->policy->unknown_grace_sec == b->policy->unknown_grace_sec
        && a->policy->is_sha1_allowed == b->policy->is_sha1_allowed;
}

/* What is known goes over; what the configuration says is the new one's own. */
static void inherit(struct listed_cert *cert, struct listed_cert *old)
{
    struct listed_cert merged = *old;

    merged.name = cert->name;
    merged.path = cert->path;
    merged.chain = cert->chain;
    merged.responder = cert->responder;
    merged.policy = cert->policy;
    *cert = merged;
    old->trouble.detail = NULL;
}

bool cert_list_take_over(struct cert_list *list, struct cert_list *old)
{
    if (!reserve_numbers(list, old->sent_count))
        return false;
    list->sent_count = old->sent_count;
    memset(list->by_cert_no, 0xff, list->number_cap * sizeof *list->by_cert_no);
    for (size_t i = 0; i < list->count; i++) {
        struct listed_cert *cert = &list->certs[i];
        struct listed_cert *found = cert_list_find_name(old, cert->name);

        if (found == NULL || !is_alike(cert, found))
            continue;
        inherit(cert, found);
        if (cert->sent.cert_no != CERT_NO_NONE) {
            list->by_cert_no[cert->sent.cert_no] = (uint32_t)i;
            found->sent.cert_no = CERT_NO_NONE;
        }
    }
    return true;
}

static struct file_stamp stamp_of(const char *path)
{
    struct stat st;

    if (path == NULL || stat(path, &st) != 0)
        return (struct file_stamp){.size = -1};
    return (struct file_stamp){
        .device = st.st_dev,
        .inode = st.st_ino,
        .size = st.st_size,
        .mtime_nsec = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec,
        .ctime_nsec = st.st_ctim.tv_sec * INT64_C(1000000000) + st.st_ctim.tv_nsec,
    };
}

static bool is_same_stamp(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size && a->mtime_nsec == b->mtime_nsec
        && a->ctime_nsec == b->ctime_nsec;
}

bool listed_cert_stamp(struct listed_cert *cert)
{
    struct file_stamp stamps[] = {stamp_of(cert->path), stamp_of(cert->chain)};
    bool is_same = is_same_stamp(&stamps[0], &cert->look.stamps[0]) && is_same_stamp(&stamps[1], &cert->look.stamps[1]);

    memcpy(cert->look.stamps, stamps, sizeof stamps);
    return !is_same;
}

void cert_list_forget_numbers(struct cert_list *list)
{
    list->sent_count = 0;
    for (size_t i = 0; i < list->count; i++) {
        list->certs[i].sent.cert_no = CERT_NO_NONE;
        list->certs[i].look.is_due = true;
    }
}

void listed_cert_fail(struct listed_cert *cert, enum reason reason, const char *detail)
{
    free(cert->trouble.detail);
    cert->trouble.detail = detail[0] == '\0' ? NULL : strdup(detail);
    cert->trouble.reason = reason;
}
