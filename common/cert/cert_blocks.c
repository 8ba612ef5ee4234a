/* SPDX-License-Identifier: ISC */
#include "cert/cert_blocks.h"

#include <limits.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "cert/asn1_value.h"
#include "text/text.h"

/* The first octets of any certificate's DER: a SEQUENCE with a long length (X.690 8.1.3.5). */
#define DER_SEQUENCE 0x30
#define DER_LONG_LENGTH 0x80

/* What one walk over the text needs. */
struct walk {
    BIO *bio;
    struct issuer_table *issuers;
    struct cert_blocks *blocks;
    bool is_damaged; /* it ended at something that is no PEM */
    char *detail;
};

static X509 *find_known(struct issuer_table *issuers, const unsigned char *der, long der_len)
{
    uint8_t sha256[32];

    if (issuers == NULL || EVP_Digest(der, (size_t)der_len, sha256, NULL, EVP_sha256(), NULL) != 1)
        return NULL;
    return issuer_table_x509(issuers, sha256);
}

/*
 * Exactly one certificate in DER; NULL when it is not that.  keyless: without its public key, or NULL.
 */
static X509 *parse_der(const unsigned char *der, long der_len, OSSL_LIB_CTX *keyless)
{
    const unsigned char *at = der;
    X509 *x509 = X509_new_ex(keyless, NULL);

    if (x509 == NULL || d2i_X509(&x509, &at, der_len) == NULL) /* which frees it */
        return NULL;
    if (at == der + der_len)
        return x509;
    X509_free(x509);
    return NULL;
}

static enum reason add_block(struct walk *walk, const unsigned char *der, long der_len)
{
    struct cert_blocks *blocks = walk->blocks;
    X509 *x509;

    if (blocks->count == CERT_BLOCKS_MAX) {
        text_clean_format(walk->detail, DETAIL_MAX + 1,
            "more than %u CERTIFICATE blocks; name files that hold this certificate and its own chain alone", CERT_BLOCKS_MAX);
        return REASON_FILE_TOO_LARGE;
    }
    x509 = find_known(walk->issuers, der, der_len);
    if (x509 == NULL)
        x509 = parse_der(der, der_len, walk->issuers == NULL ? NULL : issuer_table_keyless(walk->issuers));
    if (x509 == NULL) {
        text_clean_format(
            walk->detail, DETAIL_MAX + 1, "CERTIFICATE block %u is not the DER of a certificate", blocks->count + 1);
        return REASON_CERT_MALFORMED;
    }
    blocks->x509[blocks->count++] = x509;
    return REASON_NONE;
}

static bool is_named_as_issuer(const struct cert_blocks *blocks, const X509 *x509)
{
    for (unsigned i = 0; i < blocks->count; i++)
        if (X509_NAME_cmp(X509_get_subject_name(x509), X509_get_issuer_name(blocks->x509[i])) == 0)
            return true;
    return false;
}

/* Parse it once more, with its key. */
static bool give_key(X509 **x509)
{
    unsigned char *der = NULL;
    int der_len = i2d_X509(*x509, &der);
    X509 *whole = der_len <= 0 ? NULL : parse_der(der, der_len, NULL);

    OPENSSL_free(der);
    if (whole == NULL)
        return false;
    X509_free(*x509);
    *x509 = whole;
    return true;
}

/* Whichever may have issued one of the blocks needs its key from here on; the others, the leaf above all, never do. */
static enum reason give_keys_to_issuers(struct cert_blocks *blocks)
{
    for (unsigned i = 0; i < blocks->count; i++)
        if (X509_get0_pubkey(blocks->x509[i]) == NULL && is_named_as_issuer(blocks, blocks->x509[i])
            && !give_key(&blocks->x509[i]))
            return REASON_INTERNAL;
    return REASON_NONE;
}

static bool looks_like_der(const char *pem, size_t pem_len)
{
    return pem_len > 2 && (uint8_t)pem[0] == DER_SEQUENCE && ((uint8_t)pem[1] & DER_LONG_LENGTH) != 0;
}

/* Take the next block of any kind.  False at the end, also where that is walk->is_damaged, and when *reason says why. */
static bool next_block(struct walk *walk, enum reason *reason)
{
    char *name = NULL;
    char *header = NULL;
    unsigned char *data = NULL;
    long len = 0;

    ERR_clear_error();
    if (PEM_read_bio(walk->bio, &name, &header, &data, &len) != 1) {
        walk->is_damaged = ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE;
        return false;
    }
    if (strcmp(name, PEM_STRING_X509) == 0)
        *reason = add_block(walk, data, len);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, (size_t)len);
    return *reason == REASON_NONE;
}

