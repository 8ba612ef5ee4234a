/* SPDX-License-Identifier: ISC */
#include "cert/asn1_value.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>

#include "text/text.h"

#define SECONDS_A_DAY 86400

/* The first second of 1900 and the last of 9999, between which OpenSSL's calendar works. */
#define CALENDAR_FIRST INT64_C(-2208988800)
#define CALENDAR_LAST INT64_C(253402300799)

/* RFC 5280 4.1.2.5.2: YYYYMMDDHHMMSSZ.  Whatever else OpenSSL understands is shorter or longer. */
#define STRICT_TIME_LEN 15

static bool encodes_to(const void *value, const ASN1_ITEM *item, const uint8_t *der, size_t der_len)
{
    unsigned char *encoded = NULL;
    int encoded_len = ASN1_item_i2d(value, &encoded, item);
    bool is_same = encoded_len >= 0 && (size_t)encoded_len == der_len && memcmp(encoded, der, der_len) == 0;

    OPENSSL_free(encoded);
    return is_same;
}

enum asn1_result asn1_decode_exactly(const uint8_t *der, size_t der_len, const ASN1_ITEM *item, void **value)
{
    const unsigned char *at = der;
    enum asn1_result result = ASN1_RESULT_OK;

    *value = NULL;
    if (der_len == 0 || der_len > INT_MAX)
        return ASN1_RESULT_MALFORMED;
    *value = ASN1_item_d2i(NULL, &at, (long)der_len, item);
    if (*value == NULL)
        return ASN1_RESULT_MALFORMED;
    if (at != der + der_len)
        result = ASN1_RESULT_TRAILING;
    else if (!encodes_to(*value, item, der, der_len))
        result = ASN1_RESULT_MALFORMED;
    if (result != ASN1_RESULT_OK) {
        ASN1_item_free(*value, item);
        *value = NULL;
    }
    return result;
}

/* Step into, or find the end of, the value at the front of *data.  False: it cannot be read. */
static bool read_header(const uint8_t **data, size_t len, size_t *content_len)
{
    const unsigned char *at = *data;
    long content;
    int tag;
    int class;

    /* 0x80: unreadable, or longer than len; 1: without a length. */
    if (len == 0 || len > INT_MAX || (ASN1_get_object(&at, &content, &tag, &class, (long)len) & 0x81) != 0)
        return false;
    *data = at;
    *content_len = (size_t)content;
    return true;
}

bool asn1_first_inside(const uint8_t *der, size_t der_len, struct asn1_octets *first)
{
    const uint8_t *contents = der;
    const uint8_t *end;
    size_t len;

    if (!read_header(&contents, der_len, &len))
        return false;
    first->data = end = contents;
    if (!read_header(&end, len, &len))
        return false;
    first->len = (size_t)(end - first->data) + len;
    return true;
}

bool asn1_time_read(const ASN1_TIME *time, int64_t *seconds)
{
    const struct tm epoch = {.tm_year = 70, .tm_mday = 1};
    struct tm tm;
    int days;
    int rest;

    if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1 || OPENSSL_gmtime_diff(&days, &rest, &epoch, &tm) != 1)
        return false;
    *seconds = (int64_t)days * SECONDS_A_DAY + rest;
    return true;
}

bool asn1_strict_time_read(const ASN1_GENERALIZEDTIME *time, int64_t *seconds)
{
    return time != NULL && ASN1_STRING_type(time) == V_ASN1_GENERALIZEDTIME && ASN1_STRING_length(time) == STRICT_TIME_LEN
        && asn1_time_read(time, seconds);
}

void asn1_time_text(int64_t seconds, char out[ASN1_TIME_TEXT_SIZE])
{
    struct tm tm = {.tm_year = 70, .tm_mday = 1};

    if (seconds < CALENDAR_FIRST || seconds > CALENDAR_LAST
        || OPENSSL_gmtime_adj(&tm, (int)(seconds / SECONDS_A_DAY), (long)(seconds % SECONDS_A_DAY)) != 1)
        snprintf(out, ASN1_TIME_TEXT_SIZE, "@%lld", (long long)seconds);
    else
        /* Not strftime: that asks for the time zone. */
        snprintf(out, ASN1_TIME_TEXT_SIZE, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)tm.tm_year + 1900, (unsigned)tm.tm_mon + 1,
            (unsigned)tm.tm_mday, (unsigned)tm.tm_hour, (unsigned)tm.tm_min, (unsigned)tm.tm_sec);
}

void asn1_name_text(const X509_NAME *name, char out[ASN1_NAME_TEXT_SIZE])
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    long len = 0;

    if (bio != NULL && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0)
        len = BIO_get_mem_data(bio, &text);
    if (len > 0)
        text_clean_copy(out, ASN1_NAME_TEXT_SIZE, text, (size_t)len);
    else
        snprintf(out, ASN1_NAME_TEXT_SIZE, "(no name)");
    BIO_free(bio);
}
