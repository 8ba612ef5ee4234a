/* SPDX-License-Identifier: ISC */
#include "http/retry_rules.h"

bool rules_is_redirect(unsigned http_status)
{
    return http_status == 301 || http_status == 302 || http_status == 303 || http_status == 307 || http_status == 308;
}

static bool status_may_be_for_get(unsigned http_status)
{
    if (http_status == 407 || http_status == 429 || http_status == 503)
        return false;
    return http_status >= 400 && http_status <= 599;
}

bool rules_should_post(enum reason reason, unsigned http_status)
{
    switch (reason) {
    case REASON_HTTP_STATUS:
        return status_may_be_for_get(http_status);
    case REASON_CONTENT_TYPE:
    case REASON_EMPTY_BODY:
    case REASON_MALFORMED:
    case REASON_TRAILING_BYTES:
    case REASON_STATUS_MALFORMED_REQUEST:
    case REASON_STATUS_UNAUTHORIZED:
    case REASON_EXPIRED:
    case REASON_SHORT_TTL:
        return true;
    default:
        return false;
    }
}

bool rules_is_silence(enum reason reason)
{
    switch (reason) {
    case REASON_NAME_NOT_FOUND:
    case REASON_RESOLVER_FAILED:
    case REASON_CONNECT_FAILED:
    case REASON_TIMEOUT:
    case REASON_TLS_FAILED:
    case REASON_PROXY_FAILED:
        return true;
    default:
        return false;
    }
}
