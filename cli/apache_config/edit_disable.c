/* SPDX-License-Identifier: ISC */
/*
 * Owns: what disable changes: our lines go, wherever they are now, and what they put aside comes back.
 * Runs in: command line.
 * Never: writes; touches a byte that enable did not write.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "apache_config/edit.h"

/* Directories below ServerRoot whose files Apache may not read now: a site that was disabled since keeps our lines. */
static const char *const unread[] = {"sites-available", "conf-available", "mods-available", "conf.d"};

/* Take our lines out of the whole file at path. */
static bool strip_file(struct edit *edit, const char *path, struct config_bytes file)
{
    struct config_bytes stripped;
    unsigned line = 0;

    if (!config_marks_are_in(file, 0, file.len) || own_file_is_ours(file))
        return true;
    if (!config_marks_strip(&edit->arena, file, 0, file.len, &stripped, &line))
        return false;
    if (line > 0 && !config_findings_add(edit->outcome->findings, CONFIG_FINDING_LINE_CHANGED, path, line, ""))
        return false;
    return edit_put(edit, path, file, stripped);
}

/* The selected virtual host of the file that begins last, but before limit; NULL: none. */
static const struct config_span *last_selected(const struct edit *edit, const struct config_file *file, size_t limit)
{
    const struct config_span *last = NULL;

    for (size_t i = 0; i < edit->config->dump.site_count; i++) {
        const struct config_span *span = &edit->config->sites[i];

        if (edit->selected[i] && span->file == file && span->begin < limit && (last == NULL || span->begin > last->begin))
            last = span;
    }
    return last;
}

/*
 * Take our lines out of the selected virtual hosts of a file alone: from the last to the first, so that what is still to come
 * lies where it was, and one that macros or includes make several times only once.
 */
static bool strip_sites_of(struct edit *edit, const struct config_file *file)
{
    struct config_bytes now = file->bytes;
    const struct config_span *span = last_selected(edit, file, SIZE_MAX);

    for (; span != NULL; span = last_selected(edit, file, span->begin)) {
        unsigned line = 0;

        if (!config_marks_are_in(now, span->begin, span->end))
            continue;
        if (!config_marks_strip(&edit->arena, now, span->begin, span->end, &now, &line)
            || (line > 0 && !config_findings_add(edit->outcome->findings, CONFIG_FINDING_LINE_CHANGED, file->path, line, "")))
            return false;
    }
    return now.data == file->bytes.data || edit_put(edit, file->path, file->bytes, now);
}

static bool strip_sites(struct edit *edit)
{
    for (size_t i = 0; i < edit->config->file_count; i++)
        if (!strip_sites_of(edit, edit->config->files[i]))
            return false;
    return true;
}

static bool remove_file(struct edit *edit, const char *path, struct config_bytes file)
{
    struct change change = {.kind = CHANGE_REMOVE,
        .path = arena_copy(&edit->arena, path, strlen(path)),
        .before = arena_copy(&edit->arena, file.data, file.len),
        .before_len = file.len};

    return change.path != NULL && change.before != NULL && change_set_add(edit->outcome->set, &change);
}

/* A file that Apache may not read.  A FIFO, or one that is too large, enable never wrote. */
static bool strip_unread(struct edit *edit, const char *path)
{
    char real[PATH_MAX], error[CONFIG_ERROR_MAX];
    struct config_bytes file;

    if (realpath(path, real) == NULL || change_set_find(edit->outcome->set, real) != NULL
        || config_file_at(edit->config, real) != NULL || !config_files_read(&edit->arena, real, &file, error, sizeof error))
        return true;
    return own_file_is_ours(file) ? remove_file(edit, real, file) : strip_file(edit, real, file);
}

static bool strip_unread_in(struct edit *edit, const char *directory)
{
    char **names;
    size_t count;

    if (!config_files_is_directory(directory))
        return true;
    if (!config_files_list(&edit->arena, directory, &names, &count))
        return false;
    for (size_t i = 0; i < count; i++) {
        const char *path = arena_format(&edit->arena, "%s/%s", directory, names[i]);

        if (path == NULL || !strip_unread(edit, path))
            return false;
    }
    return true;
}

static bool remove_link(struct edit *edit, struct own_file *own)
{
    struct change change
        = {.kind = CHANGE_REMOVE, .path = own->link, .before = own->target, .before_len = strlen(own->target), .is_link = true};

    return own->link[0] == '\0' || !own->is_linked || change_set_add(edit->outcome->set, &change);
}

