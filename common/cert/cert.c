/* SPDX-License-Identifier: ISC */
#include "cert/cert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "cert/asn1_value.h"
#include "cert/cert_blocks.h"
#include "text/text.h"

/* RFC 7633 section 4.2.3.1: the TLS extension status_request by its number (RFC 6066). */
#define TLS_FEATURE_STATUS_REQUEST 5

/* X509_get_ext_d2i: the extension is not there at all. */
#define EXTENSION_ABSENT (-1)

void cert_clear(struct cert *cert)
{
    for (unsigned i = 0; i < cert->url_count; i++)
        free(cert->urls[i]);
    memset(cert, 0, sizeof *cert);
}

static enum reason malformed(const char *what, char *detail)
{
    text_clean_format(detail, DETAIL_MAX + 1, "the certificate's %s", what);
    return REASON_CERT_MALFORMED;
}

/* The serial number's content octets: CertIDs are compared by them. */
static enum reason read_serial(const X509 *leaf, struct cert *out, char *detail)
{
    unsigned char *encoded = NULL;
    int len = i2d_ASN1_INTEGER(X509_get0_serialNumber(leaf), &encoded);
    enum reason reason = REASON_NONE;

    /* Tag and a length of one octet stand before the content. */
    if (len < 3 || (size_t)len - 2 > sizeof out->serial)
        reason = malformed("serial number is longer than any that RFC 5280 4.1.2.2 allows", detail);
    else {
        out->serial_len = (uint8_t)(len - 2);
        memcpy(out->serial, encoded + 2, out->serial_len);
    }
    OPENSSL_free(encoded);
    return reason;
}

static enum reason read_must_staple(const X509 *leaf, struct cert *out, char *detail)
{
    int presence;
    TLS_FEATURE *features = X509_get_ext_d2i(leaf, NID_tlsfeature, &presence, NULL);

    if (features == NULL && presence != EXTENSION_ABSENT)
        return malformed("TLS feature extension (RFC 7633) cannot be read", detail);
    for (int i = 0; i < sk_ASN1_INTEGER_num(features); i++)
        if (ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == TLS_FEATURE_STATUS_REQUEST)
            out->is_must_staple = true;
    TLS_FEATURE_free(features);
    return REASON_NONE;
}

/* Not X509_digest: the leaf was parsed without algorithms. */
static bool read_digests(const X509 *leaf, struct cert *out)
{
    unsigned char *der = NULL;
    int len = i2d_X509(leaf, &der);
    bool is_done = len > 0 && EVP_Digest(der, (size_t)len, out->sha256, NULL, EVP_sha256(), NULL) == 1
        && EVP_Digest(der, (size_t)len, out->sha1, NULL, EVP_sha1(), NULL) == 1;

    OPENSSL_free(der);
    return is_done;
}

static enum reason read_identity(X509 *leaf, struct cert *out, char *detail)
{
    enum reason reason;

    if (!read_digests(leaf, out))
        return REASON_INTERNAL;
    if (!asn1_time_read(X509_get0_notBefore(leaf), &out->not_before)
        || !asn1_time_read(X509_get0_notAfter(leaf), &out->not_after))
        return malformed("dates cannot be read", detail);
    reason = read_serial(leaf, out, detail);
    return reason == REASON_NONE ? read_must_staple(leaf, out, detail) : reason;
}

bool cert_url_is_usable(const char *url, size_t len)
{
    size_t scheme_len;

    if (len > URL_MAX)
        return false;
    /* An URL stands on a request line and in a log: nothing but what may stand in a URI (RFC 3986 section 2). */
    for (size_t i = 0; i < len; i++)
        if (url[i] <= ' ' || url[i] > '~')
            return false;
    if (len >= 7 && strncasecmp(url, "http://", 7) == 0)
        scheme_len = 7;
    else if (len >= 8 && strncasecmp(url, "https://", 8) == 0)
        scheme_len = 8;
    else
        return false;
    return len > scheme_len && strchr("/?#:@", url[scheme_len]) == NULL;
}

static bool has_url(const struct cert *cert, const char *url, size_t len)
{
    for (unsigned i = 0; i < cert->url_count; i++)
        if (strlen(cert->urls[i]) == len && memcmp(cert->urls[i], url, len) == 0)
            return true;
    return false;
}

/* What an AIA extension holds of responders. */
struct responders {
    unsigned count;     /* entries with id-ad-ocsp */
    unsigned left_out;  /* usable ones beyond CERT_URLS_MAX */
    char unusable[101]; /* one of the others, clean and cut; "" for none */
};

static enum reason take_url(const GENERAL_NAME *location, struct cert *out, struct responders *seen)
{
    int type;
    const ASN1_IA5STRING *value = GENERAL_NAME_get0_value(location, &type);
    const char *url;
    size_t len;

    seen->count++;
    if (type != GEN_URI) {
        snprintf(seen->unusable, sizeof seen->unusable, "a name that is no URI");
        return REASON_NONE;
    }
    url = (const char *)ASN1_STRING_get0_data(value);
    len = (size_t)ASN1_STRING_length(value);
    if (!cert_url_is_usable(url, len)) {
        text_clean_copy(seen->unusable, sizeof seen->unusable, url, len);
        return REASON_NONE;
    }
    if (has_url(out, url, len))
        return REASON_NONE;
    if (out->url_count == CERT_URLS_MAX) {
        seen->left_out++;
        return REASON_NONE;
    }
    out->urls[out->url_count] = strndup(url, len);
    if (out->urls[out->url_count] == NULL)
        return REASON_INTERNAL;
    out->url_count++;
    return REASON_NONE;
}

