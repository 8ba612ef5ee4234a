/* SPDX-License-Identifier: ISC */
/*
 * Owns: what a finished transfer means: one stable word and a phrase with the numbers.
 * Runs in: fetcher.
 * Never: does anything but look at what was noted.
 */
#ifndef STAPLEGUARD_HTTP_REASON_H
#define STAPLEGUARD_HTTP_REASON_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"
#include "http/address.h"
#include "words/reason.h"

/* What was noted during a transfer. */
struct http_trace {
    bool has_proxy;
    bool is_address_refused; /* `refused` */
    bool is_body_too_large;
    bool has_first_byte;     /* something of an answer came */
    bool is_ocsp_response;   /* its media type */
    char content_type[64];   /* the same as text, cut when longer */
    unsigned http_status;    /* of the final answer, once its header was complete; else 0 */
    unsigned connect_status; /* of the proxy's answer to CONNECT; 0: none */
    size_t header_len;
    size_t body_len;
    size_t body_max;
    int64_t retry_after_sec;
    int64_t max_age_sec;
    struct address refused;
    const char *error; /* libcurl's words */
};

/*
 * Why it failed, or REASON_NONE.  What the responder said comes before what happened to the connection afterwards: a status
 * other than 200, then the media type, then the body.
 */
enum reason http_reason_of(const struct http_trace *trace, CURLcode code);

/* A clean phrase: "HTTP status 503", "more than 65536 bytes", libcurl's own words.  "" for REASON_NONE. */
void http_reason_detail(const struct http_trace *trace, enum reason reason, char detail[DETAIL_MAX + 1]);

#endif