/* Our own file goes, or becomes what was there before us. */
static bool remove_own_file(struct edit *edit, struct own_file *own)
{
    struct config_bytes before;
    bool was_linked = true;

    if (!own->is_ours || change_set_find(edit->outcome->set, own->file) != NULL)
        return true;
    if (own_file_before(&edit->arena, own->now, &before, &was_linked))
        return (was_linked || remove_link(edit, own)) && edit_put(edit, own->file, own->now, before);
    return remove_link(edit, own) && remove_file(edit, own->file, own->now);
}

/* In each of its places; and others of ours that the administrator made of it. */
static bool remove_own_files(struct edit *edit)
{
    for (enum own_place place = OWN_DEBIAN; place < OWN_PLACE_COUNT; place++) {
        char error[CONFIG_ERROR_MAX];
        struct own_file own;

        if (own_file_find(&edit->arena, edit->config, place, &own, error, sizeof error) == OWN_PLACE
            && !remove_own_file(edit, &own))
            return false;
    }
    for (size_t i = 0; i < edit->config->file_count; i++) {
        const struct config_file *file = edit->config->files[i];

        if (own_file_is_ours(file->bytes) && change_set_find(edit->outcome->set, file->path) == NULL
            && !remove_file(edit, file->path, file->bytes))
            return false;
    }
    return true;
}

static bool strip_all(struct edit *edit)
{
    const char *root = edit->config->dump.server_root == NULL ? "" : edit->config->dump.server_root;
    bool is_stripped = true;

    for (size_t i = 0; is_stripped && i < edit->config->file_count; i++)
        is_stripped = strip_file(edit, edit->config->files[i]->path, edit->config->files[i]->bytes);
    is_stripped = is_stripped && remove_own_files(edit);
    for (size_t i = 0; is_stripped && i < sizeof unread / sizeof unread[0]; i++) {
        const char *directory = arena_format(&edit->arena, "%s/%s", root, unread[i]);

        is_stripped = directory != NULL && strip_unread_in(edit, directory);
    }
    return is_stripped;
}

/* True when virtual hosts other than the selected ones have a line of ours. */
static bool has_others(const struct edit *edit)
{
    for (size_t i = 0; i < edit->config->dump.site_count; i++) {
        const struct config_span *span = &edit->config->sites[i];

        if (!edit->selected[i] && span->file != NULL && config_marks_are_in(span->file->bytes, span->begin, span->end))
            return true;
    }
    return false;
}

/* Without our lines for some, the other hosts are as before. */
static enum config_edit_result check_others(struct edit *edit, const struct apache_config *now)
{
    if (now->dump.site_count != edit->config->dump.site_count)
        return edit_fail(edit, CONFIG_EDIT_FAILED,
            "the edit would change which virtual hosts there are, so nothing is touched; please report this");
    for (size_t i = 0; i < now->dump.site_count; i++)
        if (!edit->selected[i] && edit_is_stapling(now, i) != edit_is_stapling(edit->config, i))
            return edit_fail(edit, CONFIG_EDIT_BLOCKED,
                "%s:%u: what makes the virtual hosts you named makes %s, too, so nothing is touched; name it also, or use --all",
                edit_site_path(now, i), edit_site_line(now, i), edit_site_name(now, i));
    return CONFIG_EDIT_OK;
}

static enum config_edit_result check_nothing(struct edit *edit, const struct apache_config *now)
{
    (void)edit;
    (void)now;
    return CONFIG_EDIT_OK;
}

static enum config_edit_result disable(struct edit *edit)
{
    bool is_partial = !edit->request->is_all && edit->request->domain_count > 0;
    enum config_edit_result result = is_partial ? edit_select(edit) : CONFIG_EDIT_OK;

    if (result != CONFIG_EDIT_OK)
        return result;
    if (is_partial && edit_is_on_for_all(edit->config))
        return edit_fail(edit, CONFIG_EDIT_BLOCKED,
            "stapling is on for all virtual hosts; write SSLUseStapling off into the one that should not, or disable --all");
    is_partial = is_partial && has_others(edit);
    if (!(is_partial ? strip_sites(edit) : strip_all(edit)))
        return edit_no_memory(edit);
    if (edit->outcome->set->count == 0)
        return CONFIG_EDIT_OK;
    return edit_try(edit, edit->outcome->set, is_partial ? check_others : check_nothing);
}

enum config_edit_result config_edit_disable(
    const struct apache_config *config, const struct config_edit_request *request, const struct config_edit_outcome *outcome)
{
    struct edit edit = {.config = config, .request = request, .outcome = outcome};

    return edit_run(&edit, disable);
}

bool config_edit_is_enabled(const struct apache_config *config)
{
    for (size_t i = 0; i < config->file_count; i++) {
        struct config_bytes file = config->files[i]->bytes;

        if (own_file_is_ours(file) || config_marks_are_in(file, 0, file.len))
            return true;
    }
    return false;
}
