/* SPDX-License-Identifier: ISC */
/*
 * Owns: what enable changes.
 * Runs in: command line.
 * Never: writes; takes a line of the administrator's away without keeping it beside.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "apache_config/edit.h"

struct wish {
    enum apache_setting setting;
    const char *word;
};

/* What has to be in effect at server level. */
struct wishes {
    struct wish items[4];
    size_t count;
    char *cache;
    char *lock;
};

static bool make_wishes(struct arena *arena, const struct config_edit_request *request, bool is_server_on, struct wishes *wishes)
{
    wishes->cache = arena_format(arena, "dbm:%s", request->dbm);
    wishes->lock = arena_format(arena, "flock:%s", request->lock_dir);
    wishes->count = 0;
    wishes->items[wishes->count++] = (struct wish){APACHE_STAPLING_CACHE, wishes->cache};
    wishes->items[wishes->count++] = (struct wish){APACHE_RETURN_ERRORS, "off"};
    wishes->items[wishes->count++] = (struct wish){APACHE_FAKE_TRY_LATER, "off"};
    if (is_server_on)
        wishes->items[wishes->count++] = (struct wish){APACHE_USE_STAPLING, "on"};
    return wishes->cache != NULL && wishes->lock != NULL;
}

static bool says(const struct apache_line *line, const struct wish *wish)
{
    if (line == NULL || line->word_count == 0)
        return false;
    return wish->setting == APACHE_STAPLING_CACHE ? strcmp(line->words[0], wish->word) == 0
                                                  : strcasecmp(line->words[0], wish->word) == 0;
}

static bool is_mutex_as_wished(const struct apache_config *config, const struct wishes *wishes)
{
    const struct apache_line *line = apache_dump_mutex(&config->dump);

    return line != NULL && line->word_count > 0 && strcmp(line->words[0], wishes->lock) == 0;
}

/* The next line from *at on that contradicts a wish: at server level, or any other cache. */
static const struct apache_line *next_rival(const struct apache_config *config, const struct wishes *wishes, size_t *at)
{
    while (*at < config->dump.line_count) {
        const struct apache_line *line = &config->dump.lines[(*at)++];

        for (size_t i = 0; i < wishes->count; i++)
            if (line->setting == wishes->items[i].setting && !says(line, &wishes->items[i])
                && (line->site == APACHE_SERVER || line->setting == APACHE_STAPLING_CACHE))
                return line;
    }
    return NULL;
}

static bool are_granted(const struct apache_config *config, const struct wishes *wishes)
{
    for (size_t i = 0; i < wishes->count; i++)
        if (!says(config_effective(config, APACHE_SERVER, wishes->items[i].setting), &wishes->items[i]))
            return false;
    for (size_t i = 0; i < config->dump.line_count; i++)
        if (config->dump.lines[i].setting == APACHE_STAPLING_CACHE && !says(&config->dump.lines[i], &wishes->items[0]))
            return false;
    return is_mutex_as_wished(config, wishes);
}

/* The edits. */

/* Our Include stands at the end of the main file, unless it is there already. */
static bool gather_include(struct edit *edit)
{
    const struct config_file *file = edit->config->files[0];
    const char *path = own_file_quote(&edit->arena, "", edit->own.file);
    const char *directive = path == NULL ? NULL : arena_format(&edit->arena, "Include %s", path);
    struct config_splice splice;

    if (config_file_at(edit->config, edit->own.file) != NULL)
        return true;
    return directive != NULL && config_marks_add(&edit->arena, file->bytes, file->bytes.len, directive, &splice)
        && edit_gather(edit, file, &splice);
}

static bool add_own_file(struct edit *edit, bool is_server_on)
{
    struct own_file *own = &edit->own;
    struct config_bytes text = own_file_text(&edit->arena, own, edit->request, is_server_on);
    struct change file = {.kind = own->is_there ? CHANGE_REPLACE : CHANGE_CREATE,
        .path = own->file,
        .content = arena_copy(&edit->arena, text.data, text.len),
        .content_len = text.len,
        .before = own->is_there ? arena_copy(&edit->arena, own->now.data, own->now.len) : NULL,
        .before_len = own->now.len};
    struct change link
        = {.kind = CHANGE_LINK, .path = own->link, .content = own->target, .content_len = strlen(own->target), .is_link = true};
    bool is_same = own->is_there && own->now.len == text.len && memcmp(own->now.data, text.data, text.len) == 0;

    if (text.data == NULL || file.content == NULL || (!is_same && !change_set_add(edit->outcome->set, &file)))
        return false;
    if (!own->is_linked && !change_set_add(edit->outcome->set, &link))
        return false;
    return !own->needs_include || gather_include(edit);
}

