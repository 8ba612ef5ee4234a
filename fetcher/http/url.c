/* SPDX-License-Identifier: ISC */
#include "http/url.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 3986 2: a URL is printable ASCII.  libcurl would try to convert other host names, which needs files. */
static bool has_only_url_characters(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text <= ' ' || (unsigned char)*text >= 0x7f)
            return false;
    return true;
}

static bool has_part(CURLU *handle, CURLUPart part)
{
    char *value = NULL;
    bool result = curl_url_get(handle, part, &value, 0) == CURLUE_OK;

    curl_free(value);
    return result;
}

/* Copy one part.  False when it is missing or longer than cap - 1. */
static bool copy_part(CURLU *handle, CURLUPart part, unsigned flags, char *out, size_t cap)
{
    char *value = NULL;
    bool result = false;

    if (curl_url_get(handle, part, &value, flags) == CURLUE_OK && strlen(value) < cap) {
        memcpy(out, value, strlen(value) + 1);
        result = true;
    }
    curl_free(value);
    return result;
}

static const char *read_scheme(CURLU *handle, struct url *out)
{
    char scheme[sizeof "https"];

    if (!copy_part(handle, CURLUPART_SCHEME, 0, scheme, sizeof scheme))
        return "has another scheme than http and https";
    out->is_https = strcmp(scheme, "https") == 0;
    if (!out->is_https && strcmp(scheme, "http") != 0)
        return "has another scheme than http and https";
    if (has_part(handle, CURLUPART_USER) || has_part(handle, CURLUPART_PASSWORD))
        return "has a user name in it";
    return NULL;
}

static const char *read_host(CURLU *handle, struct url *out)
{
    char host[HOST_NAME_MAX_LEN + sizeof "[]"];
    size_t len;

    if (!copy_part(handle, CURLUPART_HOST, 0, host, sizeof host) || host[0] == '\0' || strcmp(host, ".") == 0)
        return "has no host, or one that is too long";
    if (has_part(handle, CURLUPART_ZONEID))
        return "has an address with a zone";
    len = strlen(host);
    if (host[0] == '[') {
        memmove(host, host + 1, len);
        host[len - 2] = '\0';
    }
    if (strlen(host) > HOST_NAME_MAX_LEN)
        return "has no host, or one that is too long";
    out->is_literal = address_parse(host, &out->literal);
    for (char *p = host; *p != '\0'; p++) {
        *p = (char)tolower((unsigned char)*p);
        if (!isalnum((unsigned char)*p) && strchr(out->is_literal ? ".:" : "-._", *p) == NULL)
            return "has a host name with other characters than letters, digits, '-', '.' and '_'";
    }
    memcpy(out->host, host, strlen(host) + 1);
    return NULL;
}

static const char *read_port(CURLU *handle, struct url *out)
{
    char port[8];
    unsigned long value;

    if (!copy_part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, sizeof port))
        return "has a port that is not understood";
    value = strtoul(port, NULL, 10);
    if (value == 0 || value > UINT16_MAX)
        return "has a port that nobody can listen on";
    out->port = (uint16_t)value;
    return NULL;
}

/*
 * Make handle hold text, with the host's final dot taken away: it makes no other host of it, but libcurl's table of
 * names and TLS would take it for one.  What is left is understood anew, because it may be a number then ("0x7f000001.").
 */
static bool set_text(CURLU *handle, const char *text)
{
    char host[HOST_NAME_MAX_LEN + sizeof "[]"];
    char shorter[URL_MAX + 1];

    for (;;) {
        size_t len;

        if (curl_url_set(handle, CURLUPART_URL, text, CURLU_PATH_AS_IS | CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
            return false;
        if (!copy_part(handle, CURLUPART_HOST, 0, host, sizeof host))
            return true; /* read_host says what is wrong */
        len = strlen(host);
        if (len < 2 || host[len - 1] != '.')
            return true;
        host[len - 1] = '\0';
        if (curl_url_set(handle, CURLUPART_HOST, host, 0) != CURLUE_OK
            || !copy_part(handle, CURLUPART_URL, 0, shorter, sizeof shorter))
            return false;
        text = shorter;
    }
}

const char *url_parse(const char *text, struct url *out)
{
    const char *error = "is not understood";
    CURLU *handle = NULL;

    memset(out, 0, sizeof *out);
    if (strnlen(text, URL_MAX + 1) > URL_MAX)
        return "is too long";
    if (!has_only_url_characters(text))
        return "has characters that no URL may have";
    handle = curl_url();
    if (handle == NULL)
        return "could not be looked at: out of memory";
    if (!set_text(handle, text))
        goto out;
    error = read_scheme(handle, out);
    if (error == NULL)
        error = read_host(handle, out);
    if (error == NULL)
        error = read_port(handle, out);
    if (error != NULL)
        goto out;
    curl_url_set(handle, CURLUPART_FRAGMENT, NULL, 0);
    if (!copy_part(handle, CURLUPART_URL, 0, out->text, sizeof out->text))
        error = "is too long";
out:
    curl_url_cleanup(handle);
    return error;
}

void url_origin(const struct url *url, char out[URL_ORIGIN_LEN])
{
    bool is_ipv6 = url->is_literal && url->literal.family == AF_INET6;

    snprintf(out, URL_ORIGIN_LEN, "%s://%s%s%s:%u", url->is_https ? "https" : "http", is_ipv6 ? "[" : "", url->host,
        is_ipv6 ? "]" : "", url->port);
}
