/* SPDX-License-Identifier: ISC */
#include "cert/issuer_table.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "cert/keyless.h"

/* A site has a handful of issuers; one with a private CA for each certificate still finds them fast. */
#define BUCKETS 1024u

struct issuer_table {
    struct issuer *buckets[BUCKETS];
    struct keyless keyless;
};

struct issuer_table *issuer_table_new(void)
{
    struct issuer_table *table = calloc(1, sizeof *table);

    if (table == NULL || keyless_begin(&table->keyless))
        return table;
    free(table);
    return NULL;
}

OSSL_LIB_CTX *issuer_table_keyless(struct issuer_table *table)
{
    return table->keyless.context;
}

static void free_issuer(struct issuer *issuer)
{
    X509_free(issuer->x509);
    if (issuer->delegates != NULL)
        delegates_clear(issuer->delegates);
    free(issuer->delegates);
    free(issuer);
}

void issuer_table_free(struct issuer_table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        struct issuer *next;

        for (struct issuer *issuer = table->buckets[i]; issuer != NULL; issuer = next) {
            next = issuer->next;
            free_issuer(issuer);
        }
    }
    keyless_end(&table->keyless);
    free(table);
}

static struct issuer **bucket_of(struct issuer_table *table, const uint8_t *sha256)
{
    return &table->buckets[((unsigned)sha256[0] << 8 | sha256[1]) % BUCKETS];
}

X509 *issuer_table_x509(struct issuer_table *table, const uint8_t sha256[32])
{
    for (struct issuer *issuer = *bucket_of(table, sha256); issuer != NULL; issuer = issuer->next)
        if (memcmp(issuer->sha256, sha256, sizeof issuer->sha256) == 0)
            return X509_up_ref(issuer->x509) == 1 ? issuer->x509 : NULL;
    return NULL;
}

static struct issuer *new_issuer(X509 *x509, const uint8_t *sha256, const uint8_t *name_sha1)
{
    struct issuer *issuer = calloc(1, sizeof *issuer);

    if (issuer == NULL)
        return NULL;
    memcpy(issuer->sha256, sha256, sizeof issuer->sha256);
    memcpy(issuer->name_sha1, name_sha1, sizeof issuer->name_sha1);
    issuer->key = X509_get0_pubkey(x509);
    issuer->delegates = calloc(1, sizeof *issuer->delegates);
    if (issuer->delegates == NULL || issuer->key == NULL || X509_pubkey_digest(x509, EVP_sha1(), issuer->key_sha1, NULL) != 1
        || X509_up_ref(x509) != 1) {
        free_issuer(issuer);
        return NULL;
    }
    issuer->x509 = x509;
    return issuer;
}

const struct issuer *issuer_table_take(struct issuer_table *table, X509 *x509, const X509_NAME *name)
{
    uint8_t sha256[32];
    uint8_t name_sha1[20];
    struct issuer **bucket;
    struct issuer *issuer;

    if (X509_digest(x509, EVP_sha256(), sha256, NULL) != 1 || X509_NAME_digest(name, EVP_sha1(), name_sha1, NULL) != 1)
        return NULL;
    bucket = bucket_of(table, sha256);
    for (issuer = *bucket; issuer != NULL; issuer = issuer->next)
        if (memcmp(issuer->sha256, sha256, sizeof sha256) == 0 && memcmp(issuer->name_sha1, name_sha1, sizeof name_sha1) == 0)
            return issuer;
    issuer = new_issuer(x509, sha256, name_sha1);
    if (issuer != NULL) {
        issuer->next = *bucket;
        *bucket = issuer;
    }
    return issuer;
}
