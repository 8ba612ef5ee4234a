/* SPDX-License-Identifier: ISC */
#include "apache_config/config_match.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "host/apache_address.h"
#include "host/apache_dump.h"

/* RFC 1035, in text. */
#define NAME_LEN_MAX 253u
#define LABEL_LEN_MAX 63u

static size_t len_without_dot(const char *name)
{
    size_t len = strlen(name);

    return len > 1 && name[len - 1] == '.' ? len - 1 : len;
}

/* * stands for any bytes, ? for one.  Source: server/util.c (ap_strcasecmp_match), without its recursion. */
static bool matches(const char *pattern, size_t pattern_len, const char *name, size_t name_len)
{
    size_t star = pattern_len; /* of the last *, and the name's byte it was tried with */
    size_t tried = 0;
    size_t p = 0;
    size_t n = 0;

    while (n < name_len) {
        if (p < pattern_len && pattern[p] == '*') {
            star = p++;
            tried = n;
        } else if (p < pattern_len
            && (pattern[p] == '?' || tolower((unsigned char)pattern[p]) == tolower((unsigned char)name[n]))) {
            p++;
            n++;
        } else if (star < pattern_len) {
            p = star + 1;
            n = ++tried;
        } else {
            return false;
        }
    }
    while (p < pattern_len && pattern[p] == '*')
        p++;
    return p == pattern_len;
}

static bool is_same_name(const char *a, const char *b)
{
    size_t len = len_without_dot(a);

    return len == len_without_dot(b) && strncasecmp(a, b, len) == 0;
}

static bool has_name(const struct apache_site *site, const char *name)
{
    if (site->server_name != NULL && is_same_name(site->server_name, name))
        return true;
    for (size_t i = 0; i < site->alias_count; i++)
        if (matches(site->aliases[i], len_without_dot(site->aliases[i]), name, len_without_dot(name)))
            return true;
    return false;
}

static bool share_address(const struct apache_site *a, const struct apache_site *b)
{
    for (size_t i = 0; i < a->address_count; i++)
        for (size_t k = 0; k < b->address_count; k++) {
            struct apache_address first = apache_address_parse(a->addresses[i]);
            struct apache_address second = apache_address_parse(b->addresses[k]);

            if (apache_address_is_shared(&first, &second))
                return true;
        }
    return false;
}

static bool has_wildcard_address(const struct apache_site *site)
{
    for (size_t i = 0; i < site->address_count; i++)
        if (apache_address_parse(site->addresses[i]).host_len == 0)
            return true;
    return false;
}

/* Alone at its addresses: httpd does not look at a name there. */
static bool is_alone(const struct apache_dump *dump, size_t index)
{
    for (size_t i = 0; i < dump->site_count; i++)
        if (i != index && share_address(&dump->sites[i], &dump->sites[index]))
            return false;
    return true;
}

/*
 * The one TLS host that serves names which nobody wrote down; SIZE_MAX when there is none, or when only DNS could tell
 * which one it is.
 */
static size_t find_nameless(const struct apache_dump *dump)
{
    size_t count = dump->site_count;
    size_t found = SIZE_MAX;
    size_t tls_count = 0;

    for (size_t i = 0; i < count; i++)
        tls_count += dump->sites[i].is_tls ? 1 : 0;
    for (size_t i = 0; i < count; i++) {
        const struct apache_site *site = &dump->sites[i];
        bool may_be_meant = !site->has_own_name || (tls_count == 1 && !has_wildcard_address(site));

        if (!site->is_tls || !may_be_meant || !is_alone(dump, i))
            continue;
        if (found != SIZE_MAX)
            return SIZE_MAX;
        found = i;
    }
    return found;
}

size_t config_match_name(const struct apache_dump *dump, const char *name, bool *selected)
{
    size_t count = 0;
    size_t nameless;

    for (size_t i = 0; i < dump->site_count; i++)
        if (dump->sites[i].is_tls && has_name(&dump->sites[i], name)) {
            selected[i] = true;
            count++;
        }
    nameless = count == 0 ? find_nameless(dump) : SIZE_MAX;
    if (nameless == SIZE_MAX)
        return count;
    selected[nameless] = true;
    return 1;
}

size_t config_match_tls(const struct apache_dump *dump, bool *selected)
{
    size_t count = 0;

    for (size_t i = 0; i < dump->site_count; i++)
        if (dump->sites[i].is_tls) {
            selected[i] = true;
            count++;
        }
    return count;
}

bool config_match_name_is_valid(const char *name)
{
    size_t len = len_without_dot(name);
    size_t label_len = 0;

    if (len == 0 || len > NAME_LEN_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)name[i];

        if (c == '.' ? label_len == 0 : !(isalnum(c) || c == '-' || c == '_'))
            return false;
        label_len = c == '.' ? 0 : label_len + 1;
        if (label_len > LABEL_LEN_MAX)
            return false;
    }
    return label_len > 0;
}
