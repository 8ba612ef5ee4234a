/* SPDX-License-Identifier: ISC */
#include "apache_config/httpd_walk.h"

#include <string.h>
#include <strings.h>

#include "apache_config/httpd_words.h"

/* httpd's own bound (AP_MAX_INCLUDE_DEPTH), here also for macros that use macros. */
#define NESTING_MAX 20u
/* Lines with all repetitions by macros and includes: no loop that multiplies itself gets further. */
#define LINES_MAX 4000000u

struct macro {
    char *name;
    char **params;
    size_t param_count;
    const struct httpd_file *file;
    size_t node;
};

/* A use of a macro: what stands for its parameters. */
struct call {
    const struct macro *macro;
    char **values;
};

struct words {
    char **items;
    size_t count;
};

/* Where a line is. */
struct scope {
    const struct httpd_file *file;
    const struct call *call; /* NULL: in no macro */
    size_t vhost;            /* HTTPD_NONE: server level */
    bool is_other;           /* in a section in which nothing of ours can stand */
    struct httpd_place use;
    unsigned nesting;
};

struct walk {
    struct httpd_tree *tree;
    struct httpd_arena *arena;
    struct httpd_files *files;
    struct httpd_facts facts;
    struct macro *macros;
    size_t macro_count;
    size_t evaluated;
};

static bool walk_nodes(struct walk *walk, const struct scope *scope, size_t begin, size_t end);

static bool out_of_memory(struct walk *walk, const struct scope *scope, const struct httpd_node *node)
{
    return httpd_files_fail(walk->files, scope->file->path, node->line, "out of memory, or a line that grows without end");
}

/* text as it reads where the macro is used. */
static char *substituted(struct walk *walk, const struct scope *scope, char *text)
{
    if (scope->call == NULL)
        return text;
    return httpd_words_substitute(
        walk->arena, text, scope->call->macro->params, scope->call->values, scope->call->macro->param_count);
}

static bool read_words(struct walk *walk, const char *text, struct words *words)
{
    const char *rest = text;
    char *word;

    *words = (struct words){NULL, 0};
    while ((word = httpd_word_next(walk->arena, &rest)) != NULL) {
        word = httpd_words_expand(walk->arena, word, httpd_facts_lookup, &walk->facts);
        if (word == NULL || !httpd_arena_grow(walk->arena, &words->items, words->count, sizeof word))
            return false;
        words->items[words->count++] = word;
    }
    return rest != NULL;
}

static bool record_line(struct walk *walk, const struct scope *scope, const struct httpd_node *node, enum httpd_setting setting,
    const struct words *words)
{
    struct httpd_tree *tree = walk->tree;

    if (!httpd_arena_grow(walk->arena, &tree->lines, tree->line_count, sizeof *tree->lines))
        return out_of_memory(walk, scope, node);
    tree->lines[tree->line_count++] = (struct httpd_line){.setting = setting,
        .words = words->items,
        .word_count = words->count,
        .vhost = scope->vhost,
        .place = {scope->file->path, node->line},
        .use = scope->use,
        .begin = node->begin,
        .end = node->end};
    return true;
}

static bool follow_file(struct walk *walk, const struct scope *scope, const char *path)
{
    struct scope inner = *scope;

    inner.file = httpd_files_read(walk->files, path);
    inner.call = NULL;
    inner.nesting++;
    return inner.file != NULL && walk_nodes(walk, &inner, 0, inner.file->nodes.count);
}

