/* SPDX-License-Identifier: ISC */
#include "ocsp/ocsp_signer.h"

#include <string.h>

#include <openssl/x509v3.h>

#include "cert/asn1_value.h"
#include "cert/cert_algorithm.h"
#include "text/hex.h"
#include "text/text.h"

#define WHAT_RESPONSE "the response's signature"
#define WHAT_DELEGATE "the signature of the delegate's certificate"

/* A ResponderID (RFC 6960 4.2.1): one of the two is NULL. */
struct responder_id {
    const X509_NAME *name;
    const ASN1_OCTET_STRING *key_hash;
};

/* The choice so far: the failure of the candidate that came furthest. */
struct search {
    OCSP_BASICRESP *basic;
    const STACK_OF(X509) *certs;
    const struct issuer *issuer;
    bool is_sha1_allowed;
    int64_t now;
    struct responder_id id;
    enum reason reason;
    char *detail;
};

static bool is_key_hash(const ASN1_OCTET_STRING *key_hash, const uint8_t sha1[20])
{
    return ASN1_STRING_length(key_hash) == 20 && memcmp(ASN1_STRING_get0_data(key_hash), sha1, 20) == 0;
}

static bool is_issuer_named(const struct responder_id *id, const struct issuer *issuer)
{
    if (id->name != NULL)
        return X509_NAME_cmp(X509_get_subject_name(issuer->x509), id->name) == 0;
    return is_key_hash(id->key_hash, issuer->key_sha1);
}

static bool is_delegate_named(const struct responder_id *id, const X509 *x509)
{
    uint8_t sha1[20];

    if (id->name != NULL)
        return X509_NAME_cmp(X509_get_subject_name(x509), id->name) == 0;
    return X509_pubkey_digest(x509, EVP_sha1(), sha1, NULL) == 1 && is_key_hash(id->key_hash, sha1);
}

/* RFC 5280 4.2: a critical extension that is not understood makes a certificate unusable.  NULL: there is none. */
static const X509_EXTENSION *unknown_critical_extension(const X509 *x509)
{
    for (int i = 0; i < X509_get_ext_count(x509); i++) {
        X509_EXTENSION *extension = X509_get_ext(x509, i);

        if (X509_EXTENSION_get_critical(extension) != 0 && X509_supported_extension(extension) != 1)
            return extension;
    }
    return NULL;
}

/* What forbids x509 to sign responses, judged from its own words alone; NULL when nothing does. */
static const char *delegation_fault(X509 *x509)
{
    /* Without the extension OpenSSL gives all bits: the flag says whether it is there. */
    uint32_t flags = X509_get_extension_flags(x509);

    if ((flags & EXFLAG_INVALID) != 0)
        return "has an extension that cannot be read";
    /* By basicConstraints, also where keyUsage takes it back; and by what older certificates have instead. */
    if ((flags & EXFLAG_CA) != 0 || X509_check_ca(x509) != 0)
        return "is a CA";
    /* RFC 6960 4.2.2.2: id-kp-OCSPSigning itself; RFC 5280's anyExtendedKeyUsage does not delegate. */
    if ((flags & EXFLAG_XKUSAGE) == 0 || (X509_get_extended_key_usage(x509) & XKU_OCSP_SIGN) == 0)
        return "lacks the extended key usage id-kp-OCSPSigning";
    /* RFC 5280 4.2.1.3: without keyUsage OpenSSL gives all bits, which is what its absence means. */
    if ((X509_get_key_usage(x509) & KU_DIGITAL_SIGNATURE) == 0)
        return "has a keyUsage without digitalSignature";
    if (unknown_critical_extension(x509) != NULL)
        return "has a critical extension that we do not know";
    return NULL;
}

/*
 * RFC 6960 4.2.2.2: a delegate's certificate is signed with the same key as the certificate in question.  So: our
 * issuer's name and identifiers, and our issuer's key; a namesake of the issuer fails the second, a certificate of a
 * sub-CA the first.  The signature is computed once for a certificate (delegates.h).
 */
