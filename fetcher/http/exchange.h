/* SPDX-License-Identifier: ISC */
/*
 * Owns: one exchange: from one URL of one certificate to a verified response, or to why there is none.
 * Runs in: fetcher.
 * Never: tries another URL (fetch_queue.h does), takes longer than the timeout all together, or decides what is kept: the
 *        writer does.
 *
 * Name, addresses, GET (or POST), at most REDIRECTS_MAX redirects within the scheme, POST after a GET that may have
 * failed for being one (rules.h), verification.  One deadline spans all of it.
 */
#ifndef STAPLEGUARD_EXCHANGE_H
#define STAPLEGUARD_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cert/cert.h"
#include "http/http_transfer.h"
#include "http/ocsp_request.h"
#include "http/resolve.h"
#include "ocsp/ocsp_verify.h"

/* What all exchanges share.  Borrowed for ever. */
struct exchange_settings {
    struct resolver *resolver;
    struct http *http;
    const struct url *proxy; /* NULL: none */
    struct address_policy policy;
    int64_t timeout_msec;
};

/* How an exchange ended.  der lives until the done function returns. */
struct exchange_outcome {
    enum reason reason;   /* REASON_NONE: verdict says good, revoked or unknown */
    bool is_rejection;    /* a response came and was rejected by the verification; else there was none */
    unsigned http_status; /* of the last answer; 0: none */
    int64_t duration_msec;
    int64_t retry_after_sec; /* -1: not said */
    int64_t max_age_sec;     /* -1: not said */
    const uint8_t *der;
    size_t der_len;
    struct ocsp_verdict verdict;
    char detail[DETAIL_MAX + 1]; /* a clean phrase: what was found, and on which way there */
};

struct exchange;

typedef void exchange_done(void *owner, const struct exchange_outcome *outcome);

/* A place for one exchange at a time.  NULL without memory. */
struct exchange *exchange_new(const struct exchange_settings *settings, exchange_done *done, void *owner);
void exchange_free(struct exchange *exchange);

/*
 * Begin.  cert is borrowed until done; url is one of its URLs.  done is called exactly once, possibly from within, when
 * nothing has to be waited for.
 */
void exchange_start(struct exchange *exchange, const struct cert *cert, const struct ocsp_policy *policy, const char *url);
/* End it without calling done. */
void exchange_cancel(struct exchange *exchange);

/* When exchange_expire is to be called: LOOP_NO_TIMER unless a name is waited for (libcurl watches over the rest). */
int64_t exchange_deadline_msec(const struct exchange *exchange);
void exchange_expire(struct exchange *exchange);

#endif
