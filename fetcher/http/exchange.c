/* SPDX-License-Identifier: ISC */
#include "http/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/retry_rules.h"
#include "loop/event_loop.h"
#include "text/text.h"

struct exchange {
    const struct exchange_settings *settings;
    exchange_done *done;
    void *owner;
    struct http_transfer *transfer;
    struct resolve_waiter waiter;
    /* of the exchange under way */
    const struct cert *cert;
    const char *url;
    struct ocsp_policy policy;
    int64_t started_msec;
    uint8_t request[REQUEST_DER_MAX];
    size_t request_len;
    bool is_post;
    bool was_get_refused;
    enum reason get_reason; /* why the GET before this POST was refused */
    unsigned redirects;
    struct url target;      /* who is asked now */
    char text[URL_MAX + 1]; /* what is asked for: target's text, or that with the request in it */
    struct exchange_outcome outcome;
};

static void begin(struct exchange *exchange);
static void ask(struct exchange *exchange);

static int64_t left_msec(const struct exchange *exchange)
{
    return exchange->started_msec + exchange->settings->timeout_msec - loop_now_msec();
}

/* The phrase, and what lies behind it when the way was not the plain one. */
static void describe(struct exchange *exchange, const char *phrase)
{
    char text[DETAIL_MAX + 1];
    char origin[URL_ORIGIN_LEN];
    size_t len = (size_t)snprintf(text, sizeof text, "%s", phrase);

    if (exchange->redirects > 0 && len < sizeof text) {
        url_origin(&exchange->target, origin);
        len += (size_t)snprintf(text + len, sizeof text - len, "%sredirected to %s", len > 0 ? "; " : "", origin);
    }
    if (exchange->was_get_refused && len < sizeof text)
        snprintf(text + len, sizeof text - len, "%sby POST, after GET ended with %s", len > 0 ? "; " : "",
            reason_word(exchange->get_reason));
    text_clean_copy(exchange->outcome.detail, sizeof exchange->outcome.detail, text, strlen(text));
}

static void finish(struct exchange *exchange, enum reason reason, const char *phrase)
{
    exchange->outcome.reason = reason;
    exchange->outcome.duration_msec = loop_now_msec() - exchange->started_msec;
    describe(exchange, phrase);
    exchange->cert = NULL;
    exchange->done(exchange->owner, &exchange->outcome);
}

static void verify(struct exchange *exchange, const struct http_result *result)
{
    struct exchange_outcome *outcome = &exchange->outcome;

    ocsp_verify(result->body, result->body_len, exchange->cert, &exchange->policy, loop_now_sec(), &outcome->verdict);
    outcome->is_rejection = outcome->verdict.status == OCSP_STATUS_NONE;
    outcome->der = result->body;
    outcome->der_len = result->body_len;
}

/* A redirect answer.  Its pointers go with the next transfer, so what is needed is copied first. */
static void follow(struct exchange *exchange, const struct http_result *result)
{
    bool was_https = exchange->target.is_https;
    char phrase[DETAIL_MAX + 1];
    struct url next;
    const char *error;

    if (result->redirect_url == NULL) {
        snprintf(phrase, sizeof phrase, "HTTP status %u without a place to go", result->http_status);
        finish(exchange, REASON_REDIRECT_REFUSED, phrase);
        return;
    }
    error = url_parse(result->redirect_url, &next);
    if (error == NULL && next.is_https != was_https)
        error = "has another scheme";
    if (error != NULL) {
        snprintf(phrase, sizeof phrase, "the URL %.200s %s", result->redirect_url, error);
        finish(exchange, REASON_REDIRECT_REFUSED, phrase);
        return;
    }
    if (exchange->redirects >= REDIRECTS_MAX) {
        snprintf(phrase, sizeof phrase, "the next would be %.200s", next.text);
        finish(exchange, REASON_TOO_MANY_REDIRECTS, phrase);
        return;
    }
    exchange->redirects++;
    exchange->target = next;
    memcpy(exchange->text, next.text, sizeof exchange->text);
    ask(exchange);
}

static void transfer_done(void *owner, const struct http_result *result)
{
    struct exchange *exchange = owner;
    struct exchange_outcome *outcome = &exchange->outcome;
    enum reason reason = result->reason;
    const char *phrase = result->detail;

    outcome->http_status = result->http_status;
    outcome->retry_after_sec = result->retry_after_sec;
    outcome->max_age_sec = result->max_age_sec;
    outcome->der_len = result->body_len;
    if (reason == REASON_HTTP_STATUS && rules_is_redirect(result->http_status)) {
        follow(exchange, result);
        return;
    }
    if (reason == REASON_NONE) {
        verify(exchange, result);
        reason = outcome->verdict.reason;
        phrase = outcome->verdict.detail;
    }
    if (!exchange->is_post && rules_should_post(reason, result->http_status) && left_msec(exchange) > 0) {
        exchange->was_get_refused = true;
        exchange->get_reason = reason;
        exchange->is_post = true;
        begin(exchange);
        return;
    }
    finish(exchange, reason, phrase);
}

static void connect_to(struct exchange *exchange, const struct address *addresses, size_t count)
{
    struct http_request request = {
        .target = &exchange->target,
        .text = exchange->text,
        .post = exchange->is_post ? exchange->request : NULL,
        .post_len = exchange->request_len,
        .addresses = addresses,
        .address_count = count,
        .timeout_msec = left_msec(exchange),
    };

    if (request.timeout_msec <= 0)
        finish(exchange, REASON_TIMEOUT, "before the connection was begun");
    else if (!http_transfer_start(exchange->transfer, &request))
        finish(exchange, REASON_INTERNAL, "libcurl could not begin the transfer");
}