static enum reason report_responders(const struct cert *out, const struct responders *seen, const char *subject, char *detail)
{
    if (seen->count == 0) {
        text_clean_format(detail, DETAIL_MAX + 1, "%s names no OCSP responder", subject);
        return REASON_NO_OCSP;
    }
    if (out->url_count == 0) {
        text_clean_format(detail, DETAIL_MAX + 1, "%s names \"%s\" as its responder", subject, seen->unusable);
        return REASON_NO_USABLE_URL;
    }
    if (seen->left_out > 0)
        text_clean_format(
            detail, DETAIL_MAX + 1, "%s names %u responders; the first %u are used", subject, seen->count, CERT_URLS_MAX);
    else if (seen->unusable[0] != '\0')
        text_clean_format(detail, DETAIL_MAX + 1, "%s also names \"%s\", which is not asked", subject, seen->unusable);
    return REASON_NONE;
}

/* RFC 5280 4.2.2.1: responders are the accessMethod id-ad-ocsp of authorityInfoAccess. */
static enum reason read_responders(const X509 *leaf, const char *subject, struct cert *out, char *detail)
{
    int presence;
    AUTHORITY_INFO_ACCESS *access = X509_get_ext_d2i(leaf, NID_info_access, &presence, NULL);
    struct responders seen = {0};
    enum reason reason = REASON_NONE;

    if (access == NULL && presence != EXTENSION_ABSENT)
        return malformed("authorityInfoAccess extension cannot be read", detail);
    for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access) && reason == REASON_NONE; i++) {
        const ACCESS_DESCRIPTION *description = sk_ACCESS_DESCRIPTION_value(access, i);

        if (OBJ_obj2nid(description->method) == NID_ad_OCSP)
            reason = take_url(description->location, out, &seen);
    }
    AUTHORITY_INFO_ACCESS_free(access);
    return reason == REASON_NONE ? report_responders(out, &seen, subject, detail) : reason;
}

static enum reason find_issuer(const struct cert_blocks *blocks, X509 *leaf, const char *subject, struct issuer_table *issuers,
    struct cert *out, char *detail)
{
    char name[ASN1_NAME_TEXT_SIZE];
    bool has_namesake;
    X509 *x509 = cert_blocks_issuer(blocks, leaf, &has_namesake);

    if (x509 != NULL) {
        out->issuer = issuer_table_take(issuers, x509, X509_get_issuer_name(leaf));
        return out->issuer == NULL ? REASON_INTERNAL : REASON_NONE;
    }
    asn1_name_text(X509_get_issuer_name(leaf), name);
    if (has_namesake)
        text_clean_format(detail, DETAIL_MAX + 1, "a certificate of %s is there, but its key did not sign %s", name, subject);
    else if (X509_check_issued(leaf, leaf) == X509_V_OK)
        text_clean_format(detail, DETAIL_MAX + 1, "%s signed itself, so no issuer can vouch for it", subject);
    else
        text_clean_format(detail, DETAIL_MAX + 1, "%s was issued by %s, which is not among the certificates given (%u)", subject,
            name, blocks->count);
    return REASON_NO_ISSUER;
}

static enum reason read_leaf(
    const struct cert_blocks *blocks, X509 *leaf, struct issuer_table *issuers, struct cert *out, char *detail)
{
    char subject[ASN1_NAME_TEXT_SIZE];
    char issuer_detail[DETAIL_MAX + 1] = "";
    enum reason reason = read_identity(leaf, out, detail);
    enum reason issuer_reason;

    if (reason != REASON_NONE)
        return reason;
    asn1_name_text(X509_get_subject_name(leaf), subject);
    reason = read_responders(leaf, subject, out, detail);
    if (reason == REASON_CERT_MALFORMED || reason == REASON_INTERNAL)
        return reason;
    /* Also without a responder: the configuration may name one. */
    issuer_reason = find_issuer(blocks, leaf, subject, issuers, out, issuer_detail);
    if (reason == REASON_NONE && issuer_reason != REASON_NONE) {
        memcpy(detail, issuer_detail, sizeof issuer_detail);
        return issuer_reason;
    }
    return reason;
}

enum reason cert_parse(const char *pem, size_t pem_len, unsigned leaf_blocks, struct issuer_table *issuers, struct cert *out,
    char detail[DETAIL_MAX + 1])
{
    struct cert_blocks blocks = {.count = 0};
    enum reason reason;
    X509 *leaf;

    memset(out, 0, sizeof *out);
    detail[0] = '\0';
    reason = cert_blocks_parse(pem, pem_len, issuers, &blocks, detail);
    if (reason != REASON_NONE)
        goto out;
    leaf = cert_blocks_leaf(&blocks, leaf_blocks);
    reason = leaf == NULL ? REASON_NO_CERTIFICATE : read_leaf(&blocks, leaf, issuers, out, detail);
out:
    cert_blocks_clear(&blocks);
    ERR_clear_error();
    return reason;
}

bool cert_subject(const char *pem, size_t pem_len, const uint8_t sha256[32], char *out, size_t cap)
{
    struct cert_blocks blocks = {.count = 0};
    char detail[DETAIL_MAX + 1];
    char name[ASN1_NAME_TEXT_SIZE];
    uint8_t digest[32];
    bool is_found = false;

    out[0] = '\0';
    cert_blocks_parse(pem, pem_len, NULL, &blocks, detail);
    for (unsigned i = 0; i < blocks.count && !is_found; i++) {
        is_found = X509_digest(blocks.x509[i], EVP_sha256(), digest, NULL) == 1 && memcmp(digest, sha256, sizeof digest) == 0;
        if (is_found) {
            asn1_name_text(X509_get_subject_name(blocks.x509[i]), name);
            text_clean_copy(out, cap, name, strlen(name));
        }
    }
    cert_blocks_clear(&blocks);
    return is_found;
}
