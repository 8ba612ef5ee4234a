/* SPDX-License-Identifier: ISC */
/*
 * Owns: fuzzing cert_load_text: whatever a certificate holds, what comes out is within its bounds and clean.
 * Runs in: libFuzzer.
 * Never: opens a file, or asks the clock.
 *
 * An input that begins like DER is wrapped as PEM, with the issuer behind it, so that base64 does not stand in the way.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "cert/cert_load.h"
#include "fuzz_certs.h"
#include "text/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int is_true)
{
    if (!is_true)
        abort();
}

static void require_whole(const struct cert *cert, enum cert_state state, enum reason reason, const char *detail)
{
    require(memchr(detail, '\0', DETAIL_MAX + 1) != NULL && text_is_clean(detail, strlen(detail)));
    require(ERR_peek_error() == 0);
    require((state == CERT_STATE_MISSING) == (reason == REASON_NONE));
    require(state == CERT_STATE_MISSING || state == CERT_STATE_NO_OCSP || state == CERT_STATE_EXPIRED
        || state == CERT_STATE_UNUSABLE);
    require(cert->url_count <= CERT_URLS_MAX && cert->serial_len <= CERT_SERIAL_MAX);
    for (unsigned i = 0; i < cert->url_count; i++)
        require(cert_url_is_usable(cert->urls[i], strlen(cert->urls[i])));
    if (state == CERT_STATE_MISSING)
        require(cert->issuer != NULL && cert->url_count > 0 && cert->serial_len > 0 && cert->not_after > FUZZ_NOW);
}

static void load(const char *pem, size_t len, unsigned leaf_blocks, const char *responder)
{
    struct issuer_table *issuers = issuer_table_new();
    struct cert cert;
    char detail[DETAIL_MAX + 1];
    enum reason reason = REASON_COUNT;
    enum cert_state state;

    require(issuers != NULL);
    memset(&cert, 0xa5, sizeof cert);
    state = cert_load_text(pem, len, leaf_blocks, responder, FUZZ_NOW, issuers, &cert, &reason, detail);
    require_whole(&cert, state, reason, detail);
    cert_clear(&cert);
    issuer_table_free(issuers);
}

static void load_der(const uint8_t *der, size_t len)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem;
    long pem_len;

    require(bio != NULL && PEM_write_bio(bio, PEM_STRING_X509, "", der, (long)len) > 0);
    require(BIO_puts(bio, fuzz_issuer_pem) > 0);
    pem_len = BIO_get_mem_data(bio, &pem);
    load(pem, (size_t)pem_len, 1, "");
    BIO_free(bio);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > CERT_PEM_MAX)
        return 0;
    load((const char *)data, size, 1, "http://mine/");
    load((const char *)data, size, CERT_BLOCKS_MAX, "");
    if (size > 0 && data[0] == 0x30)
        load_der(data, size);
    return 0;
}
