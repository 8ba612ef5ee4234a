/* SPDX-License-Identifier: ISC */
/*
 * Owns: fuzzing the audit record: any line is judged, and any text is written as a sound record.
 * Runs in: libFuzzer.
 * Never: opens a file.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit_record.h"
#include "text/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int is_true)
{
    if (!is_true)
        abort();
}

static void judge(const char *line, size_t len)
{
    struct audit_chain before;
    struct audit_chain after;
    struct audit_chain chain;

    if (audit_record_read(line, len, &before, &after) != AUDIT_OK)
        return;
    require(text_is_clean(line, len) && len <= AUDIT_LINE_MAX && after.seq == before.seq + 1);
    chain = before;
    require(audit_record_verify(line, len, &chain) == AUDIT_OK);
    require(chain.seq == after.seq && memcmp(chain.hash, after.hash, sizeof chain.hash) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct audit_fields fields = {.event = EVENT_FETCH_FAILED, .process = PARTY_FETCHER, .serial = data, .serial_len = size};
    struct audit_chain chain = {0};
    struct audit_chain checked = {0};
    char line[AUDIT_LINE_MAX + 1];
    char *text = malloc(size + 1);
    size_t len;

    require(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    judge(text, size);
    fields.cert = fields.responder = fields.detail = text;
    if (size >= sizeof fields.expiry)
        memcpy(&fields.expiry, data, sizeof fields.expiry);
    len = audit_record_format(&fields, fields.expiry, &chain, NULL, line);
    require(strlen(line) == len);
    require(audit_record_verify(line, len, &checked) == AUDIT_OK && checked.seq == 1);
    free(text);
    return 0;
}
