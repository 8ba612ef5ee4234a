/* SPDX-License-Identifier: ISC */
#include "apache_config/httpd_facts.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What this program was made for, when the caller does not know. */
#define VERSION_DEFAULT "2.4.99"

/* Modules whose source file is not named after their identifier. */
static const struct {
    const char *identifier;
    const char *source;
} odd_names[] = {
    {"core_module", "core.c"},
    {"http_module", "http_core.c"},
    {"mpm_event_module", "event.c"},
    {"mpm_prefork_module", "prefork.c"},
    {"mpm_worker_module", "worker.c"},
};

static bool add_module(struct httpd_facts *facts, const char *name, size_t len, const char *after)
{
    char *copy = httpd_arena_format(facts->arena, "%.*s%s", (int)len, name, after);

    if (copy == NULL || !httpd_arena_grow(facts->arena, &facts->modules, facts->module_count, sizeof copy))
        return false;
    facts->modules[facts->module_count++] = copy;
    return true;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);

    return len > strlen(end) && strcmp(text + len - strlen(end), end) == 0;
}

/* ssl_module for mod_ssl.c and the other way round. */
static bool add_other_name(struct httpd_facts *facts, const char *name)
{
    char *source;

    for (size_t i = 0; i < sizeof odd_names / sizeof odd_names[0]; i++) {
        if (strcmp(name, odd_names[i].identifier) == 0)
            return add_module(facts, odd_names[i].source, strlen(odd_names[i].source), "");
        if (strcmp(name, odd_names[i].source) == 0)
            return add_module(facts, odd_names[i].identifier, strlen(odd_names[i].identifier), "");
    }
    if (strncmp(name, "mod_", 4) == 0 && ends_with(name, ".c"))
        return add_module(facts, name + 4, strlen(name) - 6, "_module");
    if (!ends_with(name, "_module"))
        return true;
    source = httpd_arena_format(facts->arena, "mod_%.*s", (int)(strlen(name) - strlen("_module")), name);
    return source != NULL && add_module(facts, source, strlen(source), ".c");
}

bool httpd_facts_load_module(struct httpd_facts *facts, const char *name)
{
    return add_module(facts, name, strlen(name), "") && add_other_name(facts, name);
}

static struct httpd_variable *find_variable(const struct httpd_facts *facts, const char *name, size_t len)
{
    for (size_t i = 0; i < facts->variable_count; i++)
        if (strlen(facts->variables[i].name) == len && memcmp(facts->variables[i].name, name, len) == 0)
            return &facts->variables[i];
    return NULL;
}

bool httpd_facts_define(struct httpd_facts *facts, const char *name, const char *value)
{
    struct httpd_variable *variable = find_variable(facts, name, strlen(name));

    if (variable == NULL) {
        if (!httpd_arena_grow(facts->arena, &facts->variables, facts->variable_count, sizeof *variable))
            return false;
        variable = &facts->variables[facts->variable_count];
        *variable = (struct httpd_variable){.name = httpd_arena_copy(facts->arena, name, strlen(name))};
        if (variable->name == NULL)
            return false;
        facts->variable_count++;
    }
    variable->is_defined = true;
    if (value != NULL)
        variable->value = httpd_arena_copy(facts->arena, value, strlen(value));
    return value == NULL || variable->value != NULL;
}

void httpd_facts_undefine(struct httpd_facts *facts, const char *name)
{
    struct httpd_variable *variable = find_variable(facts, name, strlen(name));

    if (variable != NULL) {
        variable->is_defined = false;
        variable->value = NULL;
    }
}

/* -D NAME or NAME=VALUE. */
static bool define_option(struct httpd_facts *facts, const char *text)
{
    const char *equals = strchr(text, '=');
    char *name = httpd_arena_copy(facts->arena, text, equals == NULL ? strlen(text) : (size_t)(equals - text));

    return name != NULL && httpd_facts_define(facts, name, equals == NULL ? NULL : equals + 1);
}

bool httpd_facts_set_root(struct httpd_facts *facts, const char *directory)
{
    size_t len = strlen(directory);

    while (len > 1 && directory[len - 1] == '/')
        len--;
    facts->server_root = httpd_arena_copy(facts->arena, directory, len);
    return facts->server_root != NULL;
}

bool httpd_facts_init(struct httpd_facts *facts, struct httpd_arena *arena, const struct httpd_source *source)
{
    bool is_done;

    *facts = (struct httpd_facts){.arena = arena, .source = source};
    is_done = httpd_facts_set_root(facts, source->server_root);
    for (size_t i = 0; is_done && i < source->module_count; i++)
        is_done = httpd_facts_load_module(facts, source->modules[i]);
    for (size_t i = 0; is_done && i < source->define_count; i++)
        is_done = define_option(facts, source->defines[i]);
    return is_done;
}

