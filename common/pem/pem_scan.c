/* SPDX-License-Identifier: ISC */
/*
 * Owns: finding the CERTIFICATE blocks in a file's bytes, checking them, writing them down in the usual form.
 * Runs in: supervisor (as root), command line.
 * Never: lets a byte through that stood outside such a block, or repeats one in a message.
 */
#include "pem/pem_blocks.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEGIN_MARK "-----BEGIN "
#define END_MARK "-----END "
#define DASHES "-----"
#define BYTE_ORDER_MARK "\xef\xbb\xbf"
#define HEADER "-----BEGIN CERTIFICATE-----\n"
#define FOOTER "-----END CERTIFICATE-----\n"

/* RFC 7468 section 2: base64 is wrapped after 64 characters. */
#define LINE_LEN 64u

/* Base64 characters that hold the longest DER header we accept (0x30 0x83 and three octets) and the octet behind it. */
#define DER_HEAD_CHARS 8u

enum label_kind {
    LABEL_CERTIFICATE,
    LABEL_TRUSTED,
    LABEL_OTHER,
};

struct label {
    const char *text;
    enum label_kind kind;
};

/* Labels that may be repeated in a message: what a file says is never repeated itself. */
static const struct label labels[] = {
    {"CERTIFICATE", LABEL_CERTIFICATE},
    {"X509 CERTIFICATE", LABEL_CERTIFICATE},
    {"TRUSTED CERTIFICATE", LABEL_TRUSTED},
    {"PRIVATE KEY", LABEL_OTHER},
    {"ENCRYPTED PRIVATE KEY", LABEL_OTHER},
    {"RSA PRIVATE KEY", LABEL_OTHER},
    {"EC PRIVATE KEY", LABEL_OTHER},
    {"DSA PRIVATE KEY", LABEL_OTHER},
    {"OPENSSH PRIVATE KEY", LABEL_OTHER},
    {"PUBLIC KEY", LABEL_OTHER},
    {"CERTIFICATE REQUEST", LABEL_OTHER},
    {"NEW CERTIFICATE REQUEST", LABEL_OTHER},
    {"X509 CRL", LABEL_OTHER},
    {"PKCS7", LABEL_OTHER},
    {"CMS", LABEL_OTHER},
    {"DH PARAMETERS", LABEL_OTHER},
    {"EC PARAMETERS", LABEL_OTHER},
};

static const struct label unknown_label = {"of another kind", LABEL_OTHER};

/* One walk over a file. */
struct scan {
    const char *at;
    const char *end;
    unsigned line;      /* of `at`, from 1 */
    bool is_line_start; /* nothing but blanks since the line began, or since a block's END */
    unsigned found;     /* CERTIFICATE blocks so far */
    unsigned others;    /* other blocks so far, and the first of them */
    const struct label *first_other;
    char *detail;
};

/* A block's base64, checked: what lies between its two marks, blanks included. */
struct body {
    const char *start;
    const char *end;
    size_t chars;   /* without the blanks */
    size_t padding; /* how many of them are '=' */
};

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool starts_with(const char *at, const char *end, const char *mark)
{
    size_t len = strlen(mark);

    return (size_t)(end - at) >= len && memcmp(at, mark, len) == 0;
}

/* 0..63, or -1 for anything that is not of the base64 alphabet (RFC 4648 section 4). */
static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static enum reason malformed(const struct scan *scan, const char *what)
{
    snprintf(scan->detail, DETAIL_MAX + 1, "CERTIFICATE block %u, line %u: %s", scan->found + 1, scan->line, what);
    return REASON_CERT_MALFORMED;
}

/* Move over a byte of the file, counting lines. */
static void step(struct scan *scan)
{
    if (*scan->at++ == '\n')
        scan->line++;
}

/*
 * The label at the scan's place, moved over with its five dashes; unknown_label when we know none like it, NULL (and not
 * moved) when this is no such line.
 */
static const struct label *take_label(struct scan *scan)
{
    const char *end = scan->at;
    size_t len;

    while (end < scan->end && *end >= ' ' && *end <= '~' && *end != '-')
        end++;
    if (!starts_with(end, scan->end, DASHES))
        return NULL;
    len = (size_t)(end - scan->at);
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        if (strlen(labels[i].text) == len && memcmp(labels[i].text, scan->at, len) == 0) {
            scan->at = end + strlen(DASHES);
            return &labels[i];
        }
    scan->at = end + strlen(DASHES);
    return &unknown_label;
}

