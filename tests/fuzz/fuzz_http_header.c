/* SPDX-License-Identifier: ISC */
/*
 * Owns: fuzzing what is read out of text from responders and certificates: header lines, media types, URLs; and the
 *        hosts file.
 * Runs in: libFuzzer.
 * Never: opens a file or asks anybody.
 *
 * The first octet says which: 0 a header line, 1 a URL, 2 a hosts file.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "http/hosts.h"
#include "http/http_header.h"
#include "http/ocsp_request.h"
#include "http/url.h"
#include "text/text.h"

#define NOW INT64_C(1800000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int is_true)
{
    if (!is_true)
        abort();
}

static void require_wait(int64_t seconds)
{
    require(seconds >= -1 && seconds <= HTTP_WAIT_MAX_SEC);
}

/* line: exactly len octets on the heap, so that a look beyond is seen. */
static void try_header(const char *line, size_t len)
{
    static const char *const names[] = {"Retry-After", "Cache-Control", "Content-Type"};
    const char *value = line;
    size_t value_len = len;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (http_header_is(line, len, names[i], &value, &value_len))
            require(value >= line && value_len <= len && value + value_len <= line + len);
    require_wait(http_header_retry_after(value, value_len, NOW));
    require_wait(http_header_max_age(value, value_len));
    require_wait(http_header_retry_after(line, len, NOW));
    require_wait(http_header_max_age(line, len));
}

static void try_url(const char *text)
{
    static const uint8_t der[REQUEST_DER_MAX];
    struct url url;
    struct url again;
    char origin[URL_ORIGIN_LEN];
    char get_url[GET_URL_MAX + 1];

    (void)http_header_is_ocsp_response(text);
    if (url_parse(text, &url) != NULL)
        return;
    require(url.host[0] != '\0' && strlen(url.host) <= HOST_NAME_MAX_LEN && strlen(url.text) <= URL_MAX && url.port != 0);
    require(text_is_clean(url.text, strlen(url.text)));
    url_origin(&url, origin);
    require(strlen(origin) < sizeof origin - 1);
    /* What is handed on must be understood in the same way again. */
    require(url_parse(url.text, &again) == NULL);
    require(strcmp(url.host, again.host) == 0 && url.port == again.port && url.is_https == again.is_https);
    require(url.is_literal == again.is_literal && memcmp(&url.literal, &again.literal, sizeof url.literal) == 0);
    if (request_get_url(url.text, der, sizeof der, get_url))
        require(strlen(get_url) <= GET_URL_MAX && strncmp(get_url, url.text, strlen(url.text)) == 0);
}

static void try_hosts(const char *text, size_t len)
{
    struct address found[NAME_ADDRESSES_MAX];
    struct hosts *hosts = hosts_parse(text, len);

    require(hosts != NULL);
    require(hosts_find(hosts, "localhost", found) > 0);
    require(hosts_find(hosts, "a", found) <= NAME_ADDRESSES_MAX);
    hosts_free(hosts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy;
    size_t len;

    if (size == 0)
        return 0;
    len = size - 1;
    copy = malloc(len + 1);
    require(copy != NULL);
    memcpy(copy, data + 1, len);
    if (data[0] == 0) {
        char *exact = realloc(copy, len > 0 ? len : 1);

        copy = exact != NULL ? exact : copy;
        try_header(copy, len);
    } else {
        copy[len] = '\0';
        if (data[0] == 1)
            try_url(copy);
        else
            try_hosts(copy, len);
    }
    free(copy);
    return 0;
}
