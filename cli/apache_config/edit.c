/* SPDX-License-Identifier: ISC */
#include "apache_config/edit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apache_config/config_match.h"
#include "apache_config/proposed_files.h"
#include "text/text.h"

enum config_edit_result edit_run(struct edit *edit, enum config_edit_result (*compute)(struct edit *edit))
{
    enum config_edit_result result;

    edit->outcome->error[0] = edit->outcome->untried[0] = '\0';
    edit->selected = arena_alloc(&edit->arena, edit->config->dump.site_count * sizeof *edit->selected + 1);
    result = edit->selected == NULL ? edit_no_memory(edit) : compute(edit);
    if (result != CONFIG_EDIT_OK)
        change_set_free(edit->outcome->set);
    arena_free(&edit->arena);
    return result;
}

enum config_edit_result edit_fail(struct edit *edit, enum config_edit_result result, const char *format, ...)
{
    char text[2 * CONFIG_ERROR_MAX];
    va_list arguments;

    if (edit->outcome->error[0] != '\0')
        return result;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    text_clean_copy(edit->outcome->error, edit->outcome->error_cap, text, strlen(text));
    return result;
}

enum config_edit_result edit_no_memory(struct edit *edit)
{
    return edit_fail(edit, CONFIG_EDIT_FAILED, "out of memory");
}

/* Append ", NAME" to a list in a sentence. */
static void append_name(char *list, size_t cap, const char *name)
{
    size_t len = strlen(list);

    snprintf(list + len, cap - len, "%s%s", len == 0 ? "" : ", ", name);
}

static enum config_edit_result select_names(struct edit *edit)
{
    char missing[CONFIG_ERROR_MAX / 2] = "";

    for (size_t i = 0; i < edit->request->domain_count; i++) {
        const char *name = edit->request->domains[i];

        if (!config_match_name_is_valid(name))
            return edit_fail(edit, CONFIG_EDIT_NO_SUCH_VHOST,
                "\"%s\" is not a host name; write it without scheme, port and wildcard, and international names as xn--...",
                name);
        if (config_match_name(&edit->config->dump, name, edit->selected) == 0)
            append_name(missing, sizeof missing, name);
    }
    if (missing[0] == '\0')
        return CONFIG_EDIT_OK;
    return edit_fail(edit, CONFIG_EDIT_NO_SUCH_VHOST,
        "no virtual host with TLS serves %s; add the name as ServerName or ServerAlias to the one that should, or see what "
        "Apache knows with: apachectl -S",
        missing);
}

enum config_edit_result edit_select(struct edit *edit)
{
    const struct apache_dump *dump = &edit->config->dump;
    bool *all = arena_alloc(&edit->arena, dump->site_count * sizeof *all + 1);

    if (all == NULL)
        return edit_no_memory(edit);
    if (config_match_tls(dump, all) == 0)
        return edit_fail(edit, CONFIG_EDIT_NO_TLS_VHOST,
            "no virtual host of this Apache has SSLEngine on, so there is nothing to staple; see: apachectl -S");
    if (!edit->request->is_all)
        return select_names(edit);
    config_match_tls(dump, edit->selected);
    return CONFIG_EDIT_OK;
}

bool edit_gather(struct edit *edit, const struct config_file *file, const struct config_splice *splice)
{
    if (!arena_grow(&edit->arena, &edit->splices, edit->splice_count, sizeof *edit->splices))
        return false;
    edit->splices[edit->splice_count++] = (struct edit_splice){file, *splice};
    return true;
}

bool edit_put(struct edit *edit, const char *path, struct config_bytes before, struct config_bytes text)
{
    struct change change = {.kind = CHANGE_REPLACE,
        .path = arena_copy(&edit->arena, path, strlen(path)),
        .content = arena_copy(&edit->arena, text.data, text.len),
        .content_len = text.len,
        .before = arena_copy(&edit->arena, before.data, before.len),
        .before_len = before.len};

    return change.path != NULL && change.content != NULL && change.before != NULL && change_set_add(edit->outcome->set, &change);
}

static int compare_splices(const void *a, const void *b)
{
    const struct edit_splice *first = a;
    const struct edit_splice *second = b;
    int order = strcmp(first->file->path, second->file->path);

    if (order != 0)
        return order;
    return first->splice.at < second->splice.at ? -1 : first->splice.at > second->splice.at;
}