static bool is_issued_by(X509 *x509, const struct issuer *issuer)
{
    if (X509_check_issued(issuer->x509, x509) != X509_V_OK)
        return false;
    if (delegates_has(issuer->delegates, x509))
        return true;
    if (X509_verify(x509, issuer->key) != 1)
        return false;
    delegates_keep(issuer->delegates, x509);
    return true;
}

static enum reason refuse_delegate(enum reason reason, const X509 *delegate, const char *why, char *detail)
{
    char name[ASN1_NAME_TEXT_SIZE];

    asn1_name_text(X509_get_subject_name(delegate), name);
    text_clean_format(detail, DETAIL_MAX + 1, "the certificate of %s in the response %s", name, why);
    return reason;
}

/* RFC 6960 3.2 item 4 and RFC 5280 4.1.2.5.  Only the beginning is given CLOCK_SKEW_SEC: nothing is served past an end. */
static enum reason check_delegate_dates(const X509 *delegate, int64_t now, int64_t *not_after, char *detail)
{
    int64_t not_before;
    char why[64 + ASN1_TIME_TEXT_SIZE];
    char time[ASN1_TIME_TEXT_SIZE];

    if (!asn1_time_read(X509_get0_notBefore(delegate), &not_before) || !asn1_time_read(X509_get0_notAfter(delegate), not_after))
        return refuse_delegate(REASON_SIGNER_NOT_AUTHORISED, delegate, "has dates that cannot be read", detail);
    if (not_before - CLOCK_SKEW_SEC <= now && now <= *not_after)
        return REASON_NONE;
    asn1_time_text(now > *not_after ? *not_after : not_before, time);
    text_clean_format(why, sizeof why, now > *not_after ? "ended at %s" : "begins only at %s", time);
    return refuse_delegate(REASON_SIGNER_EXPIRED, delegate, why, detail);
}

/* All that makes a certificate out of a response a delegate of issuer now; the cheap checks first. */
static enum reason check_delegate(
    X509 *delegate, const struct issuer *issuer, bool is_sha1_allowed, int64_t now, int64_t *not_after, char *detail)
{
    const char *fault = delegation_fault(delegate);
    enum reason reason;

    if (fault != NULL)
        return refuse_delegate(REASON_SIGNER_NOT_AUTHORISED, delegate, fault, detail);
    reason = ocsp_algorithm_check(X509_get0_tbs_sigalg(delegate), is_sha1_allowed, WHAT_DELEGATE, detail);
    if (reason == REASON_NONE)
        reason = ocsp_algorithm_check_key(issuer->key, is_sha1_allowed, WHAT_DELEGATE, detail);
    if (reason != REASON_NONE)
        return reason;
    if (!is_issued_by(delegate, issuer))
        return refuse_delegate(REASON_SIGNER_NOT_AUTHORISED, delegate, "was not issued by this certificate's own issuer", detail);
    return check_delegate_dates(delegate, now, not_after, detail);
}

/* RFC 6960 3.2 item 2.  Encoding the data again is safe: ocsp_parse saw to it that there is only one encoding. */
static enum reason check_signature(OCSP_BASICRESP *basic, EVP_PKEY *key, bool is_sha1_allowed, char *detail)
{
    const X509_ALGOR *algorithm = OCSP_resp_get0_tbs_sigalg(basic);
    enum reason reason = ocsp_algorithm_check(algorithm, is_sha1_allowed, WHAT_RESPONSE, detail);

    if (reason == REASON_NONE)
        reason = ocsp_algorithm_check_key(key, is_sha1_allowed, WHAT_RESPONSE, detail);
    if (reason != REASON_NONE)
        return reason;
    if (ASN1_item_verify(
            ASN1_ITEM_rptr(OCSP_RESPDATA), algorithm, OCSP_resp_get0_signature(basic), OCSP_resp_get0_respdata(basic), key)
        == 1)
        return REASON_NONE;
    return REASON_BAD_SIGNATURE;
}

/* How far a candidate came that failed for this reason. */
static int progress_of(enum reason reason)
{
    switch (reason) {
    case REASON_BAD_SIGNATURE:
        return 4;
    case REASON_WEAK_SIGNATURE:
    case REASON_MALFORMED:
        return 3;
    case REASON_SIGNER_EXPIRED:
        return 2;
    case REASON_SIGNER_NOT_AUTHORISED:
        return 1;
    default:
        return 0;
    }
}

