/* SPDX-License-Identifier: ISC */
#include "cert/cert_algorithm.h"

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>

#include "cert/asn1_value.h"
#include "text/text.h"

/* NIST SP 800-57 part 1, section 5.6: RSA from 2,048 bits on, P-224.  Where SHA-1 is allowed, RSA from 1,024 bits on. */
#define KEY_SECURITY_BITS_MIN 112
#define KEY_SECURITY_BITS_MIN_ALLOWED 80

static const int accepted_digests[] = {
    NID_sha224,
    NID_sha256,
    NID_sha384,
    NID_sha512,
    NID_sha512_224,
    NID_sha512_256,
    NID_sha3_224,
    NID_sha3_256,
    NID_sha3_384,
    NID_sha3_512,
};

/* What an AlgorithmIdentifier says, once its form is known to be right. */
struct signature_digest {
    int nid;              /* NID_undef: unknown */
    bool is_in_algorithm; /* Ed25519, Ed448: no digest of its own to choose */
};

enum parameters {
    PARAMETERS_ABSENT,
    PARAMETERS_NULL,
    PARAMETERS_SEQUENCE,
    PARAMETERS_OTHER,
};

static enum parameters parameters_of(const X509_ALGOR *algorithm, int *nid, const ASN1_STRING **sequence)
{
    const ASN1_OBJECT *object;
    const void *value;
    int type;

    X509_ALGOR_get0(&object, &type, &value, algorithm);
    *nid = OBJ_obj2nid(object);
    *sequence = NULL;
    if (type == V_ASN1_UNDEF)
        return PARAMETERS_ABSENT;
    if (type == V_ASN1_NULL)
        return PARAMETERS_NULL;
    if (type != V_ASN1_SEQUENCE)
        return PARAMETERS_OTHER;
    *sequence = value;
    return PARAMETERS_SEQUENCE;
}

/* An algorithm that has no parameters; old software writes them as NULL. */
static bool is_plain(const X509_ALGOR *algorithm, int *nid)
{
    const ASN1_STRING *sequence;
    enum parameters parameters = parameters_of(algorithm, nid, &sequence);

    return parameters == PARAMETERS_ABSENT || parameters == PARAMETERS_NULL;
}

static void *decode_sequence(const ASN1_STRING *sequence, const ASN1_ITEM *item)
{
    void *value;

    asn1_decode_exactly(ASN1_STRING_get0_data(sequence), (size_t)ASN1_STRING_length(sequence), item, &value);
    return value;
}

/* RFC 4055 3.1: MGF1 with a digest that has no parameters.  Absent: MGF1 with SHA-1. */
static bool is_mask_well_formed(const X509_ALGOR *mask)
{
    const ASN1_STRING *sequence;
    X509_ALGOR *digest;
    bool is_well_formed;
    int nid;

    if (mask == NULL)
        return true;
    if (parameters_of(mask, &nid, &sequence) != PARAMETERS_SEQUENCE || nid != NID_mgf1)
        return false;
    digest = decode_sequence(sequence, ASN1_ITEM_rptr(X509_ALGOR));
    is_well_formed = digest != NULL && is_plain(digest, &nid);
    X509_ALGOR_free(digest);
    return is_well_formed;
}

/* *digest stays what it was where hashAlgorithm is absent. */
static bool read_pss(const ASN1_STRING *sequence, struct signature_digest *digest)
{
    RSA_PSS_PARAMS *pss = decode_sequence(sequence, ASN1_ITEM_rptr(RSA_PSS_PARAMS));
    bool is_well_formed = pss != NULL && is_mask_well_formed(pss->maskGenAlgorithm);

    if (is_well_formed && pss->hashAlgorithm != NULL)
        is_well_formed = is_plain(pss->hashAlgorithm, &digest->nid);
    RSA_PSS_PARAMS_free(pss);
    return is_well_formed;
}

/* False: the parameters are not this algorithm's. */
static bool read_digest(const X509_ALGOR *algorithm, struct signature_digest *digest)
{
    const ASN1_STRING *sequence;
    int nid;
    enum parameters parameters = parameters_of(algorithm, &nid, &sequence);

    digest->nid = NID_undef;
    digest->is_in_algorithm = nid == NID_ED25519 || nid == NID_ED448;
    if (digest->is_in_algorithm)
        return parameters == PARAMETERS_ABSENT;
    if (nid == NID_rsassaPss) {
        /* RFC 4055 3.1: the digest where nothing else is said. */
        digest->nid = NID_sha1;
        return parameters == PARAMETERS_ABSENT || (parameters == PARAMETERS_SEQUENCE && read_pss(sequence, digest));
    }
    if (OBJ_find_sigid_algs(nid, &digest->nid, NULL) != 1) {
        digest->nid = NID_undef;
        return true;
    }
    return parameters == PARAMETERS_ABSENT || parameters == PARAMETERS_NULL;
}

static bool is_digest_accepted(int nid, bool is_sha1_allowed)
{
    if (nid == NID_sha1)
        return is_sha1_allowed;
    for (size_t i = 0; i < sizeof accepted_digests / sizeof accepted_digests[0]; i++)
        if (accepted_digests[i] == nid)
            return true;
    return false;
}

enum reason ocsp_algorithm_check(const X509_ALGOR *algorithm, bool is_sha1_allowed, const char *what, char detail[DETAIL_MAX + 1])
{
    struct signature_digest digest;
    const ASN1_OBJECT *object;
    char name[64];

    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    if (OBJ_obj2txt(name, sizeof name, object, 0) <= 0)
        name[0] = '\0';
    if (!read_digest(algorithm, &digest)) {
        text_clean_format(detail, DETAIL_MAX + 1, "%s has parameters that %s does not have", what, name);
        return REASON_MALFORMED;
    }
    if (digest.is_in_algorithm || is_digest_accepted(digest.nid, is_sha1_allowed))
        return REASON_NONE;
    if (digest.nid == NID_sha1)
        text_clean_format(
            detail, DETAIL_MAX + 1, "%s is made with %s, that is SHA-1; allow_sha1_signatures would accept it", what, name);
    else
        text_clean_format(detail, DETAIL_MAX + 1, "%s is made with %s", what, name);
    return REASON_WEAK_SIGNATURE;
}

enum reason ocsp_algorithm_check_key(EVP_PKEY *key, bool is_sha1_allowed, const char *what, char detail[DETAIL_MAX + 1])
{
    int bits = EVP_PKEY_get_security_bits(key);

    if (bits >= (is_sha1_allowed ? KEY_SECURITY_BITS_MIN_ALLOWED : KEY_SECURITY_BITS_MIN))
        return REASON_NONE;
    text_clean_format(detail, DETAIL_MAX + 1, "%s is made with a key of %d bits%s", what, EVP_PKEY_get_bits(key),
        bits >= KEY_SECURITY_BITS_MIN_ALLOWED ? "; allow_sha1_signatures would accept it" : "");
    return REASON_WEAK_SIGNATURE;
}
