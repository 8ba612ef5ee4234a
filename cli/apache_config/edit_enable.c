/* SPDX-License-Identifier: ISC */
/*
 * Owns: what enable changes.
 * Runs in: command line.
 * Never: writes; takes a line of the administrator's away without keeping it beside.
 */
#include <string.h>
#include <strings.h>

#include "apache_config/edit.h"

/* Rounds of putting lines aside until ours count.  Each takes at least one away. */
#define ROUNDS_MAX 100u

struct wish {
    enum httpd_setting setting;
    const char *word;
};

/* What has to be in effect at server level. */
struct wishes {
    struct wish items[4];
    size_t count;
    char *cache;
    char *lock;
};

static bool make_wishes(struct httpd_work *work, bool is_server_on, struct wishes *wishes)
{
    wishes->cache = httpd_arena_format(&work->arena, "dbm:%s", work->request->dbm);
    wishes->lock = httpd_arena_format(&work->arena, "flock:%s", work->request->lock_dir);
    wishes->count = 0;
    wishes->items[wishes->count++] = (struct wish){HTTPD_STAPLING_CACHE, wishes->cache};
    wishes->items[wishes->count++] = (struct wish){HTTPD_RETURN_ERRORS, "off"};
    wishes->items[wishes->count++] = (struct wish){HTTPD_FAKE_TRY_LATER, "off"};
    if (is_server_on)
        wishes->items[wishes->count++] = (struct wish){HTTPD_USE_STAPLING, "on"};
    return wishes->cache != NULL && wishes->lock != NULL;
}

static bool says(const struct httpd_line *line, const struct wish *wish)
{
    if (line == NULL || line->word_count == 0)
        return false;
    return wish->setting == HTTPD_STAPLING_CACHE ? strcmp(line->words[0], wish->word) == 0
                                                 : strcasecmp(line->words[0], wish->word) == 0;
}

static bool is_mutex_as_wished(const struct httpd_tree *tree, const struct wishes *wishes)
{
    const struct httpd_line *line = httpd_tree_mutex(tree);

    return line != NULL && line->word_count > 0 && strcmp(line->words[0], wishes->lock) == 0;
}

static bool are_granted(const struct httpd_tree *tree, const struct wishes *wishes)
{
    for (size_t i = 0; i < wishes->count; i++)
        if (!says(httpd_tree_effective(tree, HTTPD_NONE, wishes->items[i].setting), &wishes->items[i]))
            return false;
    for (size_t i = 0; i < tree->line_count; i++)
        if (tree->lines[i].setting == HTTPD_STAPLING_CACHE && !says(&tree->lines[i], &wishes->items[0]))
            return false;
    return is_mutex_as_wished(tree, wishes);
}

/* Where in the main file our Include can stand: at its end, or before its last line when that has no end. */
static size_t include_offset(const struct httpd_tree *tree)
{
    struct httpd_bytes file = httpd_work_bytes(tree, tree->main_path);
    const struct httpd_nodes *nodes = NULL;
    size_t last = 0;

    if (file.len == 0 || file.data[file.len - 1] == '\n')
        return file.len;
    for (size_t i = 0; i < tree->files.count; i++)
        if (tree->files.items[i]->path == tree->main_path)
            nodes = &tree->files.items[i]->nodes;
    for (size_t at = 0; at < file.len;) {
        last = at;
        at = httpd_nodes_line(file.data, file.len, at).end;
    }
    for (size_t i = 0; nodes != NULL && i < nodes->count; i++)
        if (nodes->items[i].depth == 0 && nodes->items[i].is_section && nodes->items[i].close_begin == last)
            return nodes->items[i].begin;
    return last;
}

