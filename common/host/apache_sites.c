/* SPDX-License-Identifier: ISC */
#include "host/apache_sites.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/apache_address.h"

/* What a Listen line for this port speaks when it does not say. */
#define HTTPS_PORT 443u

/* What the server level gives to every site, found once. */
struct server {
    const struct apache_line **certificates;
    size_t certificate_count;
    struct apache_address *listeners; /* for https */
    size_t listener_count;
};

/* The place of a site's setting in the table of what is in effect. */
static size_t effective_index(size_t site, enum apache_setting setting)
{
    return (site == APACHE_SERVER ? 0 : site + 1) * APACHE_SETTING_COUNT + setting;
}

static bool fill_effective(struct apache_dump *dump)
{
    dump->effective = arena_alloc(&dump->arena, (dump->site_count + 1) * APACHE_SETTING_COUNT * sizeof *dump->effective);
    if (dump->effective == NULL)
        return false;
    for (size_t i = 0; i < dump->line_count; i++)
        if (!dump->lines[i].is_in_md_set)
            dump->effective[effective_index(dump->lines[i].site, dump->lines[i].setting)] = i + 1;
    return true;
}

const struct apache_line *apache_dump_effective(const struct apache_dump *dump, size_t site, enum apache_setting setting)
{
    size_t number = dump->effective[effective_index(site, setting)];

    if (number == 0)
        number = dump->effective[effective_index(APACHE_SERVER, setting)];
    return number == 0 ? NULL : &dump->lines[number - 1];
}

bool apache_line_is(const struct apache_line *line, const char *word)
{
    return line != NULL && line->word_count > 0 && strcasecmp(line->words[0], word) == 0;
}

/* Relative paths are relative to ServerRoot. */
static const char *absolute(struct apache_dump *dump, const char *path)
{
    if (path[0] == '/' || dump->server_root == NULL)
        return path;
    return arena_format(&dump->arena, "%s/%s", dump->server_root, path);
}

static bool add_text(struct apache_dump *dump, char ***items, size_t *count, const char *text)
{
    char *copy = text == NULL ? NULL : arena_copy(&dump->arena, text, strlen(text));

    if (copy == NULL || !arena_grow(&dump->arena, items, *count, sizeof copy))
        return false;
    (*items)[(*count)++] = copy;
    return true;
}

/* [scheme://]name[:port] */
static const char *host_of(struct apache_dump *dump, const char *text)
{
    const char *slashes = strstr(text, "://");
    const char *start = slashes == NULL ? text : slashes + 3;
    const char *colon = strrchr(start, ':');
    const char *bracket = strrchr(start, ']');

    return arena_copy(
        &dump->arena, start, colon != NULL && (bracket == NULL || colon > bracket) ? (size_t)(colon - start) : strlen(start));
}

/* A line of the site itself: its names and certificates. */
static bool take_line(struct apache_dump *dump, struct apache_site *site, const struct apache_line *line)
{
    if (line->word_count == 0)
        return true;
    site->has_own_name = site->has_own_name || line->setting == APACHE_SERVER_NAME || line->setting == APACHE_SERVER_ALIAS;
    if (line->setting == APACHE_SERVER_NAME)
        return (site->server_name = host_of(dump, line->words[0])) != NULL;
    if (line->setting == APACHE_CERTIFICATE)
        return add_text(dump, &site->certificates, &site->certificate_count, absolute(dump, line->words[0]));
    for (size_t i = 0; line->setting == APACHE_SERVER_ALIAS && i < line->word_count; i++)
        if (!add_text(dump, &site->aliases, &site->alias_count, line->words[i]))
            return false;
    return true;
}

/* https: the Listen line says so, or says nothing and has https's port. */
static bool add_listener(struct apache_dump *dump, struct server *server, const struct apache_line *line)
{
    struct apache_address address = apache_address_parse(line->words[0]);

    if (line->word_count > 1 ? strcasecmp(line->words[1], "https") != 0 : address.port != HTTPS_PORT)
        return true;
    if (!arena_grow(&dump->arena, &server->listeners, server->listener_count, sizeof address))
        return false;
    server->listeners[server->listener_count++] = address;
    return true;
}

static bool take_lines(struct apache_dump *dump, struct server *server)
{
    for (size_t i = 0; i < dump->line_count; i++) {
        const struct apache_line *line = &dump->lines[i];

        if (line->site != APACHE_SERVER && !take_line(dump, &dump->sites[line->site], line))
            return false;
        if (line->site != APACHE_SERVER || line->word_count == 0)
            continue;
        if (line->setting == APACHE_LISTEN && !add_listener(dump, server, line))
            return false;
        if (line->setting != APACHE_CERTIFICATE)
            continue;
        if (!arena_grow(&dump->arena, &server->certificates, server->certificate_count, sizeof line))
            return false;
        server->certificates[server->certificate_count++] = line;
    }
    return true;
}

/* A site without a name: httpd gives it the server's, or, when it has an address, asks DNS for that. */
static bool inherit_name(struct apache_dump *dump, struct apache_site *site)
{
    const struct apache_line *line = apache_dump_effective(dump, APACHE_SERVER, APACHE_SERVER_NAME);

    if (site->server_name != NULL || line == NULL || line->word_count == 0 || site->address_count == 0
        || apache_address_parse(site->addresses[0]).host_len > 0)
        return true;
    site->server_name = host_of(dump, line->words[0]);
    return site->server_name != NULL;
}

