/* SPDX-License-Identifier: ISC */
#include "ocsp_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "text/text.h"

struct pki_cert world_ca_spec(const char *name, EVP_PKEY *key)
{
    return (struct pki_cert){
        .subject = name,
        .key = key,
        .not_before = WORLD_NOW - 300 * DAY,
        .not_after = WORLD_NOW + 3000 * DAY,
        .extensions = {{"basicConstraints", "critical,CA:TRUE"}, {"keyUsage", "critical,keyCertSign,cRLSign,digitalSignature"},
            {"subjectKeyIdentifier", "hash"}},
    };
}

struct pki_cert world_leaf_spec(const char *name, const char *value)
{
    return (struct pki_cert){
        .subject = "leaf.test",
        .key = the_world.delegate_key,
        .issuer = the_world.issuer,
        .issuer_key = the_world.issuer_key,
        .not_before = WORLD_NOW - DAY,
        .not_after = WORLD_NOW + DAY,
        .extensions = {{name, value}},
    };
}

const char *world_leaf_pem(const struct pki_cert *spec)
{
    return pki_pem((X509 *[]){pki_cert(spec), the_world.issuer, NULL});
}

const char *world_pem_with(const char *name, const char *value)
{
    struct pki_cert spec = world_leaf_spec(name, value);

    return world_leaf_pem(&spec);
}

struct world the_world;

int the_world_begin(void **state)
{
    (void)state;
    world_begin(&the_world, PKI_P256);
    return 0;
}

int the_world_end(void **state)
{
    (void)state;
    world_end(&the_world);
    return 0;
}

struct pki_cert world_delegate_spec(const struct world *world)
{
    return (struct pki_cert){
        .subject = "Test OCSP signer",
        .key = world->delegate_key,
        .issuer = world->issuer,
        .issuer_key = world->issuer_key,
        .not_before = WORLD_NOW - 10 * DAY,
        .not_after = WORLD_NOW + 80 * DAY,
        .extensions = {{"basicConstraints", "critical,CA:FALSE"}, {"keyUsage", "critical,digitalSignature"},
            {"extendedKeyUsage", "OCSPSigning"}, {"noCheck", "ignored"}},
    };
}

static X509 *new_leaf(const struct world *world, const char *name, EVP_PKEY *key)
{
    const struct pki_cert spec = {
        .subject = name,
        .key = key,
        .issuer = world->issuer,
        .issuer_key = world->issuer_key,
        .not_before = WORLD_NOW - 10 * DAY,
        .not_after = WORLD_NOW + 80 * DAY,
        .extensions = {{"basicConstraints", "critical,CA:FALSE"}, {"authorityInfoAccess", "OCSP;URI:http://ocsp.test/"}},
    };

    return pki_cert(&spec);
}

void world_begin(struct world *world, enum pki_key_kind kind)
{
    struct pki_cert spec;
    char detail[DETAIL_MAX + 1];
    const char *pem;

    memset(world, 0, sizeof *world);
    world->root_key = pki_key(PKI_P256);
    world->issuer_key = pki_key(kind);
    world->delegate_key = pki_key(kind);
    spec = world_ca_spec("Test root", world->root_key);
    world->root = pki_cert(&spec);
    spec = world_ca_spec("Test issuer", world->issuer_key);
    spec.issuer = world->root;
    spec.issuer_key = world->root_key;
    world->issuer = pki_cert(&spec);
    spec = world_delegate_spec(world);
    world->delegate = pki_cert(&spec);
    world->leaf = new_leaf(world, "shop.test", pki_key(PKI_P256));
    world->other_leaf = new_leaf(world, "other.test", pki_key(PKI_P256));
    world->policy = (struct ocsp_policy){.safety_margin_sec = 30 * HOUR, .min_ttl_sec = HOUR};
    world->table = issuer_table_new();
    assert_non_null(world->table);
    pem = pki_pem((X509 *[]){world->leaf, world->issuer, NULL});
    assert_int_equal(cert_parse(pem, strlen(pem), 1, world->table, &world->cert, detail), REASON_NONE);
}

void world_end(struct world *world)
{
    cert_clear(&world->cert);
    issuer_table_free(world->table);
    pki_end();
}

struct pki_response world_direct_response(const struct world *world)
{
    return (struct pki_response){
        .singles = {{.leaf = world->leaf,
            .issuer = world->issuer,
            .status = V_OCSP_CERTSTATUS_GOOD,
            .this_update = WORLD_NOW - HOUR,
            .next_update = WORLD_NOW + 7 * DAY,
            .revoked_at = WORLD_NOW - 2 * DAY}},
        .signer = world->issuer,
        .signer_key = world->issuer_key,
        .produced_at = WORLD_NOW - HOUR,
    };
}

struct pki_response world_response(const struct world *world)
{
    struct pki_response response = world_direct_response(world);

    response.signer = world->delegate;
    response.signer_key = world->delegate_key;
    response.certs[0] = world->delegate;
    return response;
}

/* httpd's own look at what we call good: ssl_util_stapling.c, stapling_check_response. */
static void assert_httpd_agrees(const struct world *world, struct pki_der der, int64_t now)
{
    const unsigned char *at = der.data;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)der.len);
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), world->leaf, world->issuer);
    ASN1_GENERALIZEDTIME *this_update = NULL;
    ASN1_GENERALIZEDTIME *next_update = NULL;
    OCSP_BASICRESP *basic;
    int status = -1;

    assert_non_null(response);
    assert_non_null(id);
    assert_int_equal(OCSP_response_status(response), OCSP_RESPONSE_STATUS_SUCCESSFUL);
    basic = OCSP_response_get1_basic(response);
    assert_non_null(basic);
    assert_int_equal(OCSP_resp_find_status(basic, id, &status, NULL, NULL, &this_update, &next_update), 1);
    assert_int_equal(status, V_OCSP_CERTSTATUS_GOOD);
    assert_true(ASN1_TIME_cmp_time_t(this_update, (time_t)now + CLOCK_SKEW_SEC) <= 0);
    assert_true(ASN1_TIME_cmp_time_t(next_update, (time_t)now) > 0);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    OCSP_RESPONSE_free(response);
}

struct ocsp_verdict world_judge_der(const struct world *world, struct pki_der der, int64_t now)
{
    struct ocsp_verdict verdict;

    memset(&verdict, 0xa5, sizeof verdict);
    ocsp_verify(der.data, der.len, &world->cert, &world->policy, now, &verdict);
    assert_int_equal(ERR_peek_error(), 0);
    assert_true(memchr(verdict.detail, '\0', sizeof verdict.detail) != NULL);
    assert_true(text_is_clean(verdict.detail, strlen(verdict.detail)));
    assert_int_equal(verdict.reason == REASON_NONE, verdict.status != OCSP_STATUS_NONE);
    if (verdict.status == OCSP_STATUS_GOOD)
        assert_httpd_agrees(world, der, now);
    return verdict;
}

struct ocsp_verdict world_judge_at(const struct world *world, const struct pki_response *response, int64_t now)
{
    return world_judge_der(world, pki_response(response), now);
}

struct ocsp_verdict world_judge(const struct world *world, const struct pki_response *response)
{
    return world_judge_at(world, response, WORLD_NOW);
}

const char *verdict_word(const struct ocsp_verdict *verdict)
{
    return verdict->status != OCSP_STATUS_NONE ? ocsp_status_word(verdict->status) : reason_word(verdict->reason);
}
