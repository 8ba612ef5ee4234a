/* SPDX-License-Identifier: ISC */
/*
 * Owns: the outer form of an OCSP response: one DER value, successful, basic.
 * Runs in: fetcher, writer, command line; only ocsp_verify.c calls it.
 * Never: lets a second encoding of the same response through, or a byte that no signature covers and nobody looked at.
 */
#ifndef STAPLEGUARD_OCSP_PARSE_H
#define STAPLEGUARD_OCSP_PARSE_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/ocsp.h>

#include "bounds.h"
#include "cert/delegates.h"
#include "words/reason.h"

struct ocsp_parsed {
    OCSP_BASICRESP *basic; /* without its certificates */
    STACK_OF(X509) *certs; /* in the response's order; NULL: none */
};

/*
 * Take der (borrowed) apart.  On REASON_NONE encoding the parts of *parsed gives the bytes of der; ocsp_parsed_clear it in any
 * case.  A certificate that `known` has is not parsed again.  detail: a sentence, or left as it is.
 * Returns REASON_NONE, TOO_LARGE, MALFORMED, TRAILING_BYTES, a STATUS_... or NOT_BASIC.  Source: RFC 6960 4.2.1.
 */
enum reason ocsp_parse(
    const uint8_t *der, size_t der_len, const struct delegates *known, struct ocsp_parsed *parsed, char detail[DETAIL_MAX + 1]);
void ocsp_parsed_clear(struct ocsp_parsed *parsed);

#endif