static bool add_include(struct httpd_work *work)
{
    const char *path = httpd_own_quote(&work->arena, "", work->own.file);
    const char *directive = path == NULL ? NULL : httpd_arena_format(&work->arena, "Include %s", path);
    struct httpd_bytes file = httpd_work_bytes(work->tree, work->tree->main_path);
    struct httpd_splice splice;

    for (size_t i = 0; i < work->tree->include_count; i++)
        if (strcmp(work->tree->includes[i].pattern, work->own.file) == 0)
            return true;
    return directive != NULL && httpd_marks_add(&work->arena, file, include_offset(work->tree), directive, &splice)
        && httpd_work_replace(work, work->tree, work->tree->main_path, &splice, 1);
}

static bool add_own_file(struct httpd_work *work, bool is_server_on)
{
    struct httpd_own *own = &work->own;
    struct httpd_bytes text = httpd_own_text(&work->arena, own, work->request, is_server_on);
    struct change file = {.kind = own->is_there ? CHANGE_REPLACE : CHANGE_CREATE,
        .path = own->file,
        .content = httpd_arena_copy(&work->arena, text.data, text.len),
        .content_len = text.len,
        .before = own->is_there ? httpd_arena_copy(&work->arena, own->now.data, own->now.len) : NULL,
        .before_len = own->now.len};
    struct change link
        = {.kind = CHANGE_LINK, .path = own->link, .content = own->target, .content_len = strlen(own->target), .is_link = true};
    bool is_same = own->is_there && own->now.len == text.len && memcmp(own->now.data, text.data, text.len) == 0;

    if (text.data == NULL || file.content == NULL || (!is_same && !change_set_add(work->set, &file)))
        return false;
    if (!own->is_linked && !change_set_add(work->set, &link))
        return false;
    return !own->needs_include || add_include(work);
}

/* The next line that has to go so that ours counts, or NULL. */
static const struct httpd_line *find_rival(const struct httpd_tree *tree, const char *own, const struct wishes *wishes)
{
    for (size_t i = 0; i < wishes->count; i++) {
        const struct httpd_line *line = httpd_tree_effective(tree, HTTPD_NONE, wishes->items[i].setting);

        if (line != NULL && !says(line, &wishes->items[i]) && strcmp(line->place.path, own) != 0)
            return line;
    }
    for (size_t i = 0; i < tree->line_count; i++) {
        const struct httpd_line *line = &tree->lines[i];

        if (line->setting == HTTPD_STAPLING_CACHE && !says(line, &wishes->items[0]) && strcmp(line->place.path, own) != 0)
            return line;
    }
    return NULL;
}

static enum httpd_edit_result put_aside(struct httpd_work *work, const struct httpd_tree *tree, const struct httpd_line *line)
{
    struct httpd_bytes file = httpd_work_bytes(tree, line->place.path);
    enum httpd_finding_kind kind
        = line->setting == HTTPD_STAPLING_CACHE ? HTTPD_FINDING_OTHER_CACHE : HTTPD_FINDING_OTHER_SETTING;
    struct httpd_splice splice;

    if (!httpd_findings_add_line(work->findings, kind, line)
        || !httpd_marks_put_aside(&work->arena, file, line->begin, line->end, &splice)
        || !httpd_work_replace(work, tree, line->place.path, &splice, 1))
        return httpd_work_no_memory(work);
    return HTTPD_EDIT_OK;
}

static enum httpd_edit_result put_rivals_aside(struct httpd_work *work, const struct wishes *wishes)
{
    const struct httpd_line *rival = NULL;

    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        struct httpd_tree *tree = httpd_work_reload(work);
        enum httpd_edit_result result = HTTPD_EDIT_OK;

        if (tree == NULL)
            return HTTPD_EDIT_FAILED;
        rival = find_rival(tree, work->own.file, wishes);
        if (rival != NULL)
            result = put_aside(work, tree, rival);
        httpd_tree_free(tree);
        if (rival == NULL || result != HTTPD_EDIT_OK)
            return result;
    }
    return httpd_work_fail(work, HTTPD_EDIT_FAILED,
        "more than %u lines at server level contradict stapleguard's; tidy SSLStapling... up first", ROUNDS_MAX);
}