bool edit_apply(struct edit *edit)
{
    struct config_splice *splices = arena_alloc(&edit->arena, (edit->splice_count + 1) * sizeof *splices);
    size_t count = 0;

    if (splices == NULL)
        return false;
    if (edit->splice_count > 1)
        qsort(edit->splices, edit->splice_count, sizeof *edit->splices, compare_splices);
    for (size_t i = 0; i < edit->splice_count; i++) {
        const struct config_file *file = edit->splices[i].file;
        struct config_bytes text;

        if (count == 0 || splices[count - 1].at != edit->splices[i].splice.at)
            splices[count++] = edit->splices[i].splice;
        if (i + 1 < edit->splice_count && edit->splices[i + 1].file == file)
            continue;
        if (!config_marks_apply(&edit->arena, file->bytes, splices, count, &text)
            || !edit_put(edit, file->path, file->bytes, text))
            return false;
        count = 0;
    }
    return true;
}

enum config_edit_result edit_check_bytes(struct edit *edit)
{
    const struct change_set *set = edit->outcome->set;

    for (size_t i = 0; i < set->count; i++) {
        const struct change *change = &set->changes[i];
        struct config_bytes before = {change->before, change->before_len};
        struct config_bytes after = {change->content, change->content_len};

        if (change->kind != CHANGE_REPLACE || strcmp(change->path, edit->own.file) == 0)
            continue;
        if (!config_marks_strip(&edit->arena, before, 0, before.len, &before, NULL)
            || !config_marks_strip(&edit->arena, after, 0, after.len, &after, NULL))
            return edit_no_memory(edit);
        if (before.len != after.len || memcmp(before.data, after.data, before.len) != 0)
            return edit_fail(edit, CONFIG_EDIT_FAILED,
                "%s: the edit would change more than stapleguard's own lines, so nothing is touched; please report this",
                change->path);
    }
    return CONFIG_EDIT_OK;
}

/* For proposed_files_show. */
struct look {
    const struct config_edit_request *request;
    struct apache_config *config;
    char error[CONFIG_ERROR_MAX];
};

static void look_at_config(void *context)
{
    struct look *look = context;

    look->config = config_load(look->request->command, look->error, sizeof look->error);
}

enum config_edit_result edit_try(struct edit *edit, const struct change_set *set,
    enum config_edit_result (*check)(struct edit *edit, const struct apache_config *now))
{
    struct look look = {.request = edit->request};
    enum config_edit_result result;

    if (!proposed_files_show(set, look_at_config, &look, edit->outcome->untried, edit->outcome->error_cap))
        return CONFIG_EDIT_OK;
    if (look.config == NULL)
        return edit_fail(edit, CONFIG_EDIT_FAILED, "Apache cannot read the result, so nothing is touched: %s", look.error);
    result = check(edit, look.config);
    config_free(look.config);
    return result;
}

bool edit_is_in_own_file(const struct apache_config *config, const struct apache_line *line)
{
    struct config_span span;

    config_find_line(config, line, &span);
    return span.file != NULL && own_file_is_ours(span.file->bytes);
}

bool edit_is_on_for_all(const struct apache_config *config)
{
    const struct apache_line *line = config_effective(config, APACHE_SERVER, APACHE_USE_STAPLING);

    return apache_line_is(line, "on") && edit_is_in_own_file(config, line);
}

bool edit_is_stapling(const struct apache_config *config, size_t site)
{
    return apache_line_is(config_effective(config, site, APACHE_USE_STAPLING), "on");
}

const char *edit_site_name(const struct apache_config *config, size_t site)
{
    const struct apache_site *found = &config->dump.sites[site];

    if (found->server_name != NULL)
        return found->server_name;
    return found->address_count > 0 ? found->addresses[0] : "a virtual host without a name";
}

const char *edit_site_path(const struct apache_config *config, size_t site)
{
    const struct config_span *span = &config->sites[site];

    return span->file != NULL ? span->file->path : config->dump.sites[site].place.source;
}

unsigned edit_site_line(const struct apache_config *config, size_t site)
{
    const struct config_span *span = &config->sites[site];

    return span->file != NULL ? span->line : config->dump.sites[site].place.line;
}