const char *httpd_facts_lookup(const void *context, const char *name, size_t len)
{
    const struct httpd_facts *facts = context;
    const struct httpd_variable *variable = find_variable(facts, name, len);

    if (variable != NULL && variable->value != NULL)
        return variable->value;
    for (const char *const *at = facts->source->environment; at != NULL && *at != NULL; at++)
        if (strncmp(*at, name, len) == 0 && (*at)[len] == '=')
            return *at + len + 1;
    return NULL;
}

char *httpd_facts_path(const struct httpd_facts *facts, const char *path)
{
    if (path[0] == '/')
        return httpd_arena_copy(facts->arena, path, strlen(path));
    return httpd_arena_format(facts->arena, "%s/%s", facts->server_root, path);
}

static bool has_module(const struct httpd_facts *facts, const char *name)
{
    for (size_t i = 0; i < facts->module_count; i++)
        if (strcmp(facts->modules[i], name) == 0)
            return true;
    return false;
}

static bool is_defined(const struct httpd_facts *facts, const char *name)
{
    const struct httpd_variable *variable = find_variable(facts, name, strlen(name));

    return variable != NULL && variable->is_defined;
}

/*
 * httpd has a directive or a section when a module that is loaded brings it.  Known here for the modules that matter for
 * stapling; of any other name it is taken for true, since it stands in a configuration that is in use.
 */
static bool has_directive(const struct httpd_facts *facts, const char *name)
{
    if (strncasecmp(name, "SSL", 3) == 0)
        return has_module(facts, "ssl_module");
    if (strncasecmp(name, "MD", 2) == 0)
        return has_module(facts, "md_module");
    if (strcasecmp(name, "Use") == 0 || strcasecmp(name, "UndefMacro") == 0 || strcasecmp(name, "Macro") == 0)
        return has_module(facts, "macro_module");
    return true;
}

static bool has_file(const struct httpd_facts *facts, const struct httpd_files *files, const char *path)
{
    const char *full = httpd_facts_path(facts, path);
    char real[PATH_MAX];

    return full != NULL && httpd_files_resolve(files, full, real) != HTTPD_PATH_NOTHING;
}

/* Three numbers; those that are missing are 0, as in mod_version.c. */
static int compare_versions(const char *a, const char *b)
{
    for (int i = 0; i < 3; i++) {
        char *end_a;
        char *end_b;
        unsigned long number_a = strtoul(a, &end_a, 10);
        unsigned long number_b = strtoul(b, &end_b, 10);

        if (number_a != number_b)
            return number_a < number_b ? -1 : 1;
        a = *end_a == '.' ? end_a + 1 : end_a;
        b = *end_b == '.' ? end_b + 1 : end_b;
    }
    return 0;
}

static bool matches_version(const char *version, const char *pattern)
{
    regex_t regex;
    bool is_match;

    if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    is_match = regexec(&regex, version, 0, NULL, 0) == 0;
    regfree(&regex);
    return is_match;
}

/* [OPERATOR] VERSION, or /REGEX/.  Source: mod_version.c. */
static bool is_version(const struct httpd_facts *facts, struct httpd_arena *arena, const char *operator, const char * wanted)
{
    const char *version = facts->source->version == NULL ? VERSION_DEFAULT : facts->source->version;
    size_t len = strlen(wanted);
    int order;

    if (wanted[0] == '/' && len > 1 && wanted[len - 1] == '/') {
        const char *pattern = httpd_arena_copy(arena, wanted + 1, len - 2);

        return pattern != NULL && matches_version(version, pattern);
    }
    if (strcmp(operator, "~") == 0)
        return matches_version(version, wanted);
    order = compare_versions(version, wanted);
    if (operator[0] == '<' || operator[0] == '>')
        return (operator[0] == '<' ? order < 0 : order> 0) || (operator[1] == '=' && order == 0);
    return order == 0;
}

static enum httpd_condition answer(bool is_true, bool is_negated)
{
    return is_true != is_negated ? HTTPD_CONDITION_TRUE : HTTPD_CONDITION_FALSE;
}

enum httpd_condition httpd_facts_condition(
    const struct httpd_facts *facts, const struct httpd_files *files, const char *section, char *const *words, size_t count)
{
    const char *word = count == 0 ? "" : words[0];
    bool is_negated = word[0] == '!';

    word += is_negated ? 1 : 0;
    if (strcasecmp(section, "IfModule") == 0)
        return answer(has_module(facts, word), is_negated);
    if (strcasecmp(section, "IfDefine") == 0)
        return answer(is_defined(facts, word), is_negated);
    if (strcasecmp(section, "IfFile") == 0)
        return answer(has_file(facts, files, word), is_negated);
    if (strcasecmp(section, "IfDirective") == 0 || strcasecmp(section, "IfSection") == 0)
        return answer(has_directive(facts, word), is_negated);
    if (strcasecmp(section, "IfVersion") == 0)
        return answer(is_version(facts, facts->arena, count > 1 ? word : "=", count > 1 ? words[1] : word), is_negated);
    return HTTPD_CONDITION_NONE;
}
