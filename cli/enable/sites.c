/* SPDX-License-Identifier: ISC */
#include "enable/sites.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cert_files.h"
#include "cert/cert_load.h"

#define HTTPS_PORT 443u
/* TCP_LISTEN, as /proc/net/tcp prints it.  Source: linux net/tcp_states.h, proc_net_tcp. */
#define LISTENING 0x0au

/* Where they listen. */

static bool split_address(const char *address, char *host, size_t cap, unsigned *port)
{
    const char *colon = strrchr(address, ':');
    const char *bracket = strrchr(address, ']');
    size_t len;

    if (colon != NULL && bracket != NULL && colon < bracket)
        colon = NULL;
    *port = HTTPS_PORT;
    if (colon != NULL && strcmp(colon, ":*") != 0)
        *port = (unsigned)strtoul(colon + 1, NULL, 10);
    len = colon == NULL ? strlen(address) : (size_t)(colon - address);
    return *port > 0 && *port <= 65535 && len > 0 && (size_t)snprintf(host, cap, "%.*s", (int)len, address) < cap;
}

/* The address of one line, in network order; false: it does not listen on port. */
static bool listens(const char *line, unsigned port, unsigned words, uint32_t *address)
{
    unsigned found_port, state;
    int at = 0;

    if (sscanf(line, " %*u: %n", &at) != 0 || at == 0)
        return false;
    for (unsigned i = 0; i < words; i++, at += 8)
        if (sscanf(line + at, "%8x", &address[i]) != 1)
            return false;
    return sscanf(line + at, ":%4X %*[0-9A-F]:%*4X %2X", &found_port, &state) == 2 && found_port == port && state == LISTENING;
}

/* The first listener of the table on port into text; any: it takes every address. */
static bool find_listener(const char *table, unsigned port, int family, char text[INET6_ADDRSTRLEN], bool *is_any)
{
    static const uint32_t none[4];

    for (const char *line = table; line != NULL && *line != '\0'; line = strchr(line, '\n'), line += line != NULL) {
        uint32_t address[4] = {0};

        if (!listens(line, port, family == AF_INET ? 1 : 4, address))
            continue;
        *is_any = memcmp(address, none, sizeof none) == 0;
        return inet_ntop(family, address, text, INET6_ADDRSTRLEN) != NULL;
    }
    return false;
}

static bool is_any_address(const char *host)
{
    return strcmp(host, "*") == 0 || strcasecmp(host, "_default_") == 0 || strcmp(host, "0.0.0.0") == 0
        || strcmp(host, "[::]") == 0;
}

/* Of /proc/net/if_inet6, which begins each line with an address.  A machine may have IPv6 and yet no ::1. */
static bool has_loopback6(const char *if_inet6)
{
    static const char loopback[] = "00000000000000000000000000000001 ";
    const char *found = strstr(if_inet6, loopback);

    return found != NULL && (found == if_inet6 || found[-1] == '\n');
}

/* An IPv6 socket that listens on every address takes IPv4 too, unless it was told not to; then ::1 is there. */
static const char *loopback_for(const char *host, bool is_v6, const char *if_inet6)
{
    return is_v6 && strcmp(host, "0.0.0.0") != 0 && has_loopback6(if_inet6) ? "[::1]" : "127.0.0.1";
}

bool sites_target(const char *address, const struct site_listeners *listeners, char target[SITE_TARGET_MAX + 1])
{
    char host[HOST_NAME_MAX_LEN + 1], found[INET6_ADDRSTRLEN];
    bool is_any = false, is_v6;
    unsigned port;

    target[0] = '\0';
    if (!split_address(address, host, sizeof host, &port))
        return false;
    is_v6 = strcmp(host, "[::]") == 0 || !find_listener(listeners->tcp, port, AF_INET, found, &is_any);
    if (is_v6 && !find_listener(listeners->tcp6, port, AF_INET6, found, &is_any))
        return false;
    if (!is_any_address(host))
        snprintf(target, SITE_TARGET_MAX + 1, "%s:%u", host, port);
    else if (is_any)
        snprintf(target, SITE_TARGET_MAX + 1, "%s:%u", loopback_for(host, is_v6, listeners->if_inet6), port);
    else
        snprintf(target, SITE_TARGET_MAX + 1, is_v6 ? "[%s]:%u" : "%s:%u", found, port);
    return true;
}

