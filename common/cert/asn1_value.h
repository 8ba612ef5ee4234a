/* SPDX-License-Identifier: ISC */
/*
 * Owns: what we read out of ASN.1 by way of OpenSSL: exact DER, times as seconds, names as clean text.
 * Runs in: fetcher, writer, command line.
 * Never: asks for the time zone (the C library would open /etc/localtime, which a locked-in process may not).
 */
#ifndef STAPLEGUARD_ASN1_VALUE_H
#define STAPLEGUARD_ASN1_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/asn1.h>
#include <openssl/x509.h>

/* "2026-01-02T03:04:05Z" or, outside the years 1900 to 9999, "@" and a number. */
#define ASN1_TIME_TEXT_SIZE 32u
/* A name in a sentence, RFC 4514 ("CN=Shop CA,O=Shop"); a longer one is cut. */
#define ASN1_NAME_TEXT_SIZE 121u

enum asn1_result {
    ASN1_RESULT_OK,
    ASN1_RESULT_MALFORMED, /* not this type, or not in the one form that DER allows */
    ASN1_RESULT_TRAILING,  /* a value, and something behind it */
};

/*
 * Decode exactly one DER value of type `item`.  *value: the caller's (ASN1_item_free with the same item); NULL on failure.
 * OpenSSL reads BER: encoding the value again must give the very same bytes (X.690 section 10).
 */
enum asn1_result asn1_decode_exactly(const uint8_t *der, size_t der_len, const ASN1_ITEM *item, void **value);

/* Octets of one DER value with its header, borrowed. */
struct asn1_octets {
    const uint8_t *data;
    size_t len;
};

/* The first value inside of the SEQUENCE that der (well-formed, definite lengths) is: of a certificate, what is signed. */
bool asn1_first_inside(const uint8_t *der, size_t der_len, struct asn1_octets *first);

/* Seconds since 1970 of a certificate's time.  False when it is not one. */
bool asn1_time_read(const ASN1_TIME *time, int64_t *seconds);

/* The same, for YYYYMMDDHHMMSSZ alone: what RFC 6960 4.2.2.1 wants (by way of RFC 5280 4.1.2.5.2). */
bool asn1_strict_time_read(const ASN1_GENERALIZEDTIME *time, int64_t *seconds);

void asn1_time_text(int64_t seconds, char out[ASN1_TIME_TEXT_SIZE]);

/* Clean text; "(no name)" for an empty name. */
void asn1_name_text(const X509_NAME *name, char out[ASN1_NAME_TEXT_SIZE]);

#endif
