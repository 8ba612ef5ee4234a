/* SPDX-License-Identifier: ISC */
#include "apache_config/config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "apache_config/config_address.h"
#include "apache_config/httpd_lens.h"
#include "apache_config/httpd_load.h"
#include "text/text.h"

/* What a Listen line for this port speaks when it does not say. */
#define HTTPS_PORT 443u

static const struct {
    const char *name;
    bool is_list;
} settings[] = {
#define HTTPD_SETTING_ROW(constant, directive, is_list) {directive, is_list},
    HTTPD_SETTING_TABLE(HTTPD_SETTING_ROW)
#undef HTTPD_SETTING_ROW
};

const char *httpd_setting_name(enum httpd_setting setting)
{
    return settings[setting].name;
}

/* The place for a virtual host's setting in the table of what is in effect. */
static size_t effective_index(size_t vhost, enum httpd_setting setting)
{
    return (vhost == HTTPD_NONE ? 0 : vhost + 1) * HTTPD_SETTING_COUNT + setting;
}

static bool fill_effective(struct httpd_tree *tree)
{
    tree->effective = httpd_arena_alloc(&tree->arena, (tree->vhost_count + 1) * HTTPD_SETTING_COUNT * sizeof *tree->effective);
    if (tree->effective == NULL)
        return false;
    for (size_t i = 0; i < tree->line_count; i++)
        tree->effective[effective_index(tree->lines[i].vhost, tree->lines[i].setting)] = i + 1;
    return true;
}

const struct httpd_line *httpd_tree_effective(const struct httpd_tree *tree, size_t vhost, enum httpd_setting setting)
{
    size_t number = tree->effective[effective_index(vhost, setting)];

    if (number == 0)
        number = tree->effective[effective_index(HTTPD_NONE, setting)];
    return number == 0 ? NULL : &tree->lines[number - 1];
}

static bool is_word(const struct httpd_line *line, const char *word)
{
    return line != NULL && line->word_count > 0 && strcasecmp(line->words[0], word) == 0;
}

bool httpd_line_is_on(const struct httpd_line *line)
{
    return is_word(line, "on");
}

/* True when the Listen line is for https: it says so, or says nothing and has https's port. */
static bool is_https(const struct httpd_line *line, struct httpd_address *address)
{
    *address = httpd_address_parse(line->words[0]);
    return line->word_count > 1 ? strcasecmp(line->words[1], "https") == 0 : address->port == HTTPS_PORT;
}

static bool is_https_by_listen(const struct httpd_tree *tree, const struct httpd_vhost *vhost)
{
    for (size_t i = 0; i < tree->line_count; i++) {
        struct httpd_address listener;

        if (tree->lines[i].setting != HTTPD_LISTEN || tree->lines[i].word_count == 0 || !is_https(&tree->lines[i], &listener))
            continue;
        for (size_t k = 0; k < vhost->address_count; k++) {
            struct httpd_address address = httpd_address_parse(vhost->addresses[k]);

            if (httpd_address_listens(&listener, &address))
                return true;
        }
    }
    return false;
}

/* Source: mod_ssl's ssl_init_Module: https by Protocol or Listen, and a certificate, turn an unsaid SSLEngine on. */
static bool is_tls(const struct httpd_tree *tree, size_t index)
{
    const struct httpd_line *engine = httpd_tree_effective(tree, index, HTTPD_ENGINE);
    const struct httpd_line *protocol = httpd_tree_effective(tree, index, HTTPD_PROTOCOL);
    const struct httpd_vhost *vhost = &tree->vhosts[index];

    if (engine != NULL)
        return httpd_line_is_on(engine);
    if (vhost->certificate_count == 0)
        return false;
    return protocol != NULL ? is_word(protocol, "https") : is_https_by_listen(tree, vhost);
}

/* [scheme://]name[:port] */
static char *host_of(struct httpd_tree *tree, const char *text)
{
    const char *slashes = strstr(text, "://");
    const char *start = slashes == NULL ? text : slashes + 3;
    const char *colon = strrchr(start, ':');
    const char *bracket = strrchr(start, ']');

    return httpd_arena_copy(
        &tree->arena, start, colon != NULL && (bracket == NULL || colon > bracket) ? (size_t)(colon - start) : strlen(start));
}

static bool add_text(struct httpd_tree *tree, char ***items, size_t *count, char *text)
{
    if (text == NULL || !httpd_arena_grow(&tree->arena, items, *count, sizeof text))
        return false;
    (*items)[(*count)++] = text;
    return true;
}

static bool add_certificate(struct httpd_tree *tree, struct httpd_vhost *vhost, const struct httpd_line *line)
{
    const char *path = line->words[0];

    return add_text(tree, &vhost->certificates, &vhost->certificate_count,
        path[0] == '/' ? httpd_arena_copy(&tree->arena, path, strlen(path))
                       : httpd_arena_format(&tree->arena, "%s/%s", tree->server_root, path));
}