static char *read_table(const char *path)
{
    char *text = NULL;
    size_t cap = 0;
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return strdup("");
    if (getdelim(&text, &cap, '\0', file) < 0) {
        free(text);
        text = strdup("");
    }
    fclose(file);
    return text;
}

static void find_target(const struct apache_site *vhost, const struct site_listeners *listeners, struct site *site)
{
    for (size_t i = 0; i < vhost->address_count && site->target[0] == '\0'; i++)
        sites_target(vhost->addresses[i], listeners, site->target);
}

/* Their certificates. */

static const struct conf_cert *section_of(const struct conf *conf, const char *path)
{
    for (size_t i = 0; i < conf->cert_count; i++)
        if (strcmp(conf->certs[i].cert, path) == 0)
            return &conf->certs[i];
    return NULL;
}

static bool load_cert(
    const struct conf *conf, const char *path, int64_t now, struct issuer_table *issuers, struct site_cert *cert)
{
    const struct conf_cert *section = section_of(conf, path);
    struct cert_files files;
    enum reason reason = cert_files_read(path, section == NULL ? NULL : section->chain, &files, cert->detail);

    cert->path = strdup(path);
    cert->state = CERT_STATE_UNUSABLE;
    if (reason == REASON_NONE)
        cert->state = cert_load_text(files.blocks.text, files.blocks.len, files.leaf_blocks,
            section == NULL || section->responder == NULL ? "" : section->responder, now, issuers, &cert->cert, &reason,
            cert->detail);
    if (cert->detail[0] == '\0')
        snprintf(cert->detail, sizeof cert->detail, "%s", reason_sentence(reason));
    cert_files_clear(&files);
    return cert->path != NULL;
}

static bool gather_one(const struct apache_site *vhost, const struct site_listeners *listeners, const struct conf *conf,
    int64_t now, struct issuer_table *issuers, struct site *site)
{
    *site = (struct site){
        .name = strdup(vhost->server_name != NULL ? vhost->server_name
                : vhost->address_count > 0        ? vhost->addresses[0]
                                                  : "?"),
        .server_name = vhost->server_name == NULL ? NULL : strdup(vhost->server_name),
        .certs = calloc(vhost->certificate_count + 1, sizeof *site->certs),
    };
    if (site->name == NULL || site->certs == NULL || (vhost->server_name != NULL && site->server_name == NULL))
        return false;
    find_target(vhost, listeners, site);
    for (; site->cert_count < vhost->certificate_count; site->cert_count++)
        if (!load_cert(conf, vhost->certificates[site->cert_count], now, issuers, &site->certs[site->cert_count])) {
            site->cert_count++;
            return false;
        }
    return true;
}

bool sites_gather(const struct apache_dump *dump, const bool *selected, const struct conf *conf, int64_t now, struct sites *sites)
{
    size_t count = dump->site_count;
    char *tcp = read_table("/proc/net/tcp"), *tcp6 = read_table("/proc/net/tcp6"), *if_inet6 = read_table("/proc/net/if_inet6");
    const struct site_listeners listeners = {tcp, tcp6, if_inet6};
    bool is_well;

    *sites = (struct sites){.items = calloc(count + 1, sizeof *sites->items), .issuers = issuer_table_new()};
    is_well = sites->items != NULL && sites->issuers != NULL && tcp != NULL && tcp6 != NULL && if_inet6 != NULL;
    for (size_t i = 0; is_well && i < count; i++)
        if (selected[i])
            is_well = gather_one(&dump->sites[i], &listeners, conf, now, sites->issuers, &sites->items[sites->count++]);
    free(tcp);
    free(tcp6);
    free(if_inet6);
    return is_well;
}

void sites_clear(struct sites *sites)
{
    for (size_t i = 0; i < sites->count; i++) {
        struct site *site = &sites->items[i];

        for (size_t k = 0; k < site->cert_count; k++) {
            free(site->certs[k].path);
            cert_clear(&site->certs[k].cert);
        }
        free(site->certs);
        free(site->name);
        free(site->server_name);
    }
    free(sites->items);
    issuer_table_free(sites->issuers);
    *sites = (struct sites){.items = NULL};
}

size_t sites_stapled_count(const struct sites *sites)
{
    size_t count = 0;

    for (size_t i = 0; i < sites->count; i++)
        for (size_t k = 0; k < sites->items[i].cert_count; k++)
            count += sites->items[i].certs[k].state == CERT_STATE_MISSING;
    return count;
}
