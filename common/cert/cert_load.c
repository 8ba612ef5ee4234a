/* SPDX-License-Identifier: ISC */
#include "cert/cert_load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cert/asn1_value.h"
#include "text/text.h"

/* Put the configured responder in the place of the certificate's own. */
static enum reason override_responder(const char *responder, struct cert *cert, char *detail)
{
    size_t len = strlen(responder);

    if (!cert_url_is_usable(responder, len)) {
        text_clean_format(detail, DETAIL_MAX + 1, "responder = %.100s is not an http or https URL", responder);
        return REASON_URL_MALFORMED;
    }
    for (unsigned i = 0; i < cert->url_count; i++)
        free(cert->urls[i]);
    cert->url_count = 0;
    cert->urls[0] = strdup(responder);
    if (cert->urls[0] == NULL)
        return REASON_INTERNAL;
    cert->url_count = 1;
    return REASON_NONE;
}

/* A configured responder stands in for one that the certificate does not name or that cannot be asked. */
static enum reason apply_responder(const char *responder, enum reason parsed, struct cert *cert, char *detail)
{
    bool is_about_urls = parsed == REASON_NO_OCSP || parsed == REASON_NO_USABLE_URL;
    enum reason reason;

    if (responder[0] == '\0' || (parsed != REASON_NONE && !is_about_urls))
        return parsed;
    detail[0] = '\0';
    reason = override_responder(responder, cert, detail);
    if (reason == REASON_NONE && cert->issuer == NULL) {
        text_clean_format(
            detail, DETAIL_MAX + 1, "it would be asked for at %s, but its issuer is not among the certificates given", responder);
        return REASON_NO_ISSUER;
    }
    return reason;
}

/* True for reasons after which *cert holds no dates. */
static bool is_unread(enum reason reason)
{
    return reason == REASON_NO_CERTIFICATE || reason == REASON_DER_NOT_PEM || reason == REASON_FILE_TOO_LARGE
        || reason == REASON_CERT_MALFORMED || reason == REASON_INTERNAL;
}

enum cert_state cert_load_text(const char *pem, size_t pem_len, unsigned leaf_blocks, const char *responder, int64_t now,
    struct issuer_table *issuers, struct cert *out, enum reason *reason, char detail[DETAIL_MAX + 1])
{
    char not_after[ASN1_TIME_TEXT_SIZE];
    char subject[ASN1_NAME_TEXT_SIZE];

    *reason = cert_parse(pem, pem_len, leaf_blocks, issuers, out, detail);
    if (is_unread(*reason))
        return CERT_STATE_UNUSABLE;
    if (out->not_after <= now) {
        asn1_time_text(out->not_after, not_after);
        cert_subject(pem, pem_len, out->sha256, subject, sizeof subject);
        text_clean_format(detail, DETAIL_MAX + 1, "%s ended at %s", subject, not_after);
        *reason = REASON_CERT_EXPIRED;
        return CERT_STATE_EXPIRED;
    }
    *reason = apply_responder(responder, *reason, out, detail);
    if (*reason == REASON_NONE)
        return CERT_STATE_MISSING;
    return *reason == REASON_NO_OCSP ? CERT_STATE_NO_OCSP : CERT_STATE_UNUSABLE;
}

/* Read all of fd from its start.  A text longer than any that is sent is an error. */
static enum reason read_text(int fd, char *text, size_t cap, size_t *len, char *detail)
{
    ssize_t got;

    *len = 0;
    do {
        got = pread(fd, text + *len, cap - *len, (off_t)*len);
        if (got > 0)
            *len += (size_t)got;
    } while ((got > 0 && *len < cap) || (got < 0 && errno == EINTR));
    if (got < 0) {
        text_clean_format(detail, DETAIL_MAX + 1, "the certificate's memory file cannot be read: %s", strerror(errno));
        return REASON_INTERNAL;
    }
    return *len == cap ? REASON_FILE_TOO_LARGE : REASON_NONE;
}

enum cert_state cert_load(int fd, const struct msg_cert_add *add, int64_t now, struct issuer_table *issuers, struct cert *out,
    enum reason *reason, char detail[DETAIL_MAX + 1])
{
    enum cert_state state = CERT_STATE_UNUSABLE;
    char *text = malloc(CERT_PEM_MAX + 1);
    size_t len;

    memset(out, 0, sizeof *out);
    detail[0] = '\0';
    *reason = text == NULL ? REASON_INTERNAL : read_text(fd, text, CERT_PEM_MAX + 1, &len, detail);
    if (*reason == REASON_NONE)
        state = cert_load_text(text, len, add->leaf_blocks, add->responder, now, issuers, out, reason, detail);
    free(text);
    return state;
}
