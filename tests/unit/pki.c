/* SPDX-License-Identifier: ISC */
#include "pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

/* Things that live until pki_end(), newest first. */
struct kept {
    struct kept *next;
    EVP_PKEY *key;
    X509 *x509;
    void *room;
};

static struct kept *kept_first;
static uint64_t last_serial = 0x1000;

static struct kept *keep(void)
{
    struct kept *kept = calloc(1, sizeof *kept);

    assert_non_null(kept);
    kept->next = kept_first;
    kept_first = kept;
    return kept;
}

void pki_end(void)
{
    while (kept_first != NULL) {
        struct kept *kept = kept_first;

        kept_first = kept->next;
        EVP_PKEY_free(kept->key);
        X509_free(kept->x509);
        free(kept->room);
        free(kept);
    }
}

void *pki_room(size_t len)
{
    struct kept *kept = keep();

    kept->room = calloc(1, len + 1);
    assert_non_null(kept->room);
    return kept->room;
}

EVP_PKEY *pki_key(enum pki_key_kind kind)
{
    struct kept *kept = keep();

    switch (kind) {
    case PKI_P256:
        kept->key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
        break;
    case PKI_ED25519:
        kept->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        break;
    case PKI_RSA_2048:
        kept->key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
        break;
    case PKI_RSA_1024:
        kept->key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
        break;
    case PKI_RSA_512:
        kept->key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)512);
        break;
    }
    assert_non_null(kept->key);
    return kept->key;
}

static X509_NAME *name_of(const char *common_name)
{
    X509_NAME *name = X509_NAME_new();

    assert_non_null(name);
    if (common_name[0] != '\0')
        assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0), 1);
    return name;
}

static X509_EXTENSION *extension_of(const struct pki_extension *spec, X509V3_CTX *context)
{
    X509_EXTENSION *extension = X509V3_EXT_nconf(NULL, context, spec->name, spec->value);

    if (extension == NULL)
        fail_msg("extension %s = %s", spec->name, spec->value);
    return extension;
}

static const EVP_MD *digest_for(EVP_PKEY *key, const char *name)
{
    if (EVP_PKEY_is_a(key, "ED25519"))
        return NULL;
    return EVP_get_digestbyname(name == NULL ? "SHA256" : name);
}

static void set_serial(X509 *x509, const char *hex)
{
    BIGNUM *number = NULL;

    if (hex == NULL) {
        assert_int_equal(ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), ++last_serial), 1);
        return;
    }
    assert_int_not_equal(BN_hex2bn(&number, hex), 0);
    assert_non_null(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)));
    BN_free(number);
}

static void add_extensions(X509 *x509, const struct pki_cert *spec, X509 *issuer)
{
    X509V3_CTX context;

    X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
    for (size_t i = 0; i < PKI_EXTENSIONS_MAX && spec->extensions[i].name != NULL; i++) {
        X509_EXTENSION *extension = extension_of(&spec->extensions[i], &context);

        assert_int_equal(X509_add_ext(x509, extension, -1), 1);
        X509_EXTENSION_free(extension);
    }
}

X509 *pki_cert(const struct pki_cert *spec)
{
    X509 *x509 = X509_new();
    X509 *issuer = spec->issuer == NULL ? x509 : spec->issuer;
    EVP_PKEY *issuer_key = spec->issuer_key == NULL ? spec->key : spec->issuer_key;
    X509_NAME *name = name_of(spec->subject);

    assert_non_null(x509);
    keep()->x509 = x509;
    assert_int_equal(X509_set_version(x509, X509_VERSION_3), 1);
    set_serial(x509, spec->serial);
    assert_int_equal(X509_set_subject_name(x509, name), 1);
    assert_int_equal(X509_set_issuer_name(x509, X509_get_subject_name(issuer)), 1);
    assert_int_equal(X509_set_pubkey(x509, spec->key), 1);
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)spec->not_before));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)spec->not_after));
    add_extensions(x509, spec, issuer);
    assert_int_not_equal(X509_sign(x509, issuer_key, digest_for(issuer_key, spec->digest)), 0);
    X509_NAME_free(name);
    return x509;
}

const char *pki_pem(X509 *const *x509s)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    char *text;
    long len;

    assert_non_null(bio);
    for (; *x509s != NULL; x509s++)
        assert_int_equal(PEM_write_bio_X509(bio, *x509s), 1);
    len = BIO_get_mem_data(bio, &data);
    text = pki_room((size_t)len);
    memcpy(text, data, (size_t)len);
    BIO_free(bio);
    return text;
}

static ASN1_TIME *time_of(int64_t seconds)
{
    ASN1_TIME *time = ASN1_GENERALIZEDTIME_set(NULL, (time_t)seconds);

    assert_non_null(time);
    return time;
}

static void add_single(OCSP_BASICRESP *basic, const struct pki_single *spec)
{
    OCSP_CERTID *id = OCSP_cert_to_id(spec->digest == NULL ? EVP_sha1() : spec->digest, spec->leaf, spec->issuer);
    ASN1_TIME *this_update = time_of(spec->this_update);
    ASN1_TIME *next_update = spec->next_update == 0 ? NULL : time_of(spec->next_update);
    ASN1_TIME *revoked_at = spec->status == V_OCSP_CERTSTATUS_REVOKED ? time_of(spec->revoked_at) : NULL;
    OCSP_SINGLERESP *single;

    assert_non_null(id);
    single = OCSP_basic_add1_status(
        basic, id, spec->status, OCSP_REVOKED_STATUS_KEYCOMPROMISE, revoked_at, this_update, next_update);
    assert_non_null(single);
    if (spec->extension.name != NULL) {
        X509_EXTENSION *extension = extension_of(&spec->extension, NULL);

        assert_int_equal(OCSP_SINGLERESP_add_ext(single, extension, -1), 1);
        X509_EXTENSION_free(extension);
    }
    OCSP_CERTID_free(id);
    ASN1_TIME_free(this_update);
    ASN1_TIME_free(next_update);
    ASN1_TIME_free(revoked_at);
}