/* Add SSLUseStapling on to the selected hosts that do not have it, all those of one file at once. */
static bool add_to_file(struct httpd_work *work, const struct httpd_tree *tree, const char *path)
{
    struct httpd_splice *splices = NULL;
    size_t count = 0;

    for (size_t i = 0; i < tree->vhost_count; i++) {
        const struct httpd_vhost *vhost = &tree->vhosts[i];
        bool is_there = false;

        if (!work->selected[i] || strcmp(vhost->place.path, path) != 0
            || httpd_line_is_on(httpd_tree_effective(tree, i, HTTPD_USE_STAPLING)))
            continue;
        for (size_t k = 0; k < count; k++) /* by a macro, or a file that is included twice */
            is_there = is_there || splices[k].at == vhost->close;
        if (is_there)
            continue;
        if (!httpd_arena_grow(&work->arena, &splices, count, sizeof *splices)
            || !httpd_marks_add(&work->arena, httpd_work_bytes(tree, path), vhost->close, "SSLUseStapling on", &splices[count]))
            return false;
        count++;
    }
    return count == 0 || httpd_work_replace(work, tree, path, splices, count);
}

static enum httpd_edit_result add_to_vhosts(struct httpd_work *work)
{
    struct httpd_tree *tree = httpd_work_reload(work);
    bool is_added = true;

    if (tree == NULL)
        return HTTPD_EDIT_FAILED;
    for (size_t i = 0; is_added && i < tree->files.count; i++)
        is_added = add_to_file(work, tree, tree->files.items[i]->path);
    httpd_tree_free(tree);
    return is_added ? HTTPD_EDIT_OK : httpd_work_no_memory(work);
}

/* Each file that is replaced must be what it was, but for our lines. */
static enum httpd_edit_result check_bytes(struct httpd_work *work)
{
    for (size_t i = 0; i < work->set->count; i++) {
        const struct change *change = &work->set->changes[i];
        struct httpd_bytes before = {change->before, change->before_len};
        struct httpd_bytes after = {change->content, change->content_len};

        if (change->kind != CHANGE_REPLACE || strcmp(change->path, work->own.file) == 0)
            continue;
        if (!httpd_marks_strip(&work->arena, before, 0, before.len, &before, NULL)
            || !httpd_marks_strip(&work->arena, after, 0, after.len, &after, NULL))
            return httpd_work_no_memory(work);
        if (before.len != after.len || memcmp(before.data, after.data, before.len) != 0)
            return httpd_work_fail(work, HTTPD_EDIT_FAILED,
                "%s: the edit would change more than stapleguard's own lines, so nothing is touched; please report this",
                change->path);
    }
    return HTTPD_EDIT_OK;
}

static bool has_own_off(const struct httpd_tree *tree, size_t vhost)
{
    const struct httpd_line *line = httpd_tree_effective(tree, vhost, HTTPD_USE_STAPLING);

    return line != NULL && line->vhost == vhost && !httpd_line_is_on(line);
}

/* The host staples as it should: asked for, or as before. */
static enum httpd_edit_result check_vhost(struct httpd_work *work, const struct httpd_tree *tree, size_t vhost)
{
    bool was_on = httpd_line_is_on(httpd_tree_effective(work->tree, vhost, HTTPD_USE_STAPLING));
    bool is_on = httpd_line_is_on(httpd_tree_effective(tree, vhost, HTTPD_USE_STAPLING));
    const struct httpd_place *place = &tree->vhosts[vhost].place;
    const char *name = httpd_work_name(work, tree, vhost);

