/* SPDX-License-Identifier: ISC */
#include "http/http_reason.h"

#include <stdio.h>
#include <string.h>

#include "text/text.h"

static enum reason reason_of_answer(const struct http_trace *trace, CURLcode code)
{
    if (trace->http_status == 407 && trace->has_proxy)
        return REASON_PROXY_FAILED;
    if (trace->http_status != 200)
        return REASON_HTTP_STATUS;
    if (!trace->is_ocsp_response)
        return REASON_CONTENT_TYPE;
    if (trace->is_body_too_large)
        return REASON_BODY_TOO_LARGE;
    return code == CURLE_OK && trace->body_len == 0 ? REASON_EMPTY_BODY : REASON_NONE;
}

static enum reason reason_of_code(const struct http_trace *trace, CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return REASON_NONE;
    case CURLE_URL_MALFORMAT:
        return REASON_URL_MALFORMED;
    case CURLE_OPERATION_TIMEDOUT:
        return REASON_TIMEOUT;
    case CURLE_COULDNT_CONNECT:
        if (trace->is_address_refused)
            return REASON_ADDRESS_REFUSED;
        return trace->has_proxy ? REASON_PROXY_FAILED : REASON_CONNECT_FAILED;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
        return REASON_PROXY_FAILED;
    case CURLE_COULDNT_RESOLVE_HOST:
        return REASON_INTERNAL;
    case CURLE_OUT_OF_MEMORY:
#if LIBCURL_VERSION_NUM >= 0x080600
    case CURLE_TOO_LARGE:
#endif
        /* libcurl before 8.6 has no other word for a header line that is too long. */
        return trace->has_first_byte ? REASON_HEADERS_TOO_LARGE : REASON_INTERNAL;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_USE_SSL_FAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_SHUTDOWN_FAILED:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return REASON_TLS_FAILED;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
        return REASON_CONNECTION_LOST;
    default:
        return REASON_NETWORK_ERROR;
    }
}

enum reason http_reason_of(const struct http_trace *trace, CURLcode code)
{
    enum reason reason = REASON_NONE;

    if (trace->header_len > HTTP_HEADER_MAX)
        return REASON_HEADERS_TOO_LARGE;
    if (trace->http_status != 0)
        reason = reason_of_answer(trace, code);
    else if (trace->connect_status != 0 && trace->connect_status / 100 != 2 && code != CURLE_OPERATION_TIMEDOUT)
        reason = REASON_PROXY_FAILED;
    if (reason != REASON_NONE)
        return reason;
    /* A transfer that ends well without a final answer does not exist; should it, it is no success. */
    return code == CURLE_OK && trace->http_status == 0 ? REASON_NETWORK_ERROR : reason_of_code(trace, code);
}

void http_reason_detail(const struct http_trace *trace, enum reason reason, char detail[DETAIL_MAX + 1])
{
    char text[DETAIL_MAX + 1] = "";
    char address[ADDRESS_TEXT_LEN];

    switch (reason) {
    case REASON_NONE:
        break;
    case REASON_HTTP_STATUS:
        snprintf(text, sizeof text, "HTTP status %u", trace->http_status);
        break;
    case REASON_BODY_TOO_LARGE:
        snprintf(text, sizeof text, "more than %zu bytes", trace->body_max);
        break;
    case REASON_HEADERS_TOO_LARGE:
        snprintf(text, sizeof text, "a header of more than %u bytes", HTTP_HEADER_MAX);
        break;
    case REASON_ADDRESS_REFUSED:
        address_format(&trace->refused, false, address);
        snprintf(text, sizeof text, "%s is %s", address, address_kind_text(address_kind(&trace->refused)));
        break;
    case REASON_PROXY_FAILED:
        if (trace->connect_status / 100 == 2 || (trace->connect_status == 0 && trace->http_status == 0))
            snprintf(text, sizeof text, "%s", trace->error);
        else
            snprintf(text, sizeof text, "the proxy answered with HTTP status %u",
                trace->connect_status != 0 ? trace->connect_status : trace->http_status);
        break;
    case REASON_CONTENT_TYPE:
        snprintf(text, sizeof text, "%s", trace->content_type[0] == '\0' ? "it names no type" : trace->content_type);
        break;
    case REASON_EMPTY_BODY:
        break;
    default:
        snprintf(text, sizeof text, "%s", trace->error);
        break;
    }
    text_clean_copy(detail, DETAIL_MAX + 1, text, strlen(text));
}