static bool take_line(struct httpd_tree *tree, struct httpd_vhost *vhost, const struct httpd_line *line)
{
    if (line->word_count == 0)
        return true;
    vhost->has_own_name = vhost->has_own_name || line->setting == HTTPD_SERVER_NAME || line->setting == HTTPD_SERVER_ALIAS;
    if (line->setting == HTTPD_SERVER_NAME) {
        vhost->server_name = host_of(tree, line->words[0]);
        return vhost->server_name != NULL;
    }
    if (line->setting == HTTPD_CERTIFICATE)
        return add_certificate(tree, vhost, line);
    for (size_t i = 0; line->setting == HTTPD_SERVER_ALIAS && i < line->word_count; i++)
        if (!add_text(tree, &vhost->aliases, &vhost->alias_count, line->words[i]))
            return false;
    return true;
}

/* A virtual host without a name: httpd gives it the server's, or, when it has an address, asks DNS for that. */
static bool inherit_name(struct httpd_tree *tree, struct httpd_vhost *vhost)
{
    const struct httpd_line *line = httpd_tree_effective(tree, HTTPD_NONE, HTTPD_SERVER_NAME);

    if (vhost->server_name != NULL || line == NULL || line->word_count == 0 || vhost->address_count == 0
        || httpd_address_parse(vhost->addresses[0]).host_len > 0)
        return true;
    vhost->server_name = host_of(tree, line->words[0]);
    return vhost->server_name != NULL;
}

static bool inherit_certificates(struct httpd_tree *tree, struct httpd_vhost *vhost)
{
    if (vhost->certificate_count > 0)
        return true;
    for (size_t i = 0; i < tree->line_count; i++)
        if (tree->lines[i].setting == HTTPD_CERTIFICATE && tree->lines[i].vhost == HTTPD_NONE && tree->lines[i].word_count > 0
            && !add_certificate(tree, vhost, &tree->lines[i]))
            return false;
    return true;
}

/* What stands in the virtual hosts, then what they inherit. */
static bool fill_vhosts(struct httpd_tree *tree)
{
    for (size_t i = 0; i < tree->line_count; i++)
        if (tree->lines[i].vhost != HTTPD_NONE && !take_line(tree, &tree->vhosts[tree->lines[i].vhost], &tree->lines[i]))
            return false;
    for (size_t v = 0; v < tree->vhost_count; v++) {
        if (!inherit_name(tree, &tree->vhosts[v]) || !inherit_certificates(tree, &tree->vhosts[v]))
            return false;
        tree->vhosts[v].is_tls = is_tls(tree, v);
    }
    return true;
}

static bool load(struct httpd_tree *tree, const struct httpd_source *source)
{
    char why[256];
    bool is_loaded;

    tree->files.lens = httpd_lens_open(why, sizeof why);
    if (tree->files.lens == NULL)
        return httpd_files_fail(&tree->files, source->conf_file, 0, "%s", why);
    is_loaded = httpd_walk(tree, source);
    httpd_lens_close(tree->files.lens);
    tree->files.lens = NULL;
    if (!is_loaded)
        return false;
    return (fill_effective(tree) && fill_vhosts(tree)) || httpd_files_fail(&tree->files, source->conf_file, 0, "out of memory");
}

struct httpd_tree *httpd_tree_load_with(
    const struct httpd_source *source, const struct change_set *changes, char *error, size_t cap)
{
    struct httpd_tree *tree = calloc(1, sizeof *tree);

    error[0] = '\0';
    if (tree == NULL) {
        text_clean_format(error, cap, "%s: out of memory", source->conf_file);
        return NULL;
    }
    tree->files = (struct httpd_files){.arena = &tree->arena, .overlay = changes, .error = error, .error_cap = cap};
    if (load(tree, source))
        return tree;
    httpd_tree_free(tree);
    return NULL;
}

struct httpd_tree *httpd_tree_load(const struct httpd_source *source, char *error, size_t cap)
{
    return httpd_tree_load_with(source, NULL, error, cap);
}

void httpd_tree_free(struct httpd_tree *tree)
{
    if (tree != NULL)
        httpd_arena_free(&tree->arena);
    free(tree);
}

size_t httpd_tree_vhost_count(const struct httpd_tree *tree)
{
    return tree->vhost_count;
}

const struct httpd_vhost *httpd_tree_vhost(const struct httpd_tree *tree, size_t index)
{
    return &tree->vhosts[index];
}

size_t httpd_tree_line_count(const struct httpd_tree *tree)
{
    return tree->line_count;
}

const struct httpd_line *httpd_tree_line(const struct httpd_tree *tree, size_t index)
{
    return &tree->lines[index];
}

static bool is_mutex_for(const struct httpd_line *line, const char *name)
{
    bool is_named = false;

    for (size_t i = 1; i < line->word_count; i++) {
        if (strcasecmp(line->words[i], name) == 0)
            return true;
        is_named = is_named || strcasecmp(line->words[i], "OmitPID") != 0;
    }
    return !is_named && line->word_count > 0 && strcmp(name, "default") == 0;
}

const struct httpd_line *httpd_tree_mutex(const struct httpd_tree *tree)
{
    static const char *const names[] = {"ssl-stapling", "default"};

    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++)
        for (size_t i = tree->line_count; i > 0; i--)
            if (tree->lines[i - 1].setting == HTTPD_MUTEX && is_mutex_for(&tree->lines[i - 1], names[n]))
                return &tree->lines[i - 1];
    return NULL;
}

size_t httpd_tree_file_count(const struct httpd_tree *tree)
{
    return tree->files.count;
}

const char *httpd_tree_file(const struct httpd_tree *tree, size_t index)
{
    return tree->files.items[index]->path;
}
