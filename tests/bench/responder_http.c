/* SPDX-License-Identifier: ISC */
#include "responder_http.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "bench_pool.h"

#define PATH_LEN_MAX 1024u

/* The value of a header line, or NULL. */
static const char *header(const char *head, size_t len, const char *name)
{
    size_t name_len = strlen(name);

    for (const char *line = memchr(head, '\n', len); line != NULL;) {
        size_t left = len - (size_t)(++line - head);

        if (left > name_len && strncasecmp(line, name, name_len) == 0 && line[name_len] == ':') {
            for (line += name_len + 1; *line == ' '; line++)
                continue;
            return line;
        }
        line = memchr(line, '\n', left);
    }
    return NULL;
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* RFC 6960 A.1: base64 of the request, percent-encoded, is the last part of the path. */
static int64_t number_of_path(const char *path, size_t len)
{
    unsigned char text[PATH_LEN_MAX], der[PATH_LEN_MAX];
    size_t text_len = 0;
    int der_len;

    while (len > 0 && path[0] == '/')
        path++, len--;
    for (size_t i = 0; i < len && text_len < sizeof text; i++) {
        if (path[i] == '%' && i + 2 < len && isxdigit((unsigned char)path[i + 1]) && isxdigit((unsigned char)path[i + 2])) {
            text[text_len++] = (unsigned char)(hex(path[i + 1]) << 4 | hex(path[i + 2]));
            i += 2;
        } else {
            text[text_len++] = (unsigned char)path[i];
        }
    }
    der_len = EVP_DecodeBlock(der, text, (int)text_len);
    return der_len < 0 ? -1 : bench_pool_asked_for(der, (size_t)der_len);
}

enum http_parsed http_parse(const char *data, size_t len, struct http_request *request)
{
    const char *end = memmem(data, len, "\r\n\r\n", 4);
    const char *value, *space;
    size_t head_len;
    unsigned long body_len = 0;

    if (end == NULL)
        return HTTP_INCOMPLETE;
    head_len = (size_t)(end - data) + 4;
    value = header(data, head_len, "Content-Length");
    if (value != NULL)
        body_len = strtoul(value, NULL, 10);
    if (body_len > len - head_len)
        return HTTP_INCOMPLETE;
    request->len = head_len + body_len;
    value = header(data, head_len, "Connection");
    request->is_last = (value != NULL && strncasecmp(value, "close", 5) == 0)
        || (memmem(data, head_len, " HTTP/1.0\r", 10) != NULL && (value == NULL || strncasecmp(value, "keep", 4) != 0));
    if (strncmp(data, "POST ", 5) == 0) {
        request->number = bench_pool_asked_for((const uint8_t *)data + head_len, body_len);
        return HTTP_PARSED;
    }
    space = memchr(data + 4, ' ', head_len - 4);
    if (strncmp(data, "GET ", 4) != 0 || space == NULL)
        return HTTP_BAD;
    request->number = number_of_path(data + 4, (size_t)(space - data) - 4);
    return HTTP_PARSED;
}