/* Move over `mark` and the label behind it.  NULL, and not moved, when they are not there. */
static const struct label *take_mark(struct scan *scan, const char *mark)
{
    const char *start = scan->at;
    const struct label *label;

    if (!starts_with(scan->at, scan->end, mark))
        return NULL;
    scan->at += strlen(mark);
    label = take_label(scan);
    if (label == NULL)
        scan->at = start;
    return label;
}

/* Move behind the next BEGIN mark that counts: at the start of a line, or right behind an END.  NULL: there is none. */
static const struct label *next_begin(struct scan *scan)
{
    while (scan->at < scan->end) {
        if (scan->is_line_start) {
            const struct label *label = take_mark(scan, BEGIN_MARK);

            if (label != NULL) {
                scan->is_line_start = false;
                return label;
            }
            if (take_mark(scan, END_MARK) != NULL)
                continue;
            if (starts_with(scan->at, scan->end, BYTE_ORDER_MARK)) {
                scan->at += strlen(BYTE_ORDER_MARK);
                continue;
            }
        }
        if (*scan->at == '\n')
            scan->is_line_start = true;
        else if (!is_blank(*scan->at) && *scan->at != '\0')
            scan->is_line_start = false;
        step(scan);
    }
    return NULL;
}

/* Move over a body and its END line, filling *body. */
static enum reason take_body(struct scan *scan, const struct label *label, struct body *body)
{
    *body = (struct body){.start = scan->at};
    for (; scan->at < scan->end && *scan->at != '-'; step(scan)) {
        char c = *scan->at;

        if (is_blank(c))
            continue;
        if (c == '=')
            body->padding++;
        else if (base64_value(c) < 0)
            return malformed(scan, "there is something else than base64");
        else if (body->padding > 0)
            return malformed(scan, "base64 goes on after its padding");
        body->chars++;
    }
    body->end = scan->at;
    if (scan->at == scan->end)
        return malformed(scan, "the file ends before the block does");
    if (take_mark(scan, END_MARK) != label)
        return malformed(scan, "the block has no END line that matches its BEGIN line");
    scan->is_line_start = true;
    if (body->chars % 4 != 0 || body->padding > 2)
        return malformed(scan, "the base64 is cut or has the wrong padding");
    return REASON_NONE;
}

/* True when the body is one DER SEQUENCE that begins with a SEQUENCE and ends where the body ends. */
static bool is_certificate_der(const struct body *body)
{
    uint64_t bits = 0;
    uint8_t head[DER_HEAD_CHARS * 6 / 8];
    size_t octets;
    size_t header_len = 2;
    size_t content_len;
    size_t got = 0;

    if (body->chars < DER_HEAD_CHARS + 4)
        return false;
    for (const char *p = body->start; got < DER_HEAD_CHARS; p++)
        if (!is_blank(*p)) {
            bits = bits << 6 | (uint64_t)base64_value(*p);
            got++;
        }
    for (size_t i = 0; i < sizeof head; i++)
        head[i] = (uint8_t)(bits >> (8 * (sizeof head - 1 - i)));
    octets = head[1] & 0x7fu;
    content_len = octets;
    if (head[1] >= 0x80) {
        if (octets == 0 || octets > 3)
            return false;
        content_len = 0;
        for (size_t i = 0; i < octets; i++)
            content_len = content_len << 8 | head[header_len++];
    }
    return head[0] == 0x30 && head[header_len] == 0x30 && header_len + content_len == body->chars / 4 * 3 - body->padding;
}

/* Make room for `more` further bytes.  What is moved by realloc is CERTIFICATE blocks, never the raw file. */
static bool reserve(struct pem_blocks *blocks, size_t more)
{
    char *text = realloc(blocks->text, blocks->len + more + 1);

    if (text == NULL)
        return false;
    blocks->text = text;
    return true;
}

/* Append a checked body, in the usual form. */
static enum reason append_block(struct scan *scan, const struct body *body, struct pem_blocks *blocks)
{
    size_t lines = (body->chars + LINE_LEN - 1) / LINE_LEN;
    size_t need = strlen(HEADER) + body->chars + lines + strlen(FOOTER);
    size_t column = 0;
    char *out;

