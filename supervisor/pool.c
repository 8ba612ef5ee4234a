/*
 * Owns: the list of certificates that are looked after, and what the children said of each.
 * Runs in: supervisor.
 * Never: looks into a certificate; what it knows of one, the writer told it.
 */
#include "pool.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "log.h"

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

static void add(struct pool *pool, void **seen, const struct pool_cert *cert)
{
    const char *other = known_as(seen, cert->path, cert->name);

    if (other != NULL) {
        log_warning("%s: the file %s is looked after as %s already", cert->name, cert->path, other);
        return;
    }
    pool->certs[pool->count++] = *cert;
}

static void add_all(struct pool *pool, const struct conf *conf)
{
    void *seen = NULL;

    for (size_t i = 0; i < conf->cert_count; i++) {
        const struct conf_cert *configured = &conf->certs[i];

        add(pool, &seen, &(struct pool_cert){.name = configured->name, .path = configured->cert, .chain = configured->chain,
            .responder = configured->responder, .policy = &configured->policy});
    }
    for (size_t i = 0; i < pool->path_count; i++)
        /* A certificate that has a section of its own is known already, and meant to be: no warning. */
        if (known_as(&seen, pool->paths[i], pool->paths[i]) == NULL)
            pool->certs[pool->count++] =
                (struct pool_cert){.name = pool->paths[i], .path = pool->paths[i], .policy = &conf->policy};
    tdestroy(seen, free);
}

struct pool *pool_new(const struct conf *conf, char **paths, size_t path_count)
{
    struct pool *pool = calloc(1, sizeof *pool);
    size_t most = conf->cert_count + path_count;

    if (pool == NULL)
        return NULL;
    pool->paths = paths;
    pool->path_count = path_count;
    pool->certs = calloc(most + 1, sizeof *pool->certs);
    pool->by_cert_no = calloc(most + 1, sizeof *pool->by_cert_no);
    if (pool->certs == NULL || pool->by_cert_no == NULL) {
        pool_free(pool);
        return NULL;
    }
    add_all(pool, conf);
    return pool;
}

void pool_free(struct pool *pool)
{
    if (pool == NULL)
        return;
    for (size_t i = 0; i < pool->count; i++)
        free(pool->certs[i].detail);
    for (size_t i = 0; i < pool->path_count; i++)
        free(pool->paths[i]);
    free(pool->paths);
    free(pool->certs);
    free(pool->by_cert_no);
    free(pool);
}

struct pool_cert *pool_find(struct pool *pool, uint32_t cert_no)
{
    return cert_no < pool->sent_count ? &pool->certs[pool->by_cert_no[cert_no]] : NULL;
}

void pool_cert_fail(struct pool_cert *cert, enum reason reason, const char *detail)
{
    free(cert->detail);
    cert->detail = detail[0] == '\0' ? NULL : strdup(detail);
    cert->reason = reason;
}