static bool inherit_certificates(struct apache_dump *dump, struct apache_site *site, const struct server *server)
{
    for (size_t i = 0, own = site->certificate_count; own == 0 && i < server->certificate_count; i++)
        if (!add_text(dump, &site->certificates, &site->certificate_count, absolute(dump, server->certificates[i]->words[0])))
            return false;
    return true;
}

static const char *path_of(struct apache_dump *dump, size_t site, enum apache_setting setting)
{
    const struct apache_line *line = apache_dump_effective(dump, site, setting);

    return line == NULL || line->word_count == 0 ? NULL : absolute(dump, line->words[0]);
}

/* Source: mod_ssl's ssl_init_Module: https by Protocol or Listen, and a certificate, turn an unsaid SSLEngine on. */
static bool is_tls(const struct apache_dump *dump, size_t index, const struct server *server)
{
    const struct apache_line *engine = apache_dump_effective(dump, index, APACHE_ENGINE);
    const struct apache_line *protocol = apache_dump_effective(dump, index, APACHE_PROTOCOL);
    const struct apache_site *site = &dump->sites[index];

    if (engine != NULL)
        return apache_line_is(engine, "on");
    if (site->certificate_count == 0)
        return false;
    if (protocol != NULL)
        return apache_line_is(protocol, "https");
    for (size_t i = 0; i < server->listener_count; i++)
        for (size_t k = 0; k < site->address_count; k++) {
            struct apache_address address = apache_address_parse(site->addresses[k]);

            if (apache_address_listens(&server->listeners[i], &address))
                return true;
        }
    return false;
}

static int compare_certificates(const void *a, const void *b)
{
    return strcmp(((const struct apache_certificate *)a)->path, ((const struct apache_certificate *)b)->path);
}

/* The certificates of TLS sites that name a chain file, sorted for bsearch. */
static bool list_chained(struct apache_dump *dump, struct apache_certificate **chained, size_t *count)
{
    for (size_t i = 0; i < dump->site_count; i++) {
        const struct apache_site *site = &dump->sites[i];

        for (size_t k = 0; site->is_tls && site->chain_file != NULL && k < site->certificate_count; k++) {
            if (!arena_grow(&dump->arena, chained, *count, sizeof **chained))
                return false;
            (*chained)[(*count)++] = (struct apache_certificate){site->certificates[k], site->chain_file};
        }
    }
    if (*count > 1)
        qsort(*chained, *count, sizeof **chained, compare_certificates);
    return true;
}

static bool complete_certificates(struct apache_dump *dump)
{
    struct apache_certificate *chained = NULL;
    size_t count = 0;

    if (!list_chained(dump, &chained, &count))
        return false;
    for (size_t i = 0; i < dump->certificate_count; i++) {
        struct apache_certificate *certificate = &dump->certificates[i];
        const struct apache_certificate *found;

        certificate->path = absolute(dump, certificate->path);
        if (certificate->path == NULL)
            return false;
        found = count == 0 ? NULL : bsearch(certificate, chained, count, sizeof *chained, compare_certificates);
        certificate->chain_file = found == NULL ? NULL : found->chain_file;
    }
    return true;
}

bool apache_sites_complete(struct apache_dump *dump)
{
    struct server server = {.certificate_count = 0};

    if (!fill_effective(dump) || !take_lines(dump, &server))
        return false;
    for (size_t i = 0; i < dump->site_count; i++) {
        struct apache_site *site = &dump->sites[i];

        if (!inherit_name(dump, site) || !inherit_certificates(dump, site, &server))
            return false;
        site->chain_file = path_of(dump, i, APACHE_CHAIN_FILE);
        site->ca_file = path_of(dump, i, APACHE_CA_FILE);
        site->ca_path = path_of(dump, i, APACHE_CA_PATH);
        site->is_tls = is_tls(dump, i, &server);
    }
    return complete_certificates(dump);
}

static bool is_mutex_for(const struct apache_line *line, const char *name)
{
    bool is_named = false;

    for (size_t i = 1; i < line->word_count; i++) {
        if (strcasecmp(line->words[i], name) == 0)
            return true;
        is_named = is_named || strcasecmp(line->words[i], "OmitPID") != 0;
    }
    return !is_named && line->word_count > 0 && strcmp(name, "default") == 0;
}

const struct apache_line *apache_dump_mutex(const struct apache_dump *dump)
{
    static const char *const names[] = {"ssl-stapling", "default"};

    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++)
        for (size_t i = dump->line_count; i > 0; i--)
            if (dump->lines[i - 1].setting == APACHE_MUTEX && is_mutex_for(&dump->lines[i - 1], names[n]))
                return &dump->lines[i - 1];
    return NULL;
}

bool apache_dump_has_module(const struct apache_dump *dump, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < dump->module_count; i++)
        if (strncmp(dump->modules[i], name, len) == 0 && strcmp(dump->modules[i] + len, "_module") == 0)
            return true;
    return false;
}
