/* SPDX-License-Identifier: ISC */
/*
 * Owns: what follows from how an exchange ended: the same URL by POST, another URL, less trust in the responder.
 * Runs in: fetcher.
 * Never: does anything; it only answers.
 */
#ifndef STAPLEGUARD_RETRY_RULES_H
#define STAPLEGUARD_RETRY_RULES_H

#include <stdbool.h>

#include "words/reason.h"

/* 301, 302, 303, 307, 308 (RFC 9110 15.4): the answer is elsewhere.  The method stays: asking twice is harmless. */
bool rules_is_redirect(unsigned http_status);

/*
 * Is it worth asking the same URL by POST after a GET that ended with reason (http_status where that is REASON_HTTP_STATUS)?
 *
 * Yes where the GET itself may be the cause: a responder that only knows POST (any 4xx or 5xx, a page instead of a
 * response, an empty or damaged one, malformedRequest, and unauthorized, which some answer to a path they cannot read),
 * and a cache before the responder that hands out a stale response (expired, short-ttl), which it cannot do with a POST.
 * No where POST could not do better: nobody answered, the address is refused, 407 (the proxy), 429 and 503 (asking again at
 * once is what they ask us not to do), a response that is too large or not signed as it should be.
 */
bool rules_should_post(enum reason reason, unsigned http_status);

/*
 * Did the responder leave us without any HTTP answer, so that its other certificates will very likely fare no better?
 * RESPONDER_FAILURES_MAX of these in a row end the asking for a while.
 */
bool rules_is_silence(enum reason reason);

#endif