/* A file, or all that is in a directory. */
static bool follow_path(struct walk *walk, const struct scope *scope, const char *path, unsigned depth)
{
    char real[PATH_MAX];
    char **names;
    size_t count;

    switch (httpd_files_resolve(walk->files, path, real)) {
    case HTTPD_PATH_NOTHING:
        return true;
    case HTTPD_PATH_FILE:
        return follow_file(walk, scope, path);
    case HTTPD_PATH_DIRECTORY:
        break;
    }
    if (depth > NESTING_MAX)
        return httpd_files_fail(walk->files, path, 0, "more than %u directories inside of each other", NESTING_MAX);
    if (!httpd_files_list(walk->files, path, NULL, &names, &count))
        return false;
    for (size_t i = 0; i < count; i++) {
        const char *inner = httpd_arena_format(walk->arena, "%s/%s", path, names[i]);

        if (inner == NULL || !follow_path(walk, scope, inner, depth + 1))
            return httpd_files_fail(walk->files, path, 0, "out of memory");
    }
    return true;
}

static bool has_wildcard(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] == '*' || text[i] == '?' || text[i] == '[')
            return true;
    return false;
}

/* path without wildcards, then the rest of the pattern, which may have them in any part. */
static bool follow_pattern(struct walk *walk, const struct scope *scope, const char *path, const char *rest, unsigned depth)
{
    char real[PATH_MAX];
    size_t len = strcspn(rest, "/");
    const char *after = rest + len + strspn(rest + len, "/");
    const char *pattern;
    char **names;
    size_t count;

    if (*rest == '\0')
        return follow_path(walk, scope, path, depth);
    if (!has_wildcard(rest, len)) {
        path = httpd_arena_format(walk->arena, "%s/%.*s", path, (int)len, rest);
        return path != NULL && follow_pattern(walk, scope, path, after, depth + 1);
    }
    if (httpd_files_resolve(walk->files, path[0] == '\0' ? "/" : path, real) != HTTPD_PATH_DIRECTORY)
        return true;
    pattern = httpd_arena_copy(walk->arena, rest, len);
    if (pattern == NULL || !httpd_files_list(walk->files, path[0] == '\0' ? "/" : path, pattern, &names, &count))
        return false;
    for (size_t i = 0; i < count; i++) {
        const char *inner = httpd_arena_format(walk->arena, "%s/%s", path, names[i]);

        if (inner == NULL || !follow_pattern(walk, scope, inner, after, depth + 1))
            return false;
    }
    return true;
}

static bool record_include(struct walk *walk, const struct scope *scope, char *pattern)
{
    struct httpd_tree *tree = walk->tree;

    if (scope->vhost != HTTPD_NONE || scope->is_other)
        return true;
    if (!httpd_arena_grow(walk->arena, &tree->includes, tree->include_count, sizeof *tree->includes))
        return false;
    tree->includes[tree->include_count++] = (struct httpd_include){pattern};
    return true;
}

static bool include(struct walk *walk, const struct scope *scope, const struct httpd_node *node, const char *word)
{
    char *path = httpd_facts_path(&walk->facts, word);
    char real[PATH_MAX];

    if (path == NULL || !record_include(walk, scope, path))
        return out_of_memory(walk, scope, node);
    if (scope->nesting >= NESTING_MAX)
        return httpd_files_fail(
            walk->files, scope->file->path, node->line, "more than %u files include each other; is this a loop?", NESTING_MAX);
    if (!has_wildcard(path, strlen(path))) {
        if (strcasecmp(node->name, "Include") == 0 && httpd_files_resolve(walk->files, path, real) == HTTPD_PATH_NOTHING)
            return httpd_files_fail(walk->files, scope->file->path, node->line,
                "Include names %s, which is not there or cannot be reached; Apache does not start with it either", path);
        return follow_path(walk, scope, path, 0);
    }
    return follow_pattern(walk, scope, "", path + strspn(path, "/"), 0) || out_of_memory(walk, scope, node);
}

static struct macro *find_macro(const struct walk *walk, const char *name)
{
    for (size_t i = 0; i < walk->macro_count; i++)
        if (walk->macros[i].name != NULL && strcasecmp(walk->macros[i].name, name) == 0)
            return &walk->macros[i];
    return NULL;
}

