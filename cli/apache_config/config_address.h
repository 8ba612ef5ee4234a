/* SPDX-License-Identifier: ISC */
/*
 * Owns: what stands behind <VirtualHost and Listen: a host and a port.
 * Runs in: command line.
 * Never: looks a name up; two names of one address are two hosts here.
 */
#ifndef STAPLEGUARD_CONFIG_ADDRESS_H
#define STAPLEGUARD_CONFIG_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

struct httpd_address {
    const char *host; /* borrowed; with the brackets of IPv6 */
    size_t host_len;  /* 0: every address (*, _default_, or only a port) */
    unsigned port;    /* 0: every port */
};

/* Take text apart; what is no port at its end belongs to the host. */
struct httpd_address httpd_address_parse(const char *text);

/* True when a connection could arrive at both and httpd would have to choose by name. */
bool httpd_address_is_shared(const struct httpd_address *a, const struct httpd_address *b);

/* True when <VirtualHost vhost> takes its protocol from Listen listener.  Source: server/listen.c (ap_setup_listeners). */
bool httpd_address_listens(const struct httpd_address *listener, const struct httpd_address *vhost);

#endif
