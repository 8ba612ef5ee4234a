/* SPDX-License-Identifier: ISC */
#include "apache_config/config_match.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "apache_config/config_address.h"

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

static bool has_name(const struct httpd_vhost *vhost, const char *name)
{
    if (vhost->server_name != NULL && is_same_name(vhost->server_name, name))
        return true;
    for (size_t i = 0; i < vhost->alias_count; i++)
        if (matches(vhost->aliases[i], len_without_dot(vhost->aliases[i]), name, len_without_dot(name)))
            return true;
    return false;
}

static bool share_address(const struct httpd_vhost *a, const struct httpd_vhost *b)
{
    for (size_t i = 0; i < a->address_count; i++)
        for (size_t k = 0; k < b->address_count; k++) {
            struct httpd_address first = httpd_address_parse(a->addresses[i]);
            struct httpd_address second = httpd_address_parse(b->addresses[k]);

            if (httpd_address_is_shared(&first, &second))
                return true;
        }
    return false;
}

static bool has_wildcard_address(const struct httpd_vhost *vhost)
{
    for (size_t i = 0; i < vhost->address_count; i++)
        if (httpd_address_parse(vhost->addresses[i]).host_len == 0)
            return true;
    return false;
}

/* Alone at its addresses: httpd does not look at a name there. */
static bool is_alone(const struct httpd_tree *tree, size_t index)
{
    for (size_t i = 0; i < httpd_tree_vhost_count(tree); i++)
        if (i != index && share_address(httpd_tree_vhost(tree, i), httpd_tree_vhost(tree, index)))
            return false;
    return true;
}

/*
 * The one TLS host that serves names which nobody wrote down; HTTPD_NONE when there is none, or when only DNS could tell
 * which one it is.
 */
static size_t find_nameless(const struct httpd_tree *tree)
{
    size_t count = httpd_tree_vhost_count(tree);
    size_t found = HTTPD_NONE;
    size_t tls_count = 0;

    for (size_t i = 0; i < count; i++)
        tls_count += httpd_tree_vhost(tree, i)->is_tls ? 1 : 0;
    for (size_t i = 0; i < count; i++) {
        const struct httpd_vhost *vhost = httpd_tree_vhost(tree, i);
        bool may_be_meant = !vhost->has_own_name || (tls_count == 1 && !has_wildcard_address(vhost));

        if (!vhost->is_tls || !may_be_meant || !is_alone(tree, i))
            continue;
        if (found != HTTPD_NONE)
            return HTTPD_NONE;
        found = i;
    }
    return found;
}

size_t httpd_match_name(const struct httpd_tree *tree, const char *name, bool *selected)
{
    size_t count = 0;
    size_t nameless;

    for (size_t i = 0; i < httpd_tree_vhost_count(tree); i++)
        if (httpd_tree_vhost(tree, i)->is_tls && has_name(httpd_tree_vhost(tree, i), name)) {
            selected[i] = true;
            count++;
        }
    nameless = count == 0 ? find_nameless(tree) : HTTPD_NONE;
    if (nameless == HTTPD_NONE)
        return count;
    selected[nameless] = true;
    return 1;
}

size_t httpd_match_tls(const struct httpd_tree *tree, bool *selected)
{
    size_t count = 0;

    for (size_t i = 0; i < httpd_tree_vhost_count(tree); i++)
        if (httpd_tree_vhost(tree, i)->is_tls) {
            selected[i] = true;
            count++;
        }
    return count;
}

bool httpd_match_name_is_valid(const char *name)
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
