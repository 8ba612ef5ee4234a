/* SPDX-License-Identifier: ISC */
/*
 * Owns: what is read out of a responder's URL, and which URLs are understood at all.
 * Runs in: fetcher.
 * Never: takes a URL that libcurl could understand differently: the text handed on is libcurl's own canonical form.
 */
#ifndef STAPLEGUARD_URL_H
#define STAPLEGUARD_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "bounds.h"
#include "http/address.h"

/* Room for "https://HOST:65535". */
#define URL_ORIGIN_LEN (sizeof "https://[]:65535" + HOST_NAME_MAX_LEN)

struct url {
    bool is_https;
    bool is_literal; /* the host is an address: `literal` */
    uint16_t port;
    struct address literal;
    char host[HOST_NAME_MAX_LEN + 1]; /* lower case, without brackets or final dot */
    char text[URL_MAX + 1];           /* the whole URL as it will be asked for, without fragment */
};

/*
 * Understand text, an absolute http or https URL (RFC 3986).  Returns NULL and fills *out, or a phrase that says what is
 * wrong ("has a user name in it").  Refused: other schemes, user names and passwords, hosts with other characters than
 * letters, digits, '-', '.', '_', IPv6 zones, port 0, anything beyond URL_MAX.
 */
const char *url_parse(const char *text, struct url *out);

/* "http://host:80": who is asked, whatever the path.  Exchanges are counted and queued by this. */
void url_origin(const struct url *url, char out[URL_ORIGIN_LEN]);

#endif