static void add_response_extension(OCSP_BASICRESP *basic, const struct pki_extension *spec)
{
    X509_EXTENSION *extension = extension_of(spec, NULL);

    assert_int_equal(OCSP_BASICRESP_add_ext(basic, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static void add_padding(OCSP_BASICRESP *basic, size_t len)
{
    ASN1_OBJECT *object = OBJ_txt2obj("1.2.3.4.6", 1);
    ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension;

    assert_non_null(octets);
    assert_int_equal(ASN1_STRING_set(octets, pki_room(len), (int)len), 1);
    extension = X509_EXTENSION_create_by_OBJ(NULL, object, 0, octets);
    assert_int_equal(OCSP_BASICRESP_add_ext(basic, extension, -1), 1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(octets);
    ASN1_OBJECT_free(object);
}

static void set_produced_at(OCSP_BASICRESP *basic, int64_t seconds)
{
    /* There is no setter; the getter hands out the field itself. */
    ASN1_GENERALIZEDTIME *field = (ASN1_GENERALIZEDTIME *)(uintptr_t)OCSP_resp_get0_produced_at(basic);

    assert_non_null(ASN1_GENERALIZEDTIME_set(field, (time_t)seconds));
}

static void sign(OCSP_BASICRESP *basic, const struct pki_response *spec)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key_context = NULL;
    unsigned long flags = OCSP_NOTIME | OCSP_NOCERTS | (spec->is_by_key ? OCSP_RESPID_KEY : 0);

    assert_non_null(context);
    if (spec->pss != NULL) {
        assert_int_equal(EVP_DigestSignInit(context, &key_context, EVP_get_digestbyname(spec->pss), NULL, spec->signer_key), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_DIGEST), 1);
    } else
        assert_int_equal(
            EVP_DigestSignInit(context, NULL, digest_for(spec->signer_key, spec->digest), NULL, spec->signer_key), 1);
    assert_int_equal(OCSP_basic_sign_ctx(basic, spec->signer, context, NULL, flags), 1);
    EVP_MD_CTX_free(context);
}

struct pki_der pki_basic(const struct pki_response *spec)
{
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    unsigned char *encoded = NULL;
    struct pki_der der;
    int len;

    assert_non_null(basic);
    for (size_t i = 0; i < PKI_SINGLES_MAX && spec->singles[i].leaf != NULL; i++)
        add_single(basic, &spec->singles[i]);
    for (size_t i = 0; i < PKI_CERTS_MAX && spec->certs[i] != NULL; i++)
        assert_int_equal(OCSP_basic_add1_cert(basic, spec->certs[i]), 1);
    if (spec->extension.name != NULL)
        add_response_extension(basic, &spec->extension);
    if (spec->padding > 0)
        add_padding(basic, spec->padding);
    set_produced_at(basic, spec->produced_at);
    if (spec->edit != NULL)
        spec->edit(basic);
    sign(basic, spec);
    len = i2d_OCSP_BASICRESP(basic, &encoded);
    assert_true(len > 0);
    der = (struct pki_der){pki_room((size_t)len), (size_t)len};
    memcpy(der.data, encoded, der.len);
    OPENSSL_free(encoded);
    OCSP_BASICRESP_free(basic);
    return der;
}

struct pki_der pki_join(struct pki_der a, struct pki_der b)
{
    struct pki_der joined = {pki_room(a.len + b.len), a.len + b.len};

    memcpy(joined.data, a.data, a.len);
    if (b.len > 0)
        memcpy(joined.data + a.len, b.data, b.len);
    return joined;
}

struct pki_der pki_wrap(uint8_t identifier, const void *data, size_t len)
{
    uint8_t header[4] = {identifier};
    struct pki_der head = {header, 2};
    struct pki_der body = {pki_room(len), len};

    if (len > 0)
        memcpy(body.data, data, len);
    if (len < 0x80)
        header[1] = (uint8_t)len;
    else if (len < 0x100) {
        header[1] = 0x81;
        header[2] = (uint8_t)len;
        head.len = 3;
    } else {
        header[1] = 0x82;
        header[2] = (uint8_t)(len >> 8);
        header[3] = (uint8_t)len;
        head.len = 4;
    }
    return pki_join(head, body);
}

struct pki_der pki_outer(const void *status, size_t status_len, const struct pki_der *basic)
{
    /* id-pkix-ocsp-basic, RFC 6960 4.2.1 */
    static const uint8_t type[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01};
    struct pki_der all = pki_wrap(0x0a, status, status_len);

    if (basic != NULL) {
        struct pki_der bytes = pki_join(pki_wrap(0x06, type, sizeof type), pki_wrap(0x04, basic->data, basic->len));

        bytes = pki_wrap(0x30, bytes.data, bytes.len);
        bytes = pki_wrap(0xa0, bytes.data, bytes.len);
        all = pki_join(all, bytes);
    }
    return pki_wrap(0x30, all.data, all.len);
}

struct pki_der pki_response(const struct pki_response *spec)
{
    static const uint8_t successful = 0;
    struct pki_der basic = pki_basic(spec);

    return pki_outer(&successful, sizeof successful, &basic);
}
