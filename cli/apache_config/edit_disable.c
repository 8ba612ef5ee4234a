/* SPDX-License-Identifier: ISC */
/*
 * Owns: what disable changes: our lines go, wherever they are now, and what they put aside comes back.
 * Runs in: command line.
 * Never: writes; touches a byte that enable did not write.
 */
#include <stdint.h>
#include <string.h>

#include "apache_config/edit.h"

/* Directories below ServerRoot whose files Apache may not read now: a site that was disabled since keeps our lines. */
static const char *const unread[] = {"sites-available", "conf-available", "mods-available", "conf.d"};

/* Take our lines out of the whole file at path. */
static bool strip_file(struct httpd_work *work, const char *path, struct httpd_bytes file)
{
    struct httpd_bytes stripped;
    struct httpd_place place = {path, 0};

    if (!httpd_marks_are_in(file, 0, file.len) || httpd_own_is_ours(file))
        return true;
    if (!httpd_marks_strip(&work->arena, file, 0, file.len, &stripped, &place.line))
        return false;
    if (place.line > 0 && !httpd_findings_add(work->findings, HTTPD_FINDING_LINE_CHANGED, &place, ""))
        return false;
    return httpd_work_put(work, path, file, stripped);
}

/* The selected virtual host of the file that begins last, but before limit; NULL: none. */
static const struct httpd_vhost *last_selected(const struct httpd_work *work, const char *path, size_t limit)
{
    const struct httpd_vhost *last = NULL;

    for (size_t i = 0; i < work->tree->vhost_count; i++) {
        const struct httpd_vhost *vhost = &work->tree->vhosts[i];

        if (work->selected[i] && strcmp(vhost->place.path, path) == 0 && vhost->begin < limit
            && (last == NULL || vhost->begin > last->begin))
            last = vhost;
    }
    return last;
}

/*
 * Take our lines out of the selected virtual hosts of a file alone: from the last to the first, so that what is still to come
 * lies where it was, and one that macros or includes make several times only once.
 */
static bool strip_vhosts_of(struct httpd_work *work, const struct httpd_file *file)
{
    struct httpd_bytes before = {file->data, file->len};
    struct httpd_bytes now = before;
    const struct httpd_vhost *vhost = last_selected(work, file->path, SIZE_MAX);

    for (; vhost != NULL; vhost = last_selected(work, file->path, vhost->begin)) {
        struct httpd_place place = {file->path, 0};

        if (!httpd_marks_are_in(now, vhost->begin, vhost->close))
            continue;
        if (!httpd_marks_strip(&work->arena, now, vhost->begin, vhost->close, &now, &place.line)
            || (place.line > 0 && !httpd_findings_add(work->findings, HTTPD_FINDING_LINE_CHANGED, &place, "")))
            return false;
    }
    return now.data == before.data || httpd_work_put(work, file->path, before, now);
}

static bool strip_vhosts(struct httpd_work *work)
{
    for (size_t i = 0; i < work->tree->files.count; i++)
        if (!strip_vhosts_of(work, work->tree->files.items[i]))
            return false;
    return true;
}

static bool remove_file(struct httpd_work *work, const char *path, struct httpd_bytes file)
{
    struct change change = {.kind = CHANGE_REMOVE,
        .path = httpd_arena_copy(&work->arena, path, strlen(path)),
        .before = httpd_arena_copy(&work->arena, file.data, file.len),
        .before_len = file.len};

    return change.path != NULL && change.before != NULL && change_set_add(work->set, &change);
}

static bool strip_unread_in(struct httpd_work *work, const char *directory)
{
    struct httpd_files files = {.arena = &work->arena, .error = work->error, .error_cap = work->error_cap};
    char real[PATH_MAX];
    char **names;
    size_t count;

    if (httpd_files_resolve(&files, directory, real) != HTTPD_PATH_DIRECTORY)
        return true;
    if (!httpd_files_list(&files, directory, NULL, &names, &count))
        return false;
    for (size_t i = 0; i < count; i++) {
        const char *path = httpd_arena_format(&work->arena, "%s/%s", directory, names[i]);
        struct httpd_bytes file;

        if (path == NULL)
            return false;
        if (httpd_files_resolve(&files, path, real) != HTTPD_PATH_FILE || change_set_find(work->set, real) != NULL
            || httpd_work_bytes(work->tree, real).data != NULL)
            continue;
        if (!httpd_files_bytes(&files, real, &file.data, &file.len)) {
            work->error[0] = '\0'; /* a FIFO, or too large: no file that enable ever wrote */
            continue;
        }
        if (httpd_own_is_ours(file) && strcmp(real, work->own.file) != 0 ? !remove_file(work, real, file)
                                                                         : !strip_file(work, real, file))
            return false;
    }
    return true;
}

static bool strip_all(struct httpd_work *work)
{
    bool is_stripped = true;

    for (size_t i = 0; is_stripped && i < work->tree->files.count; i++) {
        const struct httpd_file *file = work->tree->files.items[i];

        is_stripped = strip_file(work, file->path, (struct httpd_bytes){file->data, file->len});
    }
    for (size_t i = 0; is_stripped && i < sizeof unread / sizeof unread[0]; i++) {
        const char *directory = httpd_arena_format(&work->arena, "%s/%s", work->tree->server_root, unread[i]);

        is_stripped = directory != NULL && strip_unread_in(work, directory);
    }
    return is_stripped;
}