    if (name == NULL)
        return httpd_work_no_memory(work);
    if (work->selected[vhost] && !is_on && !(work->request->is_all && has_own_off(tree, vhost)))
        return httpd_work_fail(work, HTTPD_EDIT_FAILED,
            "%s:%u: %s would still not staple, so nothing is touched; is SSLUseStapling set again behind it?", place->path,
            place->line, name);
    if (work->selected[vhost] || work->request->is_all || !tree->vhosts[vhost].is_tls || is_on == was_on)
        return HTTPD_EDIT_OK;
    if (!httpd_findings_add(work->findings, HTTPD_FINDING_MACRO_SHARED, place, name))
        return httpd_work_no_memory(work);
    return httpd_work_fail(work, HTTPD_EDIT_BLOCKED,
        "%s:%u: what makes the virtual hosts you named makes %s, too, so nothing is touched; name it also, or use --all",
        place->path, place->line, name);
}

static enum httpd_edit_result check_result(struct httpd_work *work, const struct wishes *wishes)
{
    struct httpd_tree *tree = httpd_work_reload(work);
    enum httpd_edit_result result = HTTPD_EDIT_OK;

    if (tree == NULL)
        return HTTPD_EDIT_FAILED;
    if (tree->vhost_count != work->tree->vhost_count)
        result = httpd_work_fail(work, HTTPD_EDIT_FAILED,
            "the edit would change which virtual hosts there are, so nothing is touched; please report this");
    for (size_t i = 0; result == HTTPD_EDIT_OK && i < wishes->count; i++)
        if (!says(httpd_tree_effective(tree, HTTPD_NONE, wishes->items[i].setting), &wishes->items[i]))
            result = httpd_work_fail(work, HTTPD_EDIT_FAILED,
                "%s: %s would not count there, so nothing is touched; is mod_ssl loaded before this file is read?",
                work->own.file, httpd_setting_name(wishes->items[i].setting));
    for (size_t i = 0; result == HTTPD_EDIT_OK && i < tree->vhost_count; i++)
        result = check_vhost(work, tree, i);
    if (result == HTTPD_EDIT_OK && !is_mutex_as_wished(tree, wishes) && httpd_tree_mutex(tree) != NULL
        && !httpd_findings_add_line(work->findings, HTTPD_FINDING_MUTEX_OTHER, httpd_tree_mutex(tree)))
        result = httpd_work_no_memory(work);
    httpd_tree_free(tree);
    return result == HTTPD_EDIT_OK ? check_bytes(work) : result;
}

/* True when --all was said before: then it stays, whatever is named now. */
static bool is_all_already(const struct httpd_work *work)
{
    const struct httpd_line *line = httpd_tree_effective(work->tree, HTTPD_NONE, HTTPD_USE_STAPLING);

    return work->own.is_ours && line != NULL && strcmp(line->place.path, work->own.file) == 0 && httpd_line_is_on(line);
}

static enum httpd_edit_result enable(struct httpd_work *work)
{
    enum httpd_edit_result result = httpd_work_select(work);
    struct wishes wishes;
    bool is_server_on;

    if (result != HTTPD_EDIT_OK)
        return result;
    if (!httpd_own_find(&work->arena, work->tree, &work->own, work->error, work->error_cap))
        return HTTPD_EDIT_FAILED;
    is_server_on = work->request->is_all || is_all_already(work);
    if (!make_wishes(work, is_server_on, &wishes))
        return httpd_work_no_memory(work);
    if (!are_granted(work->tree, &wishes)) {
        if (!add_own_file(work, is_server_on))
            return httpd_work_no_memory(work);
        result = put_rivals_aside(work, &wishes);
    }
    if (result == HTTPD_EDIT_OK && !work->request->is_all)
        result = add_to_vhosts(work);
    return result == HTTPD_EDIT_OK ? check_result(work, &wishes) : result;
}

enum httpd_edit_result httpd_edit_enable(const struct httpd_source *source, const struct httpd_tree *tree,
    const struct httpd_edit_request *request, struct change_set *set, struct httpd_findings *findings, char *error, size_t cap)
{
    struct httpd_work work = {
        .source = source, .tree = tree, .request = request, .set = set, .findings = findings, .error = error, .error_cap = cap};

    return httpd_work_run(&work, enable);
}