/* A proxy was named by the administrator: it may be on this machine or network. */
static struct address_policy policy_of_peer(const struct exchange *exchange)
{
    if (exchange->settings->proxy == NULL)
        return exchange->settings->policy;
    return (struct address_policy){.is_private_allowed = true, .is_loopback_allowed = true};
}

static void refuse_address(struct exchange *exchange, const struct address *address)
{
    char phrase[DETAIL_MAX + 1];
    char text[ADDRESS_TEXT_LEN];

    address_format(address, false, text);
    snprintf(phrase, sizeof phrase, "%s is %s", text, address_kind_text(address_kind(address)));
    finish(exchange, REASON_ADDRESS_REFUSED, phrase);
}

static void name_resolved(void *owner, const struct resolved *resolved)
{
    struct exchange *exchange = owner;
    const struct url *proxy = exchange->settings->proxy;
    struct address_policy policy = policy_of_peer(exchange);
    struct address allowed[NAME_ADDRESSES_MAX];
    size_t count = 0;
    char phrase[DETAIL_MAX + 1];

    if (resolved->reason != REASON_NONE) {
        snprintf(phrase, sizeof phrase, "%s: %s", proxy != NULL ? proxy->host : exchange->target.host, resolved->detail);
        finish(exchange, proxy != NULL ? REASON_PROXY_FAILED : resolved->reason, phrase);
        return;
    }
    for (size_t i = 0; i < resolved->count; i++)
        if (address_is_allowed(&resolved->addresses[i], &policy))
            allowed[count++] = resolved->addresses[i];
    if (count == 0)
        refuse_address(exchange, &resolved->addresses[0]);
    else
        connect_to(exchange, allowed, count);
}

/* Ask target for text: its addresses first, unless it is one. */
static void ask(struct exchange *exchange)
{
    const struct url *target = &exchange->target;
    const struct url *peer = exchange->settings->proxy != NULL ? exchange->settings->proxy : target;
    const struct resolved *resolved;

    exchange->outcome.http_status = 0;
    exchange->outcome.is_rejection = false;
    exchange->outcome.der_len = 0;
    /* Judged here too, because a proxy would connect to it for us. */
    if (target->is_literal && !address_is_allowed(&target->literal, &exchange->settings->policy)) {
        refuse_address(exchange, &target->literal);
        return;
    }
    if (peer->is_literal) {
        connect_to(exchange, NULL, 0);
        return;
    }
    resolved = resolve_start(exchange->settings->resolver, peer->host, name_resolved, exchange, &exchange->waiter);
    if (resolved != NULL)
        name_resolved(exchange, resolved);
}

/* Begin anew at the certificate's URL, by GET if it may be one. */
static void begin(struct exchange *exchange)
{
    const char *error = url_parse(exchange->url, &exchange->target);
    char get_url[GET_URL_MAX + 1];

    exchange->redirects = 0;
    if (error != NULL) {
        char phrase[DETAIL_MAX + 1];

        snprintf(phrase, sizeof phrase, "it %s", error);
        finish(exchange, REASON_URL_MALFORMED, phrase);
        return;
    }
    memcpy(exchange->text, exchange->target.text, sizeof exchange->text);
    if (!exchange->is_post && request_get_url(exchange->text, exchange->request, exchange->request_len, get_url))
        memcpy(exchange->text, get_url, sizeof get_url);
    else
        exchange->is_post = true;
    ask(exchange);
}

void exchange_start(struct exchange *exchange, const struct cert *cert, const struct ocsp_policy *policy, const char *url)
{
    exchange->cert = cert;
    exchange->url = url;
    exchange->policy = *policy;
    exchange->started_msec = loop_now_msec();
    exchange->is_post = false;
    exchange->was_get_refused = false;
    exchange->redirects = 0;
    memset(&exchange->outcome, 0, sizeof exchange->outcome);
    exchange->outcome.retry_after_sec = -1;
    exchange->outcome.max_age_sec = -1;
    if (!request_encode(cert, exchange->request, &exchange->request_len))
        finish(exchange, REASON_INTERNAL, "the request could not be made");
    else
        begin(exchange);
}

void exchange_cancel(struct exchange *exchange)
{
    resolve_cancel(&exchange->waiter);
    http_transfer_cancel(exchange->transfer);
    exchange->cert = NULL;
}

int64_t exchange_deadline_msec(const struct exchange *exchange)
{
    if (exchange->waiter.entry == NULL)
        return LOOP_NO_TIMER;
    return exchange->started_msec + exchange->settings->timeout_msec;
}

void exchange_expire(struct exchange *exchange)
{
    const struct url *proxy = exchange->settings->proxy;
    char phrase[DETAIL_MAX + 1];

    if (exchange->waiter.entry == NULL)
        return;
    resolve_cancel(&exchange->waiter);
    snprintf(phrase, sizeof phrase, "%s: no answer within the timeout", proxy != NULL ? proxy->host : exchange->target.host);
    finish(exchange, proxy != NULL ? REASON_PROXY_FAILED : REASON_RESOLVER_FAILED, phrase);
}

struct exchange *exchange_new(const struct exchange_settings *settings, exchange_done *done, void *owner)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);

    if (exchange == NULL)
        return NULL;
    exchange->settings = settings;
    exchange->done = done;
    exchange->owner = owner;
    exchange->transfer = http_transfer_new(settings->http, transfer_done, exchange);
    if (exchange->transfer == NULL) {
        free(exchange);
        return NULL;
    }
    return exchange;
}

void exchange_free(struct exchange *exchange)
{
    if (exchange == NULL)
        return;
    exchange_cancel(exchange);
    http_transfer_free(exchange->transfer);
    free(exchange);
}
