/* SPDX-License-Identifier: ISC */
/*
 * Owns: fuzzing ocsp_verify: what it calls good is what httpd would find, and its verdict is whole and clean.
 * Runs in: libFuzzer.
 * Never: asks the clock.
 *
 * Hardly any damaged response gets behind its signature.  So an input that is a ResponseData is signed here with the
 * issuer's key: then everything in it was said by the CA.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>

#include "fuzz_certs.h"
#include "ocsp/ocsp_verify.h"
#include "text/text.h"

#define ED25519_LEN 64u
#define SIGNED_MAX (STAPLE_DER_MAX + 200u)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct issuer_table *table;
static struct cert cert;
static EVP_PKEY *issuer_key;
static X509 *leaf_x509;

static void require(int is_true)
{
    if (!is_true)
        abort();
}

static void set_up(void)
{
    char pem[sizeof fuzz_leaf_pem + sizeof fuzz_issuer_pem] = "";
    char detail[DETAIL_MAX + 1];
    BIO *key = BIO_new_mem_buf(fuzz_issuer_key_pem, -1);
    BIO *leaf = BIO_new_mem_buf(fuzz_leaf_pem, -1);

    strcat(pem, fuzz_leaf_pem);
    strcat(pem, fuzz_issuer_pem);
    table = issuer_table_new();
    require(table != NULL && cert_parse(pem, strlen(pem), 1, table, &cert, detail) == REASON_NONE);
    issuer_key = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);
    leaf_x509 = PEM_read_bio_X509(leaf, NULL, NULL, NULL);
    require(issuer_key != NULL && leaf_x509 != NULL);
    BIO_free(key);
    BIO_free(leaf);
}

/* ssl_util_stapling.c: stapling_check_response, without its own clock. */
static void require_httpd_agrees(const uint8_t *der, size_t len, const struct ocsp_verdict *verdict)
{
    const unsigned char *at = der;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)len);
    OCSP_CERTID *id = OCSP_cert_to_id(NULL, leaf_x509, cert.issuer->x509);
    ASN1_GENERALIZEDTIME *this_update = NULL;
    ASN1_GENERALIZEDTIME *next_update = NULL;
    OCSP_BASICRESP *basic;
    int status = -1;

    require(response != NULL && id != NULL && at == der + len && len <= STAPLE_DER_MAX);
    require(OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL);
    basic = OCSP_response_get1_basic(response);
    require(basic != NULL && OCSP_resp_find_status(basic, id, &status, NULL, NULL, &this_update, &next_update) == 1);
    require(status == V_OCSP_CERTSTATUS_GOOD);
    require(ASN1_TIME_cmp_time_t(this_update, (time_t)verdict->this_update) == 0);
    require(ASN1_TIME_cmp_time_t(next_update, (time_t)verdict->next_update) == 0);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    OCSP_RESPONSE_free(response);
}

static void judge(const uint8_t *der, size_t len)
{
    const struct ocsp_policy policy = {.safety_margin_sec = 30 * 3600, .min_ttl_sec = 3600};
    struct ocsp_verdict verdict;

    memset(&verdict, 0xa5, sizeof verdict);
    ocsp_verify(der, len, &cert, &policy, FUZZ_NOW, &verdict);
    require(ERR_peek_error() == 0);
    require(memchr(verdict.detail, '\0', sizeof verdict.detail) != NULL);
    require(text_is_clean(verdict.detail, strlen(verdict.detail)));
    require((verdict.reason == REASON_NONE) == (verdict.status != OCSP_STATUS_NONE));
    if (verdict.status != OCSP_STATUS_GOOD)
        return;
    require(verdict.this_update <= FUZZ_NOW + CLOCK_SKEW_SEC && verdict.produced_at <= FUZZ_NOW + CLOCK_SKEW_SEC);
    require(verdict.next_update > verdict.this_update && verdict.next_update > FUZZ_NOW);
    require(verdict.effective_end <= verdict.next_update && verdict.effective_end <= cert.not_after);
    require(verdict.expiry > FUZZ_NOW + policy.min_ttl_sec);
    require(verdict.expiry == verdict.effective_end - policy.safety_margin_sec);
    require_httpd_agrees(der, len, &verdict);
}

/* Put a DER header before the len octets at contents; returns where it begins. */
static uint8_t *put_header(uint8_t *contents, size_t len, uint8_t identifier)
{
    if (len >= 0x100) {
        *--contents = (uint8_t)len;
        *--contents = (uint8_t)(len >> 8);
        *--contents = 0x82;
    } else if (len >= 0x80) {
        *--contents = (uint8_t)len;
        *--contents = 0x81;
    } else
        *--contents = (uint8_t)len;
    *--contents = identifier;
    return contents;
}

/* Make a response of a ResponseData, signed by the issuer, at the end of room; returns where it begins. */
static uint8_t *sign_response(const uint8_t *tbs, size_t tbs_len, uint8_t *room, size_t room_len)
{
    static const uint8_t algorithm_and_bits[] = {0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 1 + ED25519_LEN, 0};
    static const uint8_t type[] = {6, 9, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1};
    static const uint8_t successful[] = {0x0a, 1, 0};
    uint8_t *end = room + room_len;
    uint8_t *at = end - ED25519_LEN;
    size_t signature_len = ED25519_LEN;
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    require(EVP_DigestSignInit(context, NULL, NULL, NULL, issuer_key) == 1);
    require(EVP_DigestSign(context, at, &signature_len, tbs, tbs_len) == 1);
    EVP_MD_CTX_free(context);
    at -= sizeof algorithm_and_bits;
    memcpy(at, algorithm_and_bits, sizeof algorithm_and_bits);
    at -= tbs_len;
    memcpy(at, tbs, tbs_len);
    at = put_header(at, (size_t)(end - at), 0x30);
    at = put_header(at, (size_t)(end - at), 0x04);
    at -= sizeof type;
    memcpy(at, type, sizeof type);
    at = put_header(at, (size_t)(end - at), 0x30);
    at = put_header(at, (size_t)(end - at), 0xa0);
    at -= sizeof successful;
    memcpy(at, successful, sizeof successful);
    return put_header(at, (size_t)(end - at), 0x30);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t room[SIGNED_MAX];
    const unsigned char *at = data;
    OCSP_RESPDATA *tbs;
    uint8_t *signed_response;

    if (table == NULL)
        set_up();
    judge(data, size);
    if (size > STAPLE_DER_MAX)
        return 0;
    tbs = d2i_OCSP_RESPDATA(NULL, &at, (long)size);
    OCSP_RESPDATA_free(tbs);
    ERR_clear_error();
    if (tbs == NULL)
        return 0;
    signed_response = sign_response(data, size, room, sizeof room);
    judge(signed_response, (size_t)(room + sizeof room - signed_response));
    return 0;
}
