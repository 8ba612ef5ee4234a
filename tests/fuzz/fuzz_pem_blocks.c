/* SPDX-License-Identifier: ISC */
/*
 * Owns: fuzzing pem_blocks_scan: whatever a certificate file holds, only well-formed CERTIFICATE blocks come out.
 * Runs in: libFuzzer.
 * Never: opens a file.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pem/pem_blocks.h"
#include "text/text.h"

#define HEADER "-----BEGIN CERTIFICATE-----\n"
#define FOOTER "-----END CERTIFICATE-----\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int is_true)
{
    if (!is_true)
        abort();
}

/* header, lines of at most 64 base64 characters, footer; and so on to the end. */
static void require_blocks_only(const struct pem_blocks *blocks)
{
    const char *p = blocks->text;
    unsigned count = 0;

    for (; *p != '\0'; count++) {
        require(strncmp(p, HEADER, strlen(HEADER)) == 0);
        p += strlen(HEADER);
        while (strncmp(p, FOOTER, strlen(FOOTER)) != 0) {
            size_t len = strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=");

            require(len > 0 && len <= 64 && p[len] == '\n');
            p += len + 1;
        }
        p += strlen(FOOTER);
    }
    require((size_t)(p - blocks->text) == blocks->len && count == blocks->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pem_blocks blocks = {0};
    struct pem_blocks again = {0};
    char detail[DETAIL_MAX + 1];
    enum reason reason = pem_blocks_scan((const char *)data, size, &blocks, detail);

    require(text_is_clean(detail, strlen(detail)));
    if (reason != REASON_NONE) {
        require(blocks.text == NULL && blocks.len == 0 && blocks.count == 0);
        return 0;
    }
    require(detail[0] == '\0' && blocks.count >= 1 && blocks.count <= CERT_BLOCKS_MAX && blocks.len <= CERT_PEM_MAX);
    require_blocks_only(&blocks);
    /* The output is its own normal form. */
    require(pem_blocks_scan(blocks.text, blocks.len, &again, detail) == REASON_NONE);
    require(again.len == blocks.len && memcmp(again.text, blocks.text, blocks.len) == 0);
    pem_blocks_clear(&again);
    pem_blocks_clear(&blocks);
    return 0;
}
