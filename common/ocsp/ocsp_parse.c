/* SPDX-License-Identifier: ISC */
#include "ocsp/ocsp_parse.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/objects.h>

#include "cert/asn1_value.h"
#include "text/text.h"

/* ASN1_get_object's answer for a value that cannot be read. */
#define NOT_AN_OBJECT 0x80

#define WHAT_BASIC "BasicOCSPResponse"

/* A response less its certificates, and its header. */
#define CORE_MAX (STAPLE_DER_MAX + 8u)

/* What is left of the contents of one DER value. */
struct contents {
    const uint8_t *at;
    long len;
};

static enum reason malformed(size_t der_len, const char *what, char *detail)
{
    text_clean_format(detail, DETAIL_MAX + 1, "these %zu bytes are not the DER of an %s", der_len, what);
    return REASON_MALFORMED;
}

static enum reason decode(const uint8_t *der, size_t der_len, const ASN1_ITEM *item, const char *what, void **value, char *detail)
{
    switch (asn1_decode_exactly(der, der_len, item, value)) {
    case ASN1_RESULT_OK:
        return REASON_NONE;
    case ASN1_RESULT_TRAILING:
        text_clean_format(detail, DETAIL_MAX + 1, "bytes follow the end of the %s (%zu bytes were given)", what, der_len);
        return REASON_TRAILING_BYTES;
    case ASN1_RESULT_MALFORMED:
        break;
    }
    return malformed(der_len, what, detail);
}

/* Step over the value of this tag at the front of *outer; *inner: its contents. */
static bool take(struct contents *outer, int want_tag, int want_class, struct contents *inner)
{
    int tag;
    int class;
    const unsigned char *at = outer->at;

    if (outer->len <= 0 || (ASN1_get_object(&at, &inner->len, &tag, &class, outer->len) & NOT_AN_OBJECT) != 0 || tag != want_tag
        || class != want_class)
        return false;
    inner->at = at;
    outer->len -= at + inner->len - outer->at;
    outer->at = at + inner->len;
    return true;
}

/* RFC 6960 4.2.1, OCSPResponseStatus. */
static enum reason reason_of_status(unsigned status)
{
    switch (status) {
    case OCSP_RESPONSE_STATUS_SUCCESSFUL:
        return REASON_NONE;
    case OCSP_RESPONSE_STATUS_MALFORMEDREQUEST:
        return REASON_STATUS_MALFORMED_REQUEST;
    case OCSP_RESPONSE_STATUS_INTERNALERROR:
        return REASON_STATUS_INTERNAL_ERROR;
    case OCSP_RESPONSE_STATUS_TRYLATER:
        return REASON_STATUS_TRYLATER;
    case OCSP_RESPONSE_STATUS_SIGREQUIRED:
        return REASON_STATUS_SIG_REQUIRED;
    case OCSP_RESPONSE_STATUS_UNAUTHORIZED:
        return REASON_STATUS_UNAUTHORIZED;
    default:
        return REASON_STATUS_UNRECOGNISED;
    }
}

static enum reason check_status(const struct contents *status, char *detail)
{
    enum reason reason;

    /* OCSP_response_status() would cut a longer number down to an int, and 2^32 to "successful". */
    if (status->len != 1) {
        text_clean_format(detail, DETAIL_MAX + 1, "responseStatus is a number of %ld octets", status->len);
        return REASON_STATUS_UNRECOGNISED;
    }
    reason = reason_of_status(status->at[0]);
    if (reason != REASON_NONE)
        text_clean_format(detail, DETAIL_MAX + 1, "responseStatus is %u instead of 0 (successful)", status->at[0]);
    return reason;
}

static bool is_basic_type(const struct contents *type)
{
    const ASN1_OBJECT *basic = OBJ_nid2obj(NID_id_pkix_OCSP_basic);

    return (size_t)type->len == OBJ_length(basic) && memcmp(type->at, OBJ_get0_data(basic), OBJ_length(basic)) == 0;
}

/* Walk to the octets of the BasicOCSPResponse; der was decoded already, so that its lengths are right. */
static enum reason find_basic(const uint8_t *der, size_t der_len, struct contents *basic, char *detail)
{
    struct contents all = {der, (long)der_len};
    struct contents response;
    struct contents status;
    struct contents tagged;
    struct contents bytes;
    struct contents type;
    enum reason reason;

    if (!take(&all, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL, &response)
        || !take(&response, V_ASN1_ENUMERATED, V_ASN1_UNIVERSAL, &status))
        return REASON_MALFORMED;
    reason = check_status(&status, detail);
    if (reason != REASON_NONE)
        return reason;
    if (!take(&response, 0, V_ASN1_CONTEXT_SPECIFIC, &tagged)) {
        text_clean_format(detail, DETAIL_MAX + 1, "responseStatus is successful, but there are no responseBytes");
        return REASON_MALFORMED;
    }
    if (!take(&tagged, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL, &bytes) || !take(&bytes, V_ASN1_OBJECT, V_ASN1_UNIVERSAL, &type))
        return REASON_MALFORMED;
    if (!is_basic_type(&type))
        return REASON_NOT_BASIC;
    return take(&bytes, V_ASN1_OCTET_STRING, V_ASN1_UNIVERSAL, basic) ? REASON_NONE : REASON_MALFORMED;
}

