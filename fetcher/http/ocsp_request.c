/* SPDX-License-Identifier: ISC */
#include "http/ocsp_request.h"

#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <string.h>

/* EVP_EncodeBlock ends with a NUL. */
#define BASE64_LEN ((REQUEST_DER_MAX + 2) / 3 * 4 + 1)

/* An INTEGER with the certificate's own content octets, so that the responder sees the serial as it was issued. */
static ASN1_INTEGER *serial_of(const struct cert *cert)
{
    uint8_t der[2 + CERT_SERIAL_MAX] = {V_ASN1_INTEGER, cert->serial_len};
    const uint8_t *p = der;

    if (cert->serial_len > CERT_SERIAL_MAX)
        return NULL;
    memcpy(der + 2, cert->serial, cert->serial_len);
    return d2i_ASN1_INTEGER(NULL, &p, 2L + cert->serial_len);
}

bool request_encode(const struct cert *cert, uint8_t out[REQUEST_DER_MAX], size_t *len)
{
    OCSP_REQUEST *request = OCSP_REQUEST_new();
    ASN1_INTEGER *serial = serial_of(cert);
    OCSP_CERTID *id = NULL;
    unsigned char *der = NULL;
    int der_len = 0;
    bool result = false;

    if (request == NULL || serial == NULL)
        goto out;
    id = OCSP_cert_id_new(
        EVP_sha1(), X509_get_subject_name(cert->issuer->x509), X509_get0_pubkey_bitstr(cert->issuer->x509), serial);
    if (id == NULL || OCSP_request_add0_id(request, id) == NULL)
        goto out;
    id = NULL; /* the request's now */
    der_len = i2d_OCSP_REQUEST(request, &der);
    if (der_len <= 0 || (unsigned)der_len > REQUEST_DER_MAX)
        goto out;
    memcpy(out, der, (size_t)der_len);
    *len = (size_t)der_len;
    result = true;
out:
    OPENSSL_free(der);
    OCSP_CERTID_free(id);
    ASN1_INTEGER_free(serial);
    OCSP_REQUEST_free(request);
    return result;
}

/* Append one character of base64 as RFC 6960 A.1 wants it; false when it does not fit. */
static bool append_encoded(char *out, size_t *len, char c)
{
    const char *encoded = c == '+' ? "%2B" : c == '/' ? "%2F" : c == '=' ? "%3D" : NULL;
    size_t need = encoded == NULL ? 1 : 3;

    if (*len + need > GET_URL_MAX)
        return false;
    if (encoded == NULL)
        out[*len] = c;
    else
        memcpy(out + *len, encoded, 3);
    *len += need;
    return true;
}

bool request_get_url(const char *url, const uint8_t *der, size_t der_len, char out[GET_URL_MAX + 1])
{
    char base64[BASE64_LEN];
    size_t len = strlen(url);

    if (der_len > REQUEST_DER_MAX || len == 0 || len >= GET_URL_MAX || strpbrk(url, "?#") != NULL)
        return false;
    memcpy(out, url, len);
    if (out[len - 1] != '/')
        out[len++] = '/';
    EVP_EncodeBlock((unsigned char *)base64, der, (int)der_len);
    for (const char *p = base64; *p != '\0'; p++)
        if (!append_encoded(out, &len, *p))
            return false;
    out[len] = '\0';
    return true;
}
