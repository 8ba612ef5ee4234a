/* SPDX-License-Identifier: ISC */
/*
 * Owns: what the multi handle (http.c) and its transfers (http_transfer.c) know of each other.
 * Runs in: fetcher.
 * Never: seen by anybody else.
 */
#ifndef STAPLEGUARD_HTTP_TRANSFER_H
#define STAPLEGUARD_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "http/http.h"

struct http {
    struct loop *loop;
    struct http_settings settings;
    CURLM *multi;
    struct curl_slist *get_headers;
    struct curl_slist *post_headers;
};

/* libcurl is done with it: take it out of the multi handle and tell its owner. */
void http_transfer_finish(struct http_transfer *transfer, CURLcode code);

#endif
