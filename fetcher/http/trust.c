/* SPDX-License-Identifier: ISC */
#include "http/trust.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

bool trust_prepare(void)
{
    unsigned char seed;
    SSL_CTX *ctx = NULL;
    bool result = false;

    if (OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS
                | OPENSSL_INIT_ADD_ALL_CIPHERS | OPENSSL_INIT_ADD_ALL_DIGESTS,
            NULL)
        != 1)
        return false;
    /* The providers and the generators are set up at first use. */
    ctx = SSL_CTX_new(TLS_client_method());
    result = ctx != NULL && RAND_bytes(&seed, 1) == 1 && RAND_priv_bytes(&seed, 1) == 1;
    SSL_CTX_free(ctx);
    return result;
}

X509_STORE *trust_load(const char *ca_file, const char **problem)
{
    X509_STORE *store = X509_STORE_new();

    *problem = NULL;
    if (store == NULL)
        return NULL;
    /* An administrator may name an intermediate CA alone; libcurl's own stores allow that too. */
    X509_STORE_set_flags(store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
    if (ca_file[0] != '\0' && X509_STORE_load_file(store, ca_file) != 1) {
        *problem = ERR_reason_error_string(ERR_peek_last_error());
        if (*problem == NULL)
            *problem = "it cannot be read";
        ERR_clear_error();
    }
    return store;
}
