/* SPDX-License-Identifier: ISC */
/*
 * Owns: HTTP/1.1 with libcurl: one request, one answer, within its bounds.
 * Runs in: fetcher.
 * Never: resolves a name (addresses come in; a look-up of libcurl's own is refused), follows a redirect, opens a file,
 *        starts a thread, connects to an address that its policy does not allow, or judges the OCSP response.
 */
#ifndef STAPLEGUARD_HTTP_TRANSFER_H
#define STAPLEGUARD_HTTP_TRANSFER_H

#include <curl/curl.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/address.h"
#include "http/url.h"
#include "loop/event_loop.h"
#include "words/reason.h"

struct http_settings {
    const struct url *proxy; /* borrowed for ever; NULL: none */
    X509_STORE *trust;       /* borrowed for ever: whom an https responder's certificate must lead to */
    struct address_policy policy;
    size_t body_max;
    unsigned connections; /* kept alive, all together */
};

/* What all transfers share (http.h). */
struct http {
    struct loop *loop;
    struct http_settings settings;
    CURLM *multi;
    struct curl_slist *get_headers;
    struct curl_slist *post_headers;
};

/* One request.  Everything is borrowed until http_transfer_start returns, post until the transfer is done or cancelled. */
struct http_request {
    const struct url *target;
    const char *text;    /* what to ask for: target's text, or that with the request in it */
    const uint8_t *post; /* the body of a POST; NULL: GET */
    size_t post_len;
    const struct address *addresses; /* of the proxy's host, or of target's without a proxy; none for a literal */
    size_t address_count;
    int64_t timeout_msec; /* for the whole transfer, at least 1 */
};

/* How it ended.  Pointers live until the done function returns. */
struct http_result {
    enum reason reason;   /* REASON_NONE: 200, application/ocsp-response, 1 or more bytes */
    unsigned http_status; /* 0: none was received */
    const uint8_t *body;
    size_t body_len;
    const char *redirect_url;    /* absolute, with a redirect status that names one; else NULL */
    int64_t retry_after_sec;     /* -1: not said */
    int64_t max_age_sec;         /* -1: not said */
    char detail[DETAIL_MAX + 1]; /* a phrase with the numbers, clean; "" with REASON_NONE */
};

typedef void http_done(void *owner, const struct http_result *result);

/* A place for one transfer at a time, used over and over. */
struct http_transfer;

struct http_transfer *http_transfer_new(struct http *http, http_done *done, void *owner);
void http_transfer_free(struct http_transfer *transfer);

/* Begin.  done is called later, from the loop.  False when libcurl could not begin: then done is never called. */
bool http_transfer_start(struct http_transfer *transfer, const struct http_request *request);
/* End it without calling done.  Harmless when nothing is under way. */
void http_transfer_cancel(struct http_transfer *transfer);

/* libcurl is done with it: take it out of the multi handle and tell its owner. */
void http_transfer_finish(struct http_transfer *transfer, CURLcode code);

#endif