    if (blocks->count >= CERT_BLOCKS_MAX || need > CERT_PEM_MAX - blocks->len) {
        snprintf(scan->detail, DETAIL_MAX + 1,
            "more than %u CERTIFICATE blocks or %u bytes of them; name only the certificate and its chain", CERT_BLOCKS_MAX,
            CERT_PEM_MAX);
        return REASON_FILE_TOO_LARGE;
    }
    if (!reserve(blocks, need)) {
        snprintf(scan->detail, DETAIL_MAX + 1, "out of memory");
        return REASON_INTERNAL;
    }
    out = stpcpy(blocks->text + blocks->len, HEADER);
    for (const char *p = body->start; p < body->end; p++) {
        if (is_blank(*p))
            continue;
        *out++ = *p;
        if (++column % LINE_LEN == 0)
            *out++ = '\n';
    }
    if (column % LINE_LEN != 0)
        *out++ = '\n';
    stpcpy(out, FOOTER);
    blocks->len += need;
    blocks->count++;
    return REASON_NONE;
}

static enum reason take_block(struct scan *scan, const struct label *label, struct pem_blocks *blocks)
{
    struct body body;
    enum reason reason;

    if (label->kind == LABEL_TRUSTED)
        return malformed(scan, "it is a TRUSTED CERTIFICATE; make a plain one with: openssl x509 -in FILE -out FILE.pem");
    reason = take_body(scan, label, &body);
    if (reason != REASON_NONE)
        return reason;
    if (!is_certificate_der(&body))
        return malformed(scan, "what is in it is not one certificate");
    reason = append_block(scan, &body, blocks);
    if (reason == REASON_NONE)
        scan->found++;
    return reason;
}

/* No CERTIFICATE block was found: say what the file is instead. */
static enum reason describe_other(const struct scan *scan, const char *data, size_t len)
{
    const uint8_t *p = (const uint8_t *)data;

    if (len >= 6 && p[0] == 0x30 && p[1] >= 0x81 && p[1] <= 0x83) {
        if (p[2 + (p[1] & 0x7f)] != 0x30)
            snprintf(scan->detail, DETAIL_MAX + 1, "it does not look like a certificate; PKCS#12, or a private key?");
        return REASON_DER_NOT_PEM;
    }
    if (scan->others == 1)
        snprintf(scan->detail, DETAIL_MAX + 1, "there is only a block \"%s\"", scan->first_other->text);
    else if (scan->others > 1)
        snprintf(scan->detail, DETAIL_MAX + 1, "there are %u other blocks, the first is \"%s\"", scan->others,
            scan->first_other->text);
    else if (len >= 2 && ((p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff)))
        snprintf(scan->detail, DETAIL_MAX + 1, "the file is UTF-16 text; store it as plain text");
    else
        snprintf(scan->detail, DETAIL_MAX + 1, "%s", len == 0 ? "the file is empty" : "there is no PEM block at all");
    return REASON_NO_CERTIFICATE;
}

/* Take back what a failed scan has appended. */
static void cut_back(struct pem_blocks *blocks, size_t len, unsigned count)
{
    if (count == 0) {
        pem_blocks_clear(blocks);
        return;
    }
    blocks->len = len;
    blocks->count = count;
    blocks->text[len] = '\0';
}

enum reason pem_blocks_scan(const char *data, size_t len, struct pem_blocks *blocks, char detail[DETAIL_MAX + 1])
{
    struct scan scan = {.at = data, .end = data + len, .line = 1, .is_line_start = true, .detail = detail};
    const size_t before_len = blocks->len;
    const unsigned before_count = blocks->count;
    enum reason reason = REASON_NONE;
    const struct label *label;

    detail[0] = '\0';
    while (reason == REASON_NONE && (label = next_begin(&scan)) != NULL) {
        if (label->kind != LABEL_OTHER)
            reason = take_block(&scan, label, blocks);
        else if (scan.others++ == 0)
            scan.first_other = label;
    }
    if (reason == REASON_NONE && scan.found == 0)
        reason = describe_other(&scan, data, len);
    if (reason != REASON_NONE)
        cut_back(blocks, before_len, before_count);
    return reason;
}