static bool remove_link(struct httpd_work *work)
{
    struct change change = {.kind = CHANGE_REMOVE,
        .path = work->own.link,
        .before = work->own.target,
        .before_len = strlen(work->own.target),
        .is_link = true};

    return work->own.link[0] == '\0' || !work->own.is_linked || change_set_add(work->set, &change);
}

/* Our own file, and others of ours that the administrator made of it. */
static bool remove_own_files(struct httpd_work *work)
{
    struct httpd_bytes before;
    bool was_linked = true;

    if (work->own.is_ours && httpd_own_before(&work->arena, work->own.now, &before, &was_linked)) {
        if ((!was_linked && !remove_link(work)) || !httpd_work_put(work, work->own.file, work->own.now, before))
            return false;
    } else if (work->own.is_ours) {
        if (!remove_link(work) || !remove_file(work, work->own.file, work->own.now))
            return false;
    }
    for (size_t i = 0; i < work->tree->files.count; i++) {
        const struct httpd_file *file = work->tree->files.items[i];
        struct httpd_bytes bytes = {file->data, file->len};

        if (httpd_own_is_ours(bytes) && change_set_find(work->set, file->path) == NULL && !remove_file(work, file->path, bytes))
            return false;
    }
    return true;
}

static bool is_on_for_all(const struct httpd_tree *tree)
{
    const struct httpd_line *line = httpd_tree_effective(tree, HTTPD_NONE, HTTPD_USE_STAPLING);

    return line != NULL && httpd_line_is_on(line) && httpd_own_is_ours(httpd_work_bytes(tree, line->place.path));
}

/* True when virtual hosts other than the selected ones have a line of ours. */
static bool has_others(const struct httpd_work *work)
{
    for (size_t i = 0; i < work->tree->vhost_count; i++) {
        const struct httpd_vhost *vhost = &work->tree->vhosts[i];

        if (!work->selected[i] && httpd_marks_are_in(httpd_work_bytes(work->tree, vhost->place.path), vhost->begin, vhost->close))
            return true;
    }
    return false;
}

/* The result must be readable, and the other hosts as before. */
static enum httpd_edit_result check_result(struct httpd_work *work, bool is_partial)
{
    struct httpd_tree *tree = httpd_work_reload(work);
    enum httpd_edit_result result = HTTPD_EDIT_OK;

    if (tree == NULL)
        return HTTPD_EDIT_FAILED;
    for (size_t i = 0; is_partial && result == HTTPD_EDIT_OK && i < tree->vhost_count; i++)
        if (!work->selected[i]
            && httpd_line_is_on(httpd_tree_effective(tree, i, HTTPD_USE_STAPLING))
                != httpd_line_is_on(httpd_tree_effective(work->tree, i, HTTPD_USE_STAPLING)))
            result = httpd_work_fail(work, HTTPD_EDIT_BLOCKED,
                "%s:%u: what makes the virtual hosts you named makes %s, too, so nothing is touched; name it also, or use "
                "--all",
                tree->vhosts[i].place.path, tree->vhosts[i].place.line, httpd_work_name(work, tree, i));
    httpd_tree_free(tree);
    return result;
}

static enum httpd_edit_result disable(struct httpd_work *work)
{
    bool is_partial = !work->request->is_all && work->request->domain_count > 0;
    enum httpd_edit_result result = is_partial ? httpd_work_select(work) : HTTPD_EDIT_OK;

    if (result != HTTPD_EDIT_OK)
        return result;
    if (is_partial && is_on_for_all(work->tree))
        return httpd_work_fail(work, HTTPD_EDIT_BLOCKED,
            "stapling is on for all virtual hosts; write SSLUseStapling off into the one that should not, or disable --all");
    if (!httpd_own_find(&work->arena, work->tree, &work->own, work->error, work->error_cap))
        return HTTPD_EDIT_FAILED;
    is_partial = is_partial && has_others(work);
    if (!(is_partial ? strip_vhosts(work) : strip_all(work)) || (!is_partial && !remove_own_files(work)))
        return httpd_work_no_memory(work);
    return work->set->count == 0 ? HTTPD_EDIT_OK : check_result(work, is_partial);
}

enum httpd_edit_result httpd_edit_disable(const struct httpd_source *source, const struct httpd_tree *tree,
    const struct httpd_edit_request *request, struct change_set *set, struct httpd_findings *findings, char *error, size_t cap)
{
    struct httpd_work work = {
        .source = source, .tree = tree, .request = request, .set = set, .findings = findings, .error = error, .error_cap = cap};

    return httpd_work_run(&work, disable);
}

bool httpd_edit_is_enabled(const struct httpd_tree *tree)
{
    for (size_t i = 0; i < tree->files.count; i++) {
        struct httpd_bytes file = {tree->files.items[i]->data, tree->files.items[i]->len};

        if (httpd_own_is_ours(file) || httpd_marks_are_in(file, 0, file.len))
            return true;
    }
    return false;
}
