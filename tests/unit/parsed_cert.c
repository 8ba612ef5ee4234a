/* SPDX-License-Identifier: ISC */
#include "parsed_cert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ocsp_world.h"
#include "text/text.h"

struct parsed parse_len(const char *pem, size_t len, unsigned leaf_blocks)
{
    struct parsed parsed;

    memset(&parsed, 0xa5, sizeof parsed);
    parsed.reason = cert_parse(pem, len, leaf_blocks, the_world.table, &parsed.cert, parsed.detail);
    assert_true(text_is_clean(parsed.detail, strnlen(parsed.detail, sizeof parsed.detail)));
    return parsed;
}

struct parsed parse(const char *pem, unsigned leaf_blocks)
{
    return parse_len(pem, strlen(pem), leaf_blocks);
}

bool is_cert_of(const struct cert *cert, const X509 *x509)
{
    uint8_t digest[32];

    assert_int_equal(X509_digest(x509, EVP_sha256(), digest, NULL), 1);
    return memcmp(digest, cert->sha256, sizeof digest) == 0;
}

void assert_parse_word(const char *pem, unsigned leaf_blocks, const char *word)
{
    struct parsed parsed = parse(pem, leaf_blocks);

    assert_string_equal(reason_word(parsed.reason), word);
    cert_clear(&parsed.cert);
}
