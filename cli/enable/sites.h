/* SPDX-License-Identifier: ISC */
/*
 * Owns: the TLS sites that an enable is about, as a visitor and a responder see them: where they listen, their certificates.
 * Runs in: command line (enable, disable), as root.
 * Never: connects to anything.
 */
#ifndef STAPLEGUARD_SITES_H
#define STAPLEGUARD_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"
#include "cert/cert.h"
#include "conf/conf.h"
#include "host/apache_dump.h"
#include "proto/msg.h"

/* A host, mostly an address, and a port: "[ADDRESS]:PORT" of IPv6. */
#define SITE_TARGET_MAX (HOST_NAME_MAX_LEN + 16u)

struct site_cert {
    char *path;
    struct cert cert;            /* as far as known */
    enum cert_state state;       /* MISSING: it can be stapled */
    char detail[DETAIL_MAX + 1]; /* why not */
    bool is_without;             /* no staple could be had for it (service.h) */
};

struct site {
    char *name;                       /* as people call it: its ServerName, or else its address */
    char *server_name;                /* for SNI; NULL: it has none */
    char target[SITE_TARGET_MAX + 1]; /* "": nobody listens there */
    struct site_cert *certs;
    size_t cert_count;
};

struct sites {
    struct site *items;
    size_t count;
    struct issuer_table *issuers;
};

/* Those of the dump's sites that are selected.  Returns false when there is no memory.  sites_clear it always. */
bool sites_gather(
    const struct apache_dump *dump, const bool *selected, const struct conf *conf, int64_t now, struct sites *sites);
void sites_clear(struct sites *sites);

/* How many of all certificates can be stapled. */
size_t sites_stapled_count(const struct sites *sites);

/* What the kernel says about who listens: the texts of /proc/net/tcp, tcp6 and if_inet6; "" where there is none. */
struct site_listeners {
    const char *tcp;
    const char *tcp6;
    const char *if_inet6;
};

/*
 * Where to connect for a virtual host with this address (as behind <VirtualHost).  Who listens on every address is met on
 * loopback, by its number: not every machine knows the name localhost.  Returns false when nobody listens there.  Pure.
 */
bool sites_target(const char *address, const struct site_listeners *listeners, char target[SITE_TARGET_MAX + 1]);

#endif