static bool define_macro(struct walk *walk, const struct scope *scope, size_t index, const struct words *words)
{
    const struct httpd_node *node = &scope->file->nodes.items[index];
    struct macro *macro = words->count == 0 ? NULL : find_macro(walk, words->items[0]);

    if (words->count == 0)
        return httpd_files_fail(walk->files, scope->file->path, node->line, "<Macro> without a name");
    if (scope->call != NULL)
        return httpd_files_fail(walk->files, scope->file->path, node->line,
            "a macro that a macro makes; nothing is touched, since it cannot be told what it becomes");
    if (macro == NULL) {
        if (!httpd_arena_grow(walk->arena, &walk->macros, walk->macro_count, sizeof *macro))
            return out_of_memory(walk, scope, node);
        macro = &walk->macros[walk->macro_count++];
    }
    *macro = (struct macro){
        .name = words->items[0], .params = words->items + 1, .param_count = words->count - 1, .file = scope->file, .node = index};
    return true;
}

static bool use_macro(struct walk *walk, const struct scope *scope, const struct httpd_node *node, const struct words *words)
{
    const struct macro *macro = words->count == 0 ? NULL : find_macro(walk, words->items[0]);
    struct macro used;
    struct call call;
    struct scope inner = *scope;

    if (macro == NULL)
        return httpd_files_fail(walk->files, scope->file->path, node->line,
            "Use names a macro that is not defined before this line; Apache does not start with it either");
    if (macro->param_count != words->count - 1)
        return httpd_files_fail(walk->files, scope->file->path, node->line,
            "the macro %s takes %zu arguments and gets %zu; Apache does not start with it either", macro->name,
            macro->param_count, words->count - 1);
    if (scope->nesting >= NESTING_MAX)
        return httpd_files_fail(
            walk->files, scope->file->path, node->line, "more than %u macros use each other; is this a loop?", NESTING_MAX);
    used = *macro; /* the table may move, or the macro be defined anew */
    call = (struct call){&used, words->items + 1};
    inner.call = &call;
    inner.nesting++;
    if (inner.use.line == 0)
        inner.use = (struct httpd_place){scope->file->path, node->line};
    inner.file = used.file;
    return walk_nodes(walk, &inner, used.node + 1, used.file->nodes.items[used.node].next);
}

static void undefine_macro(struct walk *walk, const char *name)
{
    struct macro *macro = find_macro(walk, name);

    if (macro != NULL)
        macro->name = NULL;
}

/* Directives that httpd carries out while it reads. */
static bool carry_out(
    struct walk *walk, const struct scope *scope, const struct httpd_node *node, const char *name, const struct words *words)
{
    if (strcasecmp(name, "Use") == 0)
        return use_macro(walk, scope, node, words);
    if (words->count == 0)
        return true;
    if (strcasecmp(name, "Include") == 0 || strcasecmp(name, "IncludeOptional") == 0)
        return include(walk, scope, node, words->items[0]);
    if (strcasecmp(name, "Define") == 0)
        return httpd_facts_define(&walk->facts, words->items[0], words->count > 1 ? words->items[1] : NULL);
    if (strcasecmp(name, "UnDefine") == 0)
        httpd_facts_undefine(&walk->facts, words->items[0]);
    if (strcasecmp(name, "UndefMacro") == 0)
        undefine_macro(walk, words->items[0]);
    if (strcasecmp(name, "LoadModule") == 0)
        return httpd_facts_load_module(&walk->facts, words->items[0]);
    if (strcasecmp(name, "ServerRoot") == 0)
        return httpd_facts_set_root(&walk->facts, words->items[0]);
    return true;
}

static bool find_setting(const char *name, enum httpd_setting *setting)
{
    for (*setting = 0; *setting < HTTPD_SETTING_COUNT; ++*setting)
        if (strcasecmp(name, httpd_setting_name(*setting)) == 0)
            return true;
    return false;
}

static bool walk_directive(
    struct walk *walk, const struct scope *scope, const struct httpd_node *node, const char *name, const struct words *words)
{
    enum httpd_setting setting;