/* Keep a candidate's failure if no other came as far.  True when it did not fail. */
static bool note_result(struct search *search, enum reason reason, const char *detail)
{
    if (reason == REASON_NONE)
        return true;
    if (progress_of(reason) > progress_of(search->reason)) {
        search->reason = reason;
        memcpy(search->detail, detail, DETAIL_MAX + 1);
    }
    return false;
}

static bool try_issuer(struct search *search)
{
    char detail[DETAIL_MAX + 1] = "";
    char name[ASN1_NAME_TEXT_SIZE];
    enum reason reason = check_signature(search->basic, search->issuer->key, search->is_sha1_allowed, detail);

    if (reason == REASON_BAD_SIGNATURE) {
        asn1_name_text(X509_get_subject_name(search->issuer->x509), name);
        text_clean_format(
            detail, sizeof detail, "the response names the issuer %s as its signer, but its key did not sign this", name);
    }
    return note_result(search, reason, detail);
}

static bool try_delegate(struct search *search, X509 *x509, int64_t *not_after)
{
    char detail[DETAIL_MAX + 1] = "";
    enum reason reason = check_delegate(x509, search->issuer, search->is_sha1_allowed, search->now, not_after, detail);

    if (reason == REASON_NONE)
        reason = check_signature(search->basic, X509_get0_pubkey(x509), search->is_sha1_allowed, detail);
    if (reason == REASON_BAD_SIGNATURE)
        refuse_delegate(reason, x509, "is an authorised delegate's, but its key did not sign this", detail);
    return note_result(search, reason, detail);
}

/* RFC 6960 4.2.2.2: certificates that came with the response, where the ResponderID names them. */
static bool try_delegates(struct search *search, struct ocsp_signer *signer)
{
    int tried = 0;

    for (int i = 0; i < sk_X509_num(search->certs) && tried < OCSP_SIGNERS_MAX; i++) {
        X509 *x509 = sk_X509_value(search->certs, i);

        if (!is_delegate_named(&search->id, x509))
            continue;
        tried++;
        if (try_delegate(search, x509, &signer->not_after)) {
            signer->delegate = x509;
            return true;
        }
    }
    return false;
}

static void describe_nobody(const struct responder_id *id, char *detail)
{
    char name[ASN1_NAME_TEXT_SIZE];
    char hex[2 * 20 + 1] = "";

    if (id->name != NULL) {
        asn1_name_text(id->name, name);
        text_clean_format(detail, DETAIL_MAX + 1,
            "the response says that %s signed it, which is not the issuer and has no certificate in the response", name);
        return;
    }
    if (ASN1_STRING_length(id->key_hash) == 20)
        hex_format(ASN1_STRING_get0_data(id->key_hash), 20, hex);
    text_clean_format(detail, DETAIL_MAX + 1,
        "the response says that the key %s signed it, which is not the issuer's and has no certificate in the response", hex);
}

enum reason ocsp_signer_find(const struct ocsp_parsed *parsed, const struct issuer *issuer, bool is_sha1_allowed, int64_t now,
    struct ocsp_signer *signer, char detail[DETAIL_MAX + 1])
{
    struct search search = {
        .basic = parsed->basic,
        .certs = parsed->certs,
        .issuer = issuer,
        .is_sha1_allowed = is_sha1_allowed,
        .now = now,
        .detail = detail,
    };

    *signer = (struct ocsp_signer){0};
    search.reason = REASON_NONE;
    if (OCSP_resp_get0_id(search.basic, &search.id.key_hash, &search.id.name) != 1)
        return REASON_MALFORMED;
    if (is_issuer_named(&search.id, issuer) && try_issuer(&search))
        return REASON_NONE;
    if (try_delegates(&search, signer))
        return REASON_NONE;
    if (search.reason == REASON_NONE) {
        search.reason = REASON_SIGNER_NOT_AUTHORISED;
        describe_nobody(&search.id, detail);
    }
    return search.reason;
}
