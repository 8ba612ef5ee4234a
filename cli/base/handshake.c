/* SPDX-License-Identifier: ISC */
#include "base/handshake.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

static int explain(struct handshake *handshake, const char *step)
{
    unsigned long code = ERR_peek_last_error();

    snprintf(handshake->error, sizeof handshake->error, "%s: %s", step,
        code != 0 ? ERR_reason_error_string(code) != NULL ? ERR_reason_error_string(code) : "unknown error"
                  : "timed out or closed");
    return -1;
}

static void keep_staple(SSL *ssl, struct handshake *handshake)
{
    const unsigned char *staple = NULL;
    long len = SSL_get_tlsext_status_ocsp_resp(ssl, &staple);

    if (staple == NULL || len <= 0)
        return;
    handshake->staple = malloc((size_t)len);
    if (handshake->staple == NULL)
        return;
    memcpy(handshake->staple, staple, (size_t)len);
    handshake->staple_len = (size_t)len;
}

static int keep_chain(SSL *ssl, struct handshake *handshake)
{
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
    BIO *out = BIO_new(BIO_s_mem());
    char *text;
    long len;
    int result = -1;

    for (int i = 0; out != NULL && i < sk_X509_num(chain); i++)
        if (PEM_write_bio_X509(out, sk_X509_value(chain, i)) != 1)
            goto out;
    len = out == NULL ? 0 : BIO_get_mem_data(out, &text);
    if (len <= 0)
        goto out;
    handshake->chain_pem = strndup(text, (size_t)len);
    handshake->chain_len = (size_t)len;
    result = handshake->chain_pem == NULL ? -1 : 0;
out:
    BIO_free(out);
    return result == 0 ? 0 : explain(handshake, "reading the server's certificates");
}

static int talk(BIO *connection, const char *server_name, unsigned timeout_sec, struct handshake *handshake)
{
    struct timeval patience = {.tv_sec = timeout_sec};
    SSL *ssl = NULL;
    int fd = -1;

    BIO_get_ssl(connection, &ssl);
    SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp);
    if (server_name != NULL)
        SSL_set_tlsext_host_name(ssl, (char *)(uintptr_t)server_name);
    if (BIO_do_connect_retry(connection, (int)timeout_sec, -1) != 1)
        return explain(handshake, "connecting");
    if (BIO_get_fd(connection, &fd) > 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    }
    if (BIO_do_handshake(connection) != 1)
        return explain(handshake, "the TLS handshake");
    keep_staple(ssl, handshake);
    return keep_chain(ssl, handshake);
}

int handshake_make(
    const char *target, const char *server_name, const char *signatures, unsigned timeout_sec, struct handshake *handshake)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    /* The connection takes over what the context says when it is made. */
    bool is_set_up
        = context != NULL && (signatures == NULL || SSL_CTX_set1_sigalgs_list(context, (char *)(uintptr_t)signatures) == 1);
    BIO *connection = is_set_up ? BIO_new_ssl_connect(context) : NULL;
    int result = -1;

    memset(handshake, 0, sizeof *handshake);
    if (connection == NULL || BIO_set_conn_hostname(connection, (char *)(uintptr_t)target) != 1)
        explain(handshake, "setting up");
    else
        result = talk(connection, server_name, timeout_sec, handshake);
    BIO_free_all(connection);
    SSL_CTX_free(context);
    return result;
}

void handshake_clear(struct handshake *handshake)
{
    free(handshake->chain_pem);
    free(handshake->staple);
    memset(handshake, 0, sizeof *handshake);
}
