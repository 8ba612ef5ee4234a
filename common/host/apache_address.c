/* SPDX-License-Identifier: ISC */
#include "host/apache_address.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PORT_MAX 65535u

static bool is_everywhere(const char *host, size_t len)
{
    static const char *const words[] = {"*", "_default_", "0.0.0.0", "[::]"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i]) == len && strncasecmp(host, words[i], len) == 0)
            return true;
    return false;
}

/* 1 to 65535, 0 for "*"; -1: no port. */
static long parse_port(const char *text)
{
    unsigned long port;
    char *end;

    if (strcmp(text, "*") == 0)
        return 0;
    if (text[0] < '0' || text[0] > '9')
        return -1;
    port = strtoul(text, &end, 10);
    return *end == '\0' && port >= 1 && port <= PORT_MAX ? (long)port : -1;
}

struct apache_address apache_address_parse(const char *text)
{
    const char *colon = strrchr(text, ':');
    const char *bracket = strrchr(text, ']');
    long port = colon != NULL && (bracket == NULL || colon > bracket) ? parse_port(colon + 1) : -1;
    struct apache_address address = {text, strlen(text), 0};

    if (port >= 0) {
        address.host_len = (size_t)(colon - text);
        address.port = (unsigned)port;
    } else if (colon == NULL && strcmp(text, "*") != 0 && parse_port(text) > 0) {
        address.host_len = 0; /* Listen 443 */
        address.port = (unsigned)parse_port(text);
    }
    if (is_everywhere(address.host, address.host_len))
        address.host_len = 0;
    return address;
}

static bool is_same_host(const struct apache_address *a, const struct apache_address *b)
{
    return a->host_len == b->host_len && strncasecmp(a->host, b->host, a->host_len) == 0;
}

bool apache_address_is_shared(const struct apache_address *a, const struct apache_address *b)
{
    return is_same_host(a, b) && (a->port == b->port || a->port == 0 || b->port == 0);
}

bool apache_address_listens(const struct apache_address *listener, const struct apache_address *vhost)
{
    return listener->port == vhost->port && (listener->host_len == 0 || is_same_host(listener, vhost));
}