static enum config_edit_result put_aside(struct edit *edit, const struct apache_line *line)
{
    enum config_finding_kind kind
        = line->setting == APACHE_STAPLING_CACHE ? CONFIG_FINDING_OTHER_CACHE : CONFIG_FINDING_OTHER_SETTING;
    struct config_span span;
    struct config_splice splice;

    config_find_line(edit->config, line, &span);
    if (span.file != NULL && strcmp(span.file->path, edit->own.file) == 0)
        return CONFIG_EDIT_OK;
    if (span.file == NULL)
        return edit_fail(edit, CONFIG_EDIT_FAILED,
            "%s:%u: %s stands in no file that can be edited there, so nothing is touched; take it out by hand",
            line->place.source, line->place.line, apache_setting_name(line->setting));
    if (!config_findings_add_line(edit->outcome->findings, kind, edit->config, line)
        || !config_marks_put_aside(&edit->arena, span.file->bytes, span.begin, span.end, &splice)
        || !edit_gather(edit, span.file, &splice))
        return edit_no_memory(edit);
    return CONFIG_EDIT_OK;
}

static enum config_edit_result put_rivals_aside(struct edit *edit, const struct wishes *wishes)
{
    enum config_edit_result result = CONFIG_EDIT_OK;
    const struct apache_line *rival;
    size_t at = 0;

    while (result == CONFIG_EDIT_OK && (rival = next_rival(edit->config, wishes, &at)) != NULL)
        result = put_aside(edit, rival);
    return result;
}

/* Add SSLUseStapling on to the selected hosts that do not have it. */
static enum config_edit_result add_to_sites(struct edit *edit)
{
    for (size_t i = 0; i < edit->config->dump.site_count; i++) {
        const struct config_span *span = &edit->config->sites[i];
        struct config_splice splice;

        if (!edit->selected[i] || edit_is_stapling(edit->config, i))
            continue;
        if (span->file == NULL)
            return edit_fail(edit, CONFIG_EDIT_FAILED,
                "%s:%u: %s stands in no file that can be edited there, so nothing is touched; write SSLUseStapling on by hand",
                edit_site_path(edit->config, i), edit_site_line(edit->config, i), edit_site_name(edit->config, i));
        if (!config_marks_add(&edit->arena, span->file->bytes, span->end, "SSLUseStapling on", &splice)
            || !edit_gather(edit, span->file, &splice))
            return edit_no_memory(edit);
    }
    return CONFIG_EDIT_OK;
}

/* Checking what Apache reads then. */

/* The host staples as it should: asked for, or as before. */
static enum config_edit_result check_site(struct edit *edit, const struct apache_config *now, size_t site)
{
    const struct apache_line *line = config_effective(now, site, APACHE_USE_STAPLING);
    bool is_on = apache_line_is(line, "on");
    bool has_own_off = line != NULL && line->site == site && !is_on;
    const char *path = edit_site_path(now, site), *name = edit_site_name(now, site);

    if (edit->selected[site] && !is_on && !(edit->request->is_all && has_own_off))
        return edit_fail(edit, CONFIG_EDIT_FAILED,
            "%s:%u: %s would still not staple, so nothing is touched; is SSLUseStapling set again behind it?", path,
            edit_site_line(now, site), name);
    if (edit->selected[site] || edit->request->is_all || !now->dump.sites[site].is_tls
        || is_on == edit_is_stapling(edit->config, site))
        return CONFIG_EDIT_OK;
    if (!config_findings_add(edit->outcome->findings, CONFIG_FINDING_MACRO_SHARED, path, edit_site_line(now, site), name))
        return edit_no_memory(edit);
    return edit_fail(edit, CONFIG_EDIT_BLOCKED,
        "%s:%u: what makes the virtual hosts you named makes %s, too, so nothing is touched; name it also, or use --all", path,
        edit_site_line(now, site), name);
}

