/* SPDX-License-Identifier: ISC */
/*
 * Owns: which addresses may be connected to.
 * Runs in: fetcher.
 * Never: resolves a name or opens a socket; it judges numbers, and always those that will be connected to.
 *
 * A responder's name is chosen by whoever made the certificate and answered by whoever runs its DNS.  Without this, both
 * could make us send requests into the machine itself or into the network around it.
 */
#ifndef STAPLEGUARD_ADDRESS_H
#define STAPLEGUARD_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* One IPv4 or IPv6 address in network byte order: 4 or 16 octets. */
struct address {
    int family; /* AF_INET or AF_INET6 */
    uint8_t octets[16];
};

/* Room for an address as text, with brackets. */
#define ADDRESS_TEXT_LEN (INET6_ADDRSTRLEN + 2)

struct address_policy {
    bool is_private_allowed;  /* allow_private */
    bool is_loopback_allowed; /* allow_loopback */
};

/* What an address is; everything but GLOBAL can be refused. */
enum address_kind {
    ADDRESS_GLOBAL,
    ADDRESS_PRIVATE,     /* by policy */
    ADDRESS_LOOPBACK,    /* by policy */
    ADDRESS_UNSPECIFIED, /* from here on: always refused */
    ADDRESS_LINK_LOCAL,
    ADDRESS_MULTICAST,
    ADDRESS_BROADCAST,
    ADDRESS_OTHER_FAMILY,
};

/*
 * What this address is.  Forms that carry an IPv4 address (::ffff:0:0/96 RFC 4291 2.5.5.2, ::/96 RFC 4291 2.5.5.1,
 * 64:ff9b::/96 RFC 6052 2.1, 64:ff9b:1::/48 RFC 8215, 2002::/16 RFC 3056) are what that one is.  Source: RFC 6890 2.2.2
 * and 2.2.3, RFC 6598, RFC 4193.
 */
enum address_kind address_kind(const struct address *address);

/* May it be connected to? */
bool address_is_allowed(const struct address *address, const struct address_policy *policy);

/* "loopback (see allow_loopback)", "link-local" …: for the sentence that explains a refusal. */
const char *address_kind_text(enum address_kind kind);

/* From a socket address; another family becomes one that address_is_allowed refuses. */
void address_of_sockaddr(const struct sockaddr *sockaddr, socklen_t len, struct address *out);

/* From text, without brackets or zone.  False when text is no address. */
bool address_parse(const char *text, struct address *out);

/* "192.0.2.1"; an IPv6 address with brackets when is_bracketed. */
void address_format(const struct address *address, bool is_bracketed, char out[ADDRESS_TEXT_LEN]);

#endif