/* The same for a header that no decoder looks at again: in the one form that DER allows (X.690 10.1). */
static bool take_strictly(struct contents *outer, int want_tag, int want_class, struct contents *inner)
{
    const uint8_t *header = outer->at;
    uint8_t wanted[16];
    unsigned char *at = wanted;

    if (!take(outer, want_tag, want_class, inner))
        return false;
    ASN1_put_object(&at, 1, (int)inner->len, want_tag, want_class);
    return inner->at - header == at - wanted && memcmp(header, wanted, (size_t)(at - wanted)) == 0;
}

/* Step over whatever value comes next; a decoder looks at it later.  *whole: with its header. */
static bool take_any(struct contents *outer, struct contents *whole)
{
    const unsigned char *at = outer->at;
    long len;
    int tag;
    int class;

    if (outer->len <= 0 || (ASN1_get_object(&at, &len, &tag, &class, outer->len) & NOT_AN_OBJECT) != 0)
        return false;
    whole->at = outer->at;
    whole->len = at + len - outer->at;
    outer->at += whole->len;
    outer->len -= whole->len;
    return true;
}

/*
 * Split a BasicOCSPResponse into what is decoded as one (tbsResponseData, signatureAlgorithm, signature: as a value of its own
 * in core) and the octets of its certificates.
 */
static bool split_basic(const struct contents *basic, uint8_t core[CORE_MAX], size_t *core_len, struct contents *certs)
{
    struct contents outer = *basic;
    struct contents inside;
    struct contents first;
    struct contents part;
    struct contents tagged;
    unsigned char *at = core;

    if (!take_strictly(&outer, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL, &inside) || outer.len != 0)
        return false;
    first = inside;
    if (!take_any(&inside, &part) || !take_any(&inside, &part) || !take_any(&inside, &part))
        return false;
    first.len -= inside.len;
    ASN1_put_object(&at, 1, (int)first.len, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
    memcpy(at, first.at, (size_t)first.len);
    *core_len = (size_t)(at - core) + (size_t)first.len;
    *certs = (struct contents){NULL, 0};
    return inside.len == 0
        || (take_strictly(&inside, 0, V_ASN1_CONTEXT_SPECIFIC, &tagged) && inside.len == 0
            && take_strictly(&tagged, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL, certs) && tagged.len == 0);
}

/* NULL when it is not exactly one certificate. */
static X509 *decode_cert(const struct contents *octets, const struct delegates *known)
{
    X509 *x509 = delegates_find(known, octets->at, (size_t)octets->len);
    void *value = NULL;

    if (x509 != NULL)
        return x509;
    asn1_decode_exactly(octets->at, (size_t)octets->len, ASN1_ITEM_rptr(X509), &value);
    return value;
}

static bool decode_certs(struct contents certs, const struct delegates *known, STACK_OF(X509) **stack)
{
    struct contents octets;

    if (certs.len == 0)
        return true;
    *stack = sk_X509_new_null();
    while (*stack != NULL && certs.len > 0) {
        X509 *x509 = take_any(&certs, &octets) ? decode_cert(&octets, known) : NULL;

        if (x509 == NULL || sk_X509_push(*stack, x509) <= 0) {
            X509_free(x509);
            return false;
        }
    }
    return *stack != NULL;
}

void ocsp_parsed_clear(struct ocsp_parsed *parsed)
{
    OCSP_BASICRESP_free(parsed->basic);
    sk_X509_pop_free(parsed->certs, X509_free);
    *parsed = (struct ocsp_parsed){0};
}

static enum reason parse_basic(
    const struct contents *octets, const struct delegates *known, struct ocsp_parsed *parsed, char *detail)
{
    size_t len = (size_t)octets->len;
    uint8_t core[CORE_MAX];
    struct contents certs;
    size_t core_len;
    void *value = NULL;
    enum reason reason;

    if (split_basic(octets, core, &core_len, &certs)
        && asn1_decode_exactly(core, core_len, ASN1_ITEM_rptr(OCSP_BASICRESP), &value) == ASN1_RESULT_OK) {
        parsed->basic = value;
        return decode_certs(certs, known, &parsed->certs) ? REASON_NONE : malformed(len, WHAT_BASIC, detail);
    }
    /* The whole of it once more, to tell what follows the value from what is wrong in it. */
    reason = decode(octets->at, len, ASN1_ITEM_rptr(OCSP_BASICRESP), WHAT_BASIC, &value, detail);
    OCSP_BASICRESP_free(value);
    return reason == REASON_NONE ? malformed(len, WHAT_BASIC, detail) : reason;
}

enum reason ocsp_parse(
    const uint8_t *der, size_t der_len, const struct delegates *known, struct ocsp_parsed *parsed, char detail[DETAIL_MAX + 1])
{
    struct contents octets = {NULL, 0};
    void *value = NULL;
    enum reason reason;

    *parsed = (struct ocsp_parsed){0};
    /* httpd ssl_util_stapling.c: a longer one can never be served. */
    if (der_len > STAPLE_DER_MAX) {
        text_clean_format(detail, DETAIL_MAX + 1, "the response has %zu bytes", der_len);
        return REASON_TOO_LARGE;
    }
    reason = decode(der, der_len, ASN1_ITEM_rptr(OCSP_RESPONSE), "OCSPResponse", &value, detail);
    if (reason != REASON_NONE)
        return reason;
    ASN1_item_free(value, ASN1_ITEM_rptr(OCSP_RESPONSE));
    reason = find_basic(der, der_len, &octets, detail);
    return reason == REASON_NONE ? parse_basic(&octets, known, parsed, detail) : reason;
}