static enum config_edit_result check(struct edit *edit, const struct apache_config *now)
{
    const struct apache_line *mutex = apache_dump_mutex(&now->dump);
    enum config_edit_result result = CONFIG_EDIT_OK;
    struct wishes wishes;

    if (!make_wishes(&edit->arena, edit->request, edit->request->is_all || edit_is_on_for_all(edit->config), &wishes))
        return edit_no_memory(edit);
    if (now->dump.site_count != edit->config->dump.site_count)
        return edit_fail(edit, CONFIG_EDIT_FAILED,
            "the edit would change which virtual hosts there are, so nothing is touched; please report this");
    for (size_t i = 0; result == CONFIG_EDIT_OK && i < wishes.count; i++)
        if (!says(config_effective(now, APACHE_SERVER, wishes.items[i].setting), &wishes.items[i]))
            result = edit_fail(edit, CONFIG_EDIT_FAILED,
                "%s of stapleguard's own file would not count, so nothing is touched; is mod_ssl loaded before that file is "
                "read?",
                apache_setting_name(wishes.items[i].setting));
    for (size_t i = 0; result == CONFIG_EDIT_OK && i < now->dump.site_count; i++)
        result = check_site(edit, now, i);
    if (result == CONFIG_EDIT_OK && !is_mutex_as_wished(now, &wishes) && mutex != NULL
        && !config_findings_add_line(edit->outcome->findings, CONFIG_FINDING_MUTEX_OTHER, now, mutex))
        result = edit_no_memory(edit);
    return result;
}

/* Trying. */

/* True when Apache reads our own file, at server level. */
static bool is_own_file_read(const struct apache_config *config, const char *path)
{
    for (size_t i = 0; i < config->dump.line_count; i++) {
        const struct apache_line *line = &config->dump.lines[i];
        struct config_span span;

        if (line->setting != APACHE_STAPLING_CACHE || line->site != APACHE_SERVER)
            continue;
        config_find_line(config, line, &span);
        if (span.file != NULL && strcmp(span.file->path, path) == 0)
            return true;
    }
    return false;
}

/* A directory that is there; Apache refuses a Mutex in another one, and ours may be made later. */
static char *existing_directory(struct arena *arena, const char *path)
{
    char *existing = arena_copy(arena, path, strlen(path));
    char *slash;

    while (existing != NULL && !config_files_is_directory(existing) && (slash = strrchr(existing, '/')) != NULL)
        slash[slash == existing ? 1 : 0] = '\0';
    return existing;
}

/* The set with our own file's lock in a directory that is there. */
static bool make_trial(struct edit *edit, const struct config_edit_request *request, bool is_server_on, struct change_set *trial)
{
    struct config_bytes text = own_file_text(&edit->arena, &edit->own, request, is_server_on);

    for (size_t i = 0; text.data != NULL && i < edit->outcome->set->count; i++) {
        struct change change = edit->outcome->set->changes[i];

        if (strcmp(change.path, edit->own.file) == 0) {
            change.content = arena_copy(&edit->arena, text.data, text.len);
            change.content_len = text.len;
        }
        if (change.content == NULL || !change_set_add(trial, &change))
            return false;
    }
    return text.data != NULL;
}

/* Does the set put our own file in, or change it? */
static bool has_own_file(const struct edit *edit)
{
    return change_set_find(edit->outcome->set, edit->own.file) != NULL
        || (edit->own.link[0] != '\0' && change_set_find(edit->outcome->set, edit->own.link) != NULL);
}

static enum config_edit_result check_place(struct edit *edit, const struct apache_config *now)
{
    if (has_own_file(edit) && !is_own_file_read(now, edit->own.file))
        return edit_fail(edit, CONFIG_EDIT_FAILED, "%s: Apache would not read it there", edit->own.file);
    return check(edit, now);
}

static enum config_edit_result try(struct edit *edit, bool is_server_on)
{
    const struct config_edit_request *request = edit->request;
    struct config_edit_request trial_request = *request;
    enum config_edit_result result = CONFIG_EDIT_FAILED;
    struct change_set trial;

    change_set_init(&trial);
    trial_request.lock_dir = existing_directory(&edit->arena, request->lock_dir);
    if (trial_request.lock_dir != NULL && make_trial(edit, &trial_request, is_server_on, &trial)) {
        edit->request = &trial_request;
        result = edit_try(edit, &trial, check_place);
        edit->request = request;
    } else {
        edit_no_memory(edit);
    }
    change_set_free(&trial);
    return result;
}