    if (find_setting(name, &setting) && !scope->is_other && !record_line(walk, scope, node, setting, words))
        return false;
    return carry_out(walk, scope, node, name, words) || out_of_memory(walk, scope, node);
}

static bool begin_vhost(struct walk *walk, struct scope *scope, const struct httpd_node *node, const struct words *words)
{
    struct httpd_tree *tree = walk->tree;

    if (scope->vhost != HTTPD_NONE || scope->is_other)
        return httpd_files_fail(walk->files, scope->file->path, node->line,
            "<VirtualHost> inside of another section; Apache does not start with it either");
    if (!httpd_arena_grow(walk->arena, &tree->vhosts, tree->vhost_count, sizeof *tree->vhosts))
        return out_of_memory(walk, scope, node);
    scope->vhost = tree->vhost_count;
    tree->vhosts[tree->vhost_count++] = (struct httpd_vhost){.place = {scope->file->path, node->line},
        .use = scope->use,
        .begin = node->begin,
        .close = node->close_begin,
        .addresses = words->items,
        .address_count = words->count};
    return true;
}

static bool walk_section(struct walk *walk, const struct scope *scope, size_t index, const char *name, const struct words *words)
{
    const struct httpd_node *node = &scope->file->nodes.items[index];
    struct scope inner = *scope;

    if (strcasecmp(name, "Macro") == 0)
        return define_macro(walk, scope, index, words);
    switch (httpd_facts_condition(&walk->facts, walk->files, name, words->items, words->count)) {
    case HTTPD_CONDITION_FALSE:
        return true;
    case HTTPD_CONDITION_TRUE:
        break;
    case HTTPD_CONDITION_NONE:
        if (strcasecmp(name, "VirtualHost") == 0) {
            if (!begin_vhost(walk, &inner, node, words))
                return false;
        } else if (strcasecmp(name, "MDomainSet") == 0) {
            if (!scope->is_other && !record_line(walk, scope, node, HTTPD_MD_DOMAIN, words))
                return false;
        } else {
            inner.is_other = true;
        }
        break;
    }
    return walk_nodes(walk, &inner, index + 1, node->next);
}

static bool walk_node(struct walk *walk, const struct scope *scope, size_t index)
{
    const struct httpd_node *node = &scope->file->nodes.items[index];
    const char *name = substituted(walk, scope, node->name);
    const char *args = substituted(walk, scope, node->args);
    struct words words;

    if (++walk->evaluated > LINES_MAX)
        return httpd_files_fail(walk->files, scope->file->path, node->line,
            "the configuration has more than %u lines, with those that are included again and again", LINES_MAX);
    if (name == NULL || args == NULL || !read_words(walk, args, &words))
        return out_of_memory(walk, scope, node);
    return node->is_section ? walk_section(walk, scope, index, name, &words) : walk_directive(walk, scope, node, name, &words);
}

static bool walk_nodes(struct walk *walk, const struct scope *scope, size_t begin, size_t end)
{
    while (begin < end) {
        if (!walk_node(walk, scope, begin))
            return false;
        begin = scope->file->nodes.items[begin].next;
    }
    return true;
}

bool httpd_walk(struct httpd_tree *tree, const struct httpd_source *source)
{
    struct walk walk = {.tree = tree, .arena = &tree->arena, .files = &tree->files};
    struct scope scope = {.vhost = HTTPD_NONE};
    char *path;

    if (!httpd_facts_init(&walk.facts, walk.arena, source))
        return httpd_files_fail(walk.files, source->conf_file, 0, "out of memory");
    path = httpd_facts_path(&walk.facts, source->conf_file);
    scope.file = path == NULL ? NULL : httpd_files_read(walk.files, path);
    if (scope.file == NULL)
        return false;
    tree->main_path = scope.file->path;
    if (!walk_nodes(&walk, &scope, 0, scope.file->nodes.count))
        return httpd_files_fail(walk.files, scope.file->path, 0, "out of memory");
    tree->server_root = walk.facts.server_root;
    return true;
}
