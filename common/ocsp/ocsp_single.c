/* SPDX-License-Identifier: ISC */
#include "ocsp/ocsp_single.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/objects.h>

#include "cert/asn1_value.h"
#include "text/hex.h"
#include "text/text.h"

/* RFC 6960 4.4: extensions of responses; CRL entry extensions (4.4.5) say nothing that would change the status. */
static const int known_extensions[] = {
    NID_id_pkix_OCSP_Nonce,         /* 4.4.1, RFC 9654 */
    NID_id_pkix_OCSP_CrlID,         /* 4.4.2 */
    NID_id_pkix_OCSP_archiveCutoff, /* 4.4.4 */
    NID_crl_reason,                 /* 4.4.5 */
    NID_invalidity_date,            /* 4.4.5 */
    NID_id_pkix_OCSP_valid,         /* 4.4.8: 1.3.6.1.5.5.7.48.1.9, which OpenSSL knows by an older name */
};

/* The four parts of a CertID (RFC 6960 4.1.1), borrowed. */
struct certid {
    const ASN1_OBJECT *hash;
    const ASN1_OCTET_STRING *name;
    const ASN1_OCTET_STRING *key;
    const ASN1_INTEGER *serial;
};

static struct certid certid_of(const OCSP_SINGLERESP *single)
{
    /* OpenSSL 3.0 has no const getter for a CertID; this one only reads. */
    OCSP_CERTID *id = (OCSP_CERTID *)(uintptr_t)OCSP_SINGLERESP_get0_id(single);
    ASN1_OCTET_STRING *name = NULL;
    ASN1_OCTET_STRING *key = NULL;
    ASN1_INTEGER *serial = NULL;
    ASN1_OBJECT *hash = NULL;

    OCSP_id_get0_info(&name, &hash, &key, &serial, id);
    return (struct certid){hash, name, key, serial};
}

static bool is_octets(const ASN1_OCTET_STRING *string, const uint8_t *data, size_t len)
{
    return (size_t)ASN1_STRING_length(string) == len && memcmp(ASN1_STRING_get0_data(string), data, len) == 0;
}

static bool has_our_serial(const struct certid *id, const struct cert *cert)
{
    /* Tag, a length of one octet, content. */
    uint8_t encoded[2 + CERT_SERIAL_MAX];
    unsigned char *at = encoded;

    return i2d_ASN1_INTEGER(id->serial, NULL) == 2 + cert->serial_len && i2d_ASN1_INTEGER(id->serial, &at) > 0
        && memcmp(encoded + 2, cert->serial, cert->serial_len) == 0;
}

static bool is_ours(const struct certid *id, const struct cert *cert)
{
    return OBJ_obj2nid(id->hash) == NID_sha1 && is_octets(id->name, cert->issuer->name_sha1, sizeof cert->issuer->name_sha1)
        && is_octets(id->key, cert->issuer->key_sha1, sizeof cert->issuer->key_sha1) && has_our_serial(id, cert);
}

/* Our CertID, but made with another digest than SHA-1. */
static bool is_ours_by_other_digest(const struct certid *id, const struct cert *cert)
{
    const EVP_MD *md = EVP_get_digestbyobj(id->hash);
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    return md != NULL && has_our_serial(id, cert)
        && X509_NAME_digest(X509_get_subject_name(cert->issuer->x509), md, digest, &len) == 1 && is_octets(id->name, digest, len)
        && X509_pubkey_digest(cert->issuer->x509, md, digest, &len) == 1 && is_octets(id->key, digest, len);
}

static enum reason no_match(OCSP_BASICRESP *basic, const struct cert *cert, char *detail)
{
    char serial[2 * CERT_SERIAL_MAX + 1];
    char hash[64];

    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        struct certid id = certid_of(OCSP_resp_get0(basic, i));

        if (!is_ours_by_other_digest(&id, cert))
            continue;
        if (OBJ_obj2txt(hash, sizeof hash, id.hash, 0) <= 0)
            hash[0] = '\0';
        text_clean_format(detail, DETAIL_MAX + 1, "the response is about this certificate, but its CertID is made with %s", hash);
        return REASON_CERTID_HASH;
    }
    hex_format(cert->serial, cert->serial_len, serial);
    text_clean_format(detail, DETAIL_MAX + 1, "none of its %d CertIDs is that of serial number %s of our issuer",
        OCSP_resp_count(basic), serial);
    return REASON_WRONG_CERTID;
}

static enum ocsp_status status_of(int cert_status)
{
    switch (cert_status) {
    case V_OCSP_CERTSTATUS_GOOD:
        return OCSP_STATUS_GOOD;
    case V_OCSP_CERTSTATUS_REVOKED:
        return OCSP_STATUS_REVOKED;
    case V_OCSP_CERTSTATUS_UNKNOWN:
        return OCSP_STATUS_UNKNOWN;
    default:
        return OCSP_STATUS_NONE;
    }
}

