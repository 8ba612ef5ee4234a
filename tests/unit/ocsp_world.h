/* SPDX-License-Identifier: ISC */
/*
 * Owns: the small world of the verification tests: a root, an issuer, its delegate, a leaf, and a response that passes.
 * Runs in: unit tests.
 * Never: asks the clock: it is WORLD_NOW.
 */
#ifndef STAPLEGUARD_TEST_OCSP_WORLD_H
#define STAPLEGUARD_TEST_OCSP_WORLD_H

#include "ocsp/ocsp_verify.h"
#include "pki.h"

/* 2026-01-02T03:04:05Z */
#define WORLD_NOW INT64_C(1767323045)
#define MINUTE INT64_C(60)
#define HOUR INT64_C(3600)
#define DAY INT64_C(86400)

struct world {
    EVP_PKEY *root_key;
    EVP_PKEY *issuer_key;
    EVP_PKEY *delegate_key;
    X509 *root;
    X509 *issuer;
    X509 *delegate;
    X509 *leaf;
    X509 *other_leaf; /* of the same issuer */
    struct issuer_table *table;
    struct cert cert; /* of leaf */
    struct ocsp_policy policy;
};

/* Keys of one kind for all; the issuer is an intermediate CA. */
void world_begin(struct world *world, enum pki_key_kind kind);
void world_end(struct world *world);

/* A world with P-256 keys for a whole program: cmocka's group setup and teardown. */
extern struct world the_world;
int the_world_begin(void **state);
int the_world_end(void **state);

/* What a test changes before it makes the certificate: a proper delegate of the world's issuer, and a proper CA. */
struct pki_cert world_delegate_spec(const struct world *world);
struct pki_cert world_ca_spec(const char *name, EVP_PKEY *key);

/* A leaf of the_world's issuer with this extension and no other; and what a file with it and its issuer holds. */
struct pki_cert world_leaf_spec(const char *name, const char *value);
const char *world_leaf_pem(const struct pki_cert *spec);
const char *world_pem_with(const char *name, const char *value);

/* A response that passes, signed by the delegate (embedded) or the issuer itself: 7 days left, an hour old. */
struct pki_response world_response(const struct world *world);
struct pki_response world_direct_response(const struct world *world);

/* Judge at WORLD_NOW, or at another time.  Each verdict is checked to be whole and clean, a good one as httpd would. */
struct ocsp_verdict world_judge(const struct world *world, const struct pki_response *response);
struct ocsp_verdict world_judge_at(const struct world *world, const struct pki_response *response, int64_t now);
struct ocsp_verdict world_judge_der(const struct world *world, struct pki_der der, int64_t now);

/* The verdict's word, as the command line prints it: "good", "revoked", "unknown" or the reason. */
const char *verdict_word(const struct ocsp_verdict *verdict);

/* Fails unless the response made of spec gets this word at WORLD_NOW. */
#define assert_word(world, spec, word) \
    do { \
        struct ocsp_verdict assert_word_verdict = world_judge(world, spec); \
        assert_string_equal(verdict_word(&assert_word_verdict), word); \
    } while (0)

#endif
