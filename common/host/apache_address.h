/* SPDX-License-Identifier: ISC */
/*
 * Owns: an address as it stands in <VirtualHost> or Listen, taken apart, and which of them meet.
 * Runs in: supervisor; command line.
 * Never: resolves a name.
 */
#ifndef STAPLEGUARD_APACHE_ADDRESS_H
#define STAPLEGUARD_APACHE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

struct apache_address {
    const char *host; /* borrowed; with the brackets of IPv6 */
    size_t host_len;  /* 0: every address (*, _default_, or only a port) */
    unsigned port;    /* 0: every port */
};

/* Take text apart; what is no port at its end belongs to the host. */
struct apache_address apache_address_parse(const char *text);

/* True when a connection could arrive at both and httpd would have to choose by name. */
bool apache_address_is_shared(const struct apache_address *a, const struct apache_address *b);

/* True when <VirtualHost vhost> takes its protocol from Listen listener.  Source: server/listen.c (ap_setup_listeners). */
bool apache_address_listens(const struct apache_address *listener, const struct apache_address *vhost);

#endif