static enum reason read_time(const ASN1_GENERALIZEDTIME *time, const char *name, int64_t *seconds, char *detail)
{
    if (asn1_strict_time_read(time, seconds))
        return REASON_NONE;
    text_clean_format(detail, DETAIL_MAX + 1, "%s is not a time of the form YYYYMMDDHHMMSSZ", name);
    return REASON_MALFORMED;
}

static enum reason read_single(OCSP_SINGLERESP *response, struct ocsp_single *single, char *detail)
{
    ASN1_GENERALIZEDTIME *revoked_at = NULL;
    ASN1_GENERALIZEDTIME *this_update = NULL;
    ASN1_GENERALIZEDTIME *next_update = NULL;
    enum reason reason;

    *single = (struct ocsp_single){0};
    single->status
        = status_of(OCSP_single_get0_status(response, &single->revoked_reason, &revoked_at, &this_update, &next_update));
    single->has_next_update = next_update != NULL;
    if (single->status == OCSP_STATUS_NONE)
        return REASON_MALFORMED;
    reason = read_time(this_update, "thisUpdate", &single->this_update, detail);
    if (reason == REASON_NONE && single->has_next_update)
        reason = read_time(next_update, "nextUpdate", &single->next_update, detail);
    if (reason == REASON_NONE && single->status == OCSP_STATUS_REVOKED)
        reason = read_time(revoked_at, "revocationTime", &single->revoked_at, detail);
    return reason;
}

static bool is_same_in_meaning(const struct ocsp_single *a, const struct ocsp_single *b)
{
    return a->status == b->status && a->this_update == b->this_update && a->has_next_update == b->has_next_update
        && a->next_update == b->next_update;
}

/* Join what another SingleResponse about the same certificate says.  False: the two differ. */
static bool join(struct ocsp_single *single, const struct ocsp_single *other)
{
    if (other->status == OCSP_STATUS_REVOKED) {
        *single = *other;
        return true;
    }
    return is_same_in_meaning(single, other);
}

enum reason ocsp_single_find(
    OCSP_BASICRESP *basic, const struct cert *cert, struct ocsp_single *single, char detail[DETAIL_MAX + 1])
{
    bool is_conflicting = false;
    unsigned found = 0;

    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *response = OCSP_resp_get0(basic, i);
        struct certid id = certid_of(response);
        struct ocsp_single other;
        enum reason reason;

        if (!is_ours(&id, cert))
            continue;
        reason = read_single(response, &other, detail);
        if (reason != REASON_NONE)
            return reason;
        if (found++ == 0)
            *single = other;
        else if (!join(single, &other))
            is_conflicting = true;
    }
    if (found == 0)
        return no_match(basic, cert, detail);
    /* A revoked one among them wins, wherever it stands. */
    if (!is_conflicting || single->status == OCSP_STATUS_REVOKED)
        return REASON_NONE;
    text_clean_format(detail, DETAIL_MAX + 1, "%u SingleResponses about this certificate differ in status or times", found);
    return REASON_CONFLICTING;
}

static bool is_known_extension(const ASN1_OBJECT *object)
{
    int nid = OBJ_obj2nid(object);

    for (size_t i = 0; i < sizeof known_extensions / sizeof known_extensions[0]; i++)
        if (known_extensions[i] == nid)
            return true;
    return false;
}

static enum reason check_extension(X509_EXTENSION *extension, const char *where, char *detail)
{
    const ASN1_OBJECT *object = X509_EXTENSION_get_object(extension);
    char name[64];

    if (X509_EXTENSION_get_critical(extension) == 0 || is_known_extension(object))
        return REASON_NONE;
    if (OBJ_obj2txt(name, sizeof name, object, 1) <= 0)
        name[0] = '\0';
    text_clean_format(detail, DETAIL_MAX + 1, "the critical extension %s of the %s is not known", name, where);
    return REASON_CRITICAL_EXTENSION;
}

enum reason ocsp_single_check_extensions(OCSP_BASICRESP *basic, const struct cert *cert, char detail[DETAIL_MAX + 1])
{
    enum reason reason = REASON_NONE;

    for (int i = 0; i < OCSP_BASICRESP_get_ext_count(basic) && reason == REASON_NONE; i++)
        reason = check_extension(OCSP_BASICRESP_get_ext(basic, i), "response", detail);
    for (int i = 0; i < OCSP_resp_count(basic) && reason == REASON_NONE; i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
        struct certid id = certid_of(single);

        if (!is_ours(&id, cert))
            continue;
        for (int j = 0; j < OCSP_SINGLERESP_get_ext_count(single) && reason == REASON_NONE; j++)
            reason = check_extension(OCSP_SINGLERESP_get_ext(single, j), "SingleResponse", detail);
    }
    return reason;
}