enum reason cert_blocks_parse(
    const char *pem, size_t pem_len, struct issuer_table *issuers, struct cert_blocks *blocks, char detail[DETAIL_MAX + 1])
{
    struct walk walk = {.issuers = issuers, .blocks = blocks, .detail = detail};
    enum reason reason = REASON_NONE;

    blocks->count = 0;
    if (pem_len > INT_MAX)
        return REASON_FILE_TOO_LARGE;
    walk.bio = BIO_new_mem_buf(pem, (int)pem_len);
    if (walk.bio == NULL)
        return REASON_INTERNAL;
    while (next_block(&walk, &reason))
        ;
    BIO_free(walk.bio);
    ERR_clear_error();
    if (reason != REASON_NONE)
        return reason;
    if (walk.is_damaged) {
        text_clean_format(detail, DETAIL_MAX + 1, "what follows CERTIFICATE block %u is no PEM", blocks->count);
        return REASON_CERT_MALFORMED;
    }
    if (blocks->count == 0)
        return looks_like_der(pem, pem_len) ? REASON_DER_NOT_PEM : REASON_NO_CERTIFICATE;
    reason = give_keys_to_issuers(blocks);
    ERR_clear_error();
    return reason;
}

void cert_blocks_clear(struct cert_blocks *blocks)
{
    for (unsigned i = 0; i < blocks->count; i++)
        X509_free(blocks->x509[i]);
    blocks->count = 0;
}

/* By names and key identifiers alone; the same certificate twice is not its own issuer. */
static bool may_have_issued(X509 *issuer, X509 *subject)
{
    return X509_check_issued(issuer, subject) == X509_V_OK && X509_cmp(issuer, subject) != 0;
}

static bool issued_another(const struct cert_blocks *blocks, X509 *x509)
{
    for (unsigned i = 0; i < blocks->count; i++)
        if (may_have_issued(x509, blocks->x509[i]))
            return true;
    return false;
}

X509 *cert_blocks_leaf(const struct cert_blocks *blocks, unsigned leaf_blocks)
{
    unsigned count = leaf_blocks < blocks->count ? leaf_blocks : blocks->count;
    X509 *found = NULL;

    for (unsigned i = 0; i < count; i++) {
        X509 *x509 = blocks->x509[i];

        if (issued_another(blocks, x509))
            continue;
        if (X509_check_ca(x509) == 0)
            return x509;
        if (found == NULL)
            found = x509;
    }
    return found == NULL && count > 0 ? blocks->x509[0] : found;
}

/*
 * As X509_verify, for a certificate that was parsed without algorithms: the octets that are signed are found in its DER, and
 * verified as those of any ASN.1 value.
 */
static bool is_signed_with(const X509 *x509, EVP_PKEY *key)
{
    const ASN1_BIT_STRING *signature;
    const X509_ALGOR *algorithm;
    struct asn1_octets tbs;
    unsigned char *der = NULL;
    int der_len = i2d_X509(x509, &der);
    ASN1_STRING *octets = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
    ASN1_TYPE value = {.type = V_ASN1_SEQUENCE, .value.sequence = octets};
    bool is_signed;

    X509_get0_signature(&signature, &algorithm, x509);
    is_signed = octets != NULL && der_len > 0 && asn1_first_inside(der, (size_t)der_len, &tbs)
        && ASN1_STRING_set(octets, tbs.data, (int)tbs.len) == 1 && X509_ALGOR_cmp(algorithm, X509_get0_tbs_sigalg(x509)) == 0
        && ASN1_item_verify(ASN1_ITEM_rptr(ASN1_ANY), algorithm, signature, &value, key) == 1;
    ASN1_STRING_free(octets);
    OPENSSL_free(der);
    return is_signed;
}

X509 *cert_blocks_issuer(const struct cert_blocks *blocks, X509 *leaf, bool *has_namesake)
{
    *has_namesake = false;
    for (unsigned i = 0; i < blocks->count; i++) {
        X509 *x509 = blocks->x509[i];
        EVP_PKEY *key = X509_get0_pubkey(x509);

        if (!may_have_issued(x509, leaf))
            continue;
        if (key != NULL && is_signed_with(leaf, key)) {
            ERR_clear_error();
            return x509;
        }
        *has_namesake = true;
    }
    ERR_clear_error();
    return NULL;
}