/* All that changes, with the own file in edit->own's place. */
static enum config_edit_result compute(struct edit *edit, bool is_server_on, const struct wishes *wishes)
{
    enum config_edit_result result = CONFIG_EDIT_OK;

    change_set_free(edit->outcome->set);
    edit->splice_count = 0;
    edit->splices = NULL;
    if (!are_granted(edit->config, wishes)) {
        if (!add_own_file(edit, is_server_on))
            return edit_no_memory(edit);
        result = put_rivals_aside(edit, wishes);
    }
    if (result == CONFIG_EDIT_OK && !edit->request->is_all)
        result = add_to_sites(edit);
    if (result == CONFIG_EDIT_OK && !edit_apply(edit))
        return edit_no_memory(edit);
    return result == CONFIG_EDIT_OK ? edit_check_bytes(edit) : result;
}

/* The own file's place: where Apache reads it already, or else the first where it would.  Untried, it is the last, which is sure. */
static enum config_edit_result choose_place(
    struct edit *edit, bool is_server_on, const struct wishes *wishes, enum own_place from)
{
    const struct config_edit_outcome *outcome = edit->outcome;
    enum config_edit_result result = CONFIG_EDIT_FAILED;

    for (enum own_place place = from; place < OWN_PLACE_COUNT; place++) {
        enum own_answer answer = own_file_find(&edit->arena, edit->config, place, &edit->own, outcome->error, outcome->error_cap);

        if (answer == OWN_TAKEN)
            return CONFIG_EDIT_FAILED;
        if (answer == OWN_NO_PLACE)
            continue;
        outcome->error[0] = '\0';
        result = compute(edit, is_server_on, wishes);
        if (result == CONFIG_EDIT_OK)
            result = outcome->set->count == 0 ? check(edit, edit->config) : try(edit, is_server_on);
        if (result == CONFIG_EDIT_OK && outcome->untried[0] != '\0' && has_own_file(edit) && !edit->own.is_ours
            && place < OWN_INCLUDED)
            place = OWN_INCLUDED - 1;
        else if (result == CONFIG_EDIT_OK || result == CONFIG_EDIT_BLOCKED)
            return result;
    }
    return result;
}

/* Where Apache reads a file of ours now. */
static enum own_place place_now(struct edit *edit)
{
    for (enum own_place place = OWN_DEBIAN; place < OWN_PLACE_COUNT; place++) {
        char error[CONFIG_ERROR_MAX];
        struct own_file own;

        if (own_file_find(&edit->arena, edit->config, place, &own, error, sizeof error) == OWN_PLACE && own.is_ours
            && config_file_at(edit->config, own.file) != NULL)
            return place;
    }
    return OWN_DEBIAN;
}

static enum config_edit_result enable(struct edit *edit)
{
    /* Where --all was said before, it stays, whatever is named now. */
    bool is_server_on = edit->request->is_all || edit_is_on_for_all(edit->config);
    enum config_edit_result result = edit_select(edit);
    struct wishes wishes;

    if (result != CONFIG_EDIT_OK)
        return result;
    if (!make_wishes(&edit->arena, edit->request, is_server_on, &wishes))
        return edit_no_memory(edit);
    return choose_place(edit, is_server_on, &wishes, place_now(edit));
}

enum config_edit_result config_edit_enable(
    const struct apache_config *config, const struct config_edit_request *request, const struct config_edit_outcome *outcome)
{
    struct edit edit = {.config = config, .request = request, .outcome = outcome};

    return edit_run(&edit, enable);
}

enum config_edit_result config_edit_check(const struct apache_config *before, const struct apache_config *now,
    const struct config_edit_request *request, const struct config_edit_outcome *outcome)
{
    struct edit edit = {.config = before, .request = request, .outcome = outcome};
    bool *selected = arena_alloc(&edit.arena, before->dump.site_count + 1);
    enum config_edit_result result;

    edit.selected = selected;
    result = selected == NULL ? edit_no_memory(&edit) : edit_select(&edit);
    if (result == CONFIG_EDIT_OK)
        result = check(&edit, now);
    arena_free(&edit.arena);
    return result;
}
