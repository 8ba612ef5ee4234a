/* SPDX-License-Identifier: ISC */
#include "apache_config/edit.h"

#include <stdarg.h>
#include <string.h>

#include "apache_config/config_match.h"
#include "text/text.h"

#define SENTENCE_MAX 1024u

enum httpd_edit_result httpd_work_run(struct httpd_work *work, enum httpd_edit_result (*compute)(struct httpd_work *work))
{
    enum httpd_edit_result result;

    work->error[0] = '\0';
    work->selected = httpd_arena_alloc(&work->arena, httpd_tree_vhost_count(work->tree) * sizeof *work->selected + 1);
    result = work->selected == NULL ? httpd_work_no_memory(work) : compute(work);
    if (result != HTTPD_EDIT_OK)
        change_set_free(work->set);
    httpd_arena_free(&work->arena);
    return result;
}

enum httpd_edit_result httpd_work_fail(struct httpd_work *work, enum httpd_edit_result result, const char *format, ...)
{
    char text[SENTENCE_MAX];
    va_list arguments;

    if (work->error[0] != '\0')
        return result;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    text_clean_copy(work->error, work->error_cap, text, strlen(text));
    return result;
}

enum httpd_edit_result httpd_work_no_memory(struct httpd_work *work)
{
    return httpd_work_fail(work, HTTPD_EDIT_FAILED, "out of memory");
}

/* Append ", NAME" to a list in a sentence. */
static void append_name(char *list, size_t cap, const char *name)
{
    size_t len = strlen(list);

    snprintf(list + len, cap - len, "%s%s", len == 0 ? "" : ", ", name);
}

static enum httpd_edit_result select_names(struct httpd_work *work)
{
    char missing[SENTENCE_MAX / 2] = "";

    for (size_t i = 0; i < work->request->domain_count; i++) {
        const char *name = work->request->domains[i];

        if (!httpd_match_name_is_valid(name))
            return httpd_work_fail(work, HTTPD_EDIT_NO_SUCH_VHOST,
                "\"%s\" is not a host name; write it without scheme, port and wildcard, and international names as xn--...",
                name);
        if (httpd_match_name(work->tree, name, work->selected) == 0)
            append_name(missing, sizeof missing, name);
    }
    if (missing[0] == '\0')
        return HTTPD_EDIT_OK;
    return httpd_work_fail(work, HTTPD_EDIT_NO_SUCH_VHOST,
        "no virtual host with TLS serves %s; add the name as ServerName or ServerAlias to the one that should, or see what "
        "Apache knows with: apachectl -S",
        missing);
}

enum httpd_edit_result httpd_work_select(struct httpd_work *work)
{
    bool *all = httpd_arena_alloc(&work->arena, httpd_tree_vhost_count(work->tree) * sizeof *all + 1);

    if (all == NULL)
        return httpd_work_no_memory(work);
    if (httpd_match_tls(work->tree, all) == 0)
        return httpd_work_fail(work, HTTPD_EDIT_NO_TLS_VHOST,
            "no virtual host of this Apache has SSLEngine on, so there is nothing to staple; see: apachectl -S");
    if (!work->request->is_all)
        return select_names(work);
    httpd_match_tls(work->tree, work->selected);
    return HTTPD_EDIT_OK;
}

struct httpd_bytes httpd_work_bytes(const struct httpd_tree *tree, const char *path)
{
    for (size_t i = 0; i < tree->files.count; i++)
        if (strcmp(tree->files.items[i]->path, path) == 0)
            return (struct httpd_bytes){tree->files.items[i]->data, tree->files.items[i]->len};
    return (struct httpd_bytes){NULL, 0};
}

bool httpd_work_put(struct httpd_work *work, const char *path, struct httpd_bytes before, struct httpd_bytes text)
{
    struct change change = {.kind = CHANGE_REPLACE,
        .path = httpd_arena_copy(&work->arena, path, strlen(path)),
        .content = httpd_arena_copy(&work->arena, text.data, text.len),
        .content_len = text.len,
        .before = httpd_arena_copy(&work->arena, before.data, before.len),
        .before_len = before.len};

    return change.path != NULL && change.content != NULL && change.before != NULL && change_set_add(work->set, &change);
}

bool httpd_work_replace(
    struct httpd_work *work, const struct httpd_tree *tree, const char *path, struct httpd_splice *splices, size_t count)
{
    struct httpd_bytes now = httpd_work_bytes(tree, path);
    struct httpd_bytes text;

    return now.data != NULL && httpd_marks_apply(&work->arena, now, splices, count, &text)
        && httpd_work_put(work, path, httpd_work_bytes(work->tree, path), text);
}

struct httpd_tree *httpd_work_reload(struct httpd_work *work)
{
    char why[SENTENCE_MAX];
    struct httpd_tree *tree = httpd_tree_load_with(work->source, work->set, why, sizeof why);

    if (tree == NULL)
        httpd_work_fail(work, HTTPD_EDIT_FAILED, "the result could not be read again, so nothing is touched: %s", why);
    return tree;
}

const char *httpd_work_name(struct httpd_work *work, const struct httpd_tree *tree, size_t vhost)
{
    const struct httpd_vhost *host = httpd_tree_vhost(tree, vhost);
    const char *name = host->server_name != NULL ? host->server_name
        : host->address_count > 0                ? host->addresses[0]
                                                 : "a virtual host without a name";

    return httpd_arena_copy(&work->arena, name, strlen(name));
}
