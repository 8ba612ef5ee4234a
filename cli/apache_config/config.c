/* SPDX-License-Identifier: ISC */
#include "apache_config/config.h"

#include <stdlib.h>
#include <string.h>

#include "text/text.h"

/* More than any Apache has. */
#define FILES_MAX 200000u
/* Macros in macros, as in apache_dump_parse.c. */
#define MACRO_DEPTH_MAX 20u

/* What Apache calls a file. */
struct config_name {
    const char *name;
    struct config_file *file;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct config_name *)a)->name, ((const struct config_name *)b)->name);
}

static struct config_name *find_name(const struct config_name *names, size_t count, const char *name)
{
    struct config_name wanted = {.name = name};

    return count == 0 ? NULL : bsearch(&wanted, names, count, sizeof wanted, compare_names);
}

static bool index_lines(struct arena *arena, struct config_file *file)
{
    const char *end = file->bytes.data + file->bytes.len;

    for (const char *at = file->bytes.data; at != NULL && at < end;) {
        if (!arena_grow(arena, &file->lines, file->line_count, sizeof *file->lines))
            return false;
        file->lines[file->line_count++] = (size_t)(at - file->bytes.data);
        at = memchr(at, '\n', (size_t)(end - at));
        at = at == NULL ? NULL : at + 1;
    }
    return true;
}

/* Read the file that has this real path. */
static struct config_file *add_file(struct apache_config *config, const char *real, char *error, size_t cap)
{
    struct arena *arena = &config->dump.arena;
    struct config_file *file = arena_alloc(arena, sizeof *file);

    if (file == NULL || (file->path = arena_copy(arena, real, strlen(real))) == NULL
        || !arena_grow(arena, &config->files, config->file_count, sizeof file)) {
        text_clean_format(error, cap, "%s: out of memory", real);
        return NULL;
    }
    config->files[config->file_count++] = file;
    if (!config_files_read(arena, real, &file->bytes, error, cap))
        return NULL;
    if (index_lines(arena, file))
        return file;
    text_clean_format(error, cap, "%s: out of memory", real);
    return NULL;
}

/* Apache's names, each once, with the real path where the file will be. */
static bool list_names(struct apache_config *config, struct config_name **reals)
{
    struct apache_dump *dump = &config->dump;
    size_t kept = 0;

    config->names = arena_alloc(&dump->arena, (dump->file_count + 1) * sizeof *config->names);
    *reals = arena_alloc(&dump->arena, (dump->file_count + 1) * sizeof **reals);
    if (config->names == NULL || *reals == NULL)
        return false;
    for (size_t i = 0; i < dump->file_count; i++)
        config->names[i].name = dump->files[i];
    qsort(config->names, dump->file_count, sizeof *config->names, compare_names);
    for (size_t i = 0; i < dump->file_count; i++)
        if (kept == 0 || strcmp(config->names[kept - 1].name, config->names[i].name) != 0)
            config->names[kept++] = config->names[i];
    config->name_count = kept;
    for (size_t i = 0; i < kept; i++) {
        char real[PATH_MAX];
        const char *name = realpath(config->names[i].name, real) == NULL ? config->names[i].name : real;

        (*reals)[i].name = arena_copy(&dump->arena, name, strlen(name));
        if ((*reals)[i].name == NULL)
            return false;
    }
    return true;
}

/* Give every name its file, which is read when it is met first. */
static bool read_files(struct apache_config *config, char *error, size_t cap)
{
    const struct apache_dump *dump = &config->dump;
    struct config_name *reals;
    struct config_name *known; /* reals, sorted */

    if (dump->file_count > FILES_MAX) {
        text_clean_format(error, cap, "%s: more than %u files belong to this configuration", dump->files[0], FILES_MAX);
        return false;
    }
    known = list_names(config, &reals) ? arena_alloc(&config->dump.arena, (config->name_count + 1) * sizeof *known) : NULL;
    if (known == NULL) {
        text_clean_format(error, cap, "out of memory");
        return false;
    }
    memcpy(known, reals, config->name_count * sizeof *known);
    qsort(known, config->name_count, sizeof *known, compare_names);
    for (size_t i = 0; i < dump->file_count; i++) {
        struct config_name *name = find_name(config->names, config->name_count, dump->files[i]);
        const char *real = reals[name - config->names].name;
        struct config_name *owner = find_name(known, config->name_count, real);

        if (owner->file == NULL)
            owner->file = add_file(config, real, error, cap);
        name->file = owner->file;
        if (name->file == NULL)
            return false;
        name->file->times_read++;
    }
    return true;
}

/* Places. */

/* A line of a file that Apache counted: the joined line whose last line that is. */
static bool find_in_file(const struct config_file *file, unsigned line, struct config_line *found)
{
    if (line == 0 || line > file->line_count)
        return false;
    *found = config_line_at(file->bytes, config_line_begin(file->bytes, file->lines[line - 1]));
    return true;
}

/*
 * The text of a macro begins behind <Macro>; its lines count without comments.  Source: mod_macro.c
 * (get_lines_till_end_token).
 */
static bool find_in_macro(const struct config_file *file, unsigned line, struct config_line *found)
{
    while (line > 0 && found->end < file->bytes.len) {
        *found = config_line_at(file->bytes, found->end);
        line -= found->is_comment ? 0 : 1;
    }
    return line == 0;
}

static const struct config_file *find_source(
    const struct apache_config *config, const char *source, size_t len, unsigned line, struct config_line *found, unsigned depth)
{
    struct apache_macro macro;
    const struct config_file *file;
    const struct config_name *name;
    char path[PATH_MAX];

    if (apache_macro_parse(source, len, &macro)) {
        file = depth == MACRO_DEPTH_MAX
            ? NULL
            : find_source(config, macro.defined_in, macro.defined_in_len, macro.defined_line, found, depth + 1);
        return file != NULL && find_in_macro(file, line, found) ? file : NULL;
    }
    if (len >= sizeof path)
        return NULL;
    memcpy(path, source, len);
    path[len] = '\0';
    name = find_name(config->names, config->name_count, path);
    return name != NULL && find_in_file(name->file, line, found) ? name->file : NULL;
}

/* The number of the line that begins at byte begin. */
static unsigned line_number(const struct config_file *file, size_t begin)
{
    size_t low = 0, high = file->line_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (file->lines[middle] < begin)
            low = middle + 1;
        else
            high = middle;
    }
    return (unsigned)low + 1;
}

/* Find the directive whose first word (in any case) stands at place.  span->file NULL: there is no such line in a file. */
static void find_at(
    const struct apache_config *config, const struct apache_place *place, const char *word, struct config_span *span)
{
    struct config_line line;
    const struct config_file *file = find_source(config, place->source, strlen(place->source), place->line, &line, 0);

    *span = (struct config_span){.file = NULL};
    if (file != NULL && config_line_is(file->bytes, &line, word))
        *span = (struct config_span){file, line_number(file, line.begin), line.begin, line.end};
}

void config_find_line(const struct apache_config *config, const struct apache_line *line, struct config_span *span)
{
    find_at(config, &line->place, apache_setting_name(line->setting), span);
}

/* A virtual host lies in one file, and none lies in another: the next </VirtualHost> is its own. */
static void find_site(const struct apache_config *config, const struct apache_site *site, struct config_span *span)
{
    struct config_line line;

    find_at(config, &site->place, "<VirtualHost", span);
    for (size_t at = span->end; span->file != NULL; at = line.end) {
        if (at >= span->file->bytes.len) {
            span->file = NULL;
            return;
        }
        line = config_line_at(span->file->bytes, at);
        if (config_line_is(span->file->bytes, &line, "</VirtualHost")) {
            span->end = line.begin;
            return;
        }
    }
}

static bool load(struct apache_config *config, const struct apache_dump_command *command, char *error, size_t cap)
{
    char said[CONFIG_ERROR_MAX] = "";

    if (!apache_dump_run(command, &config->dump, said, sizeof said)) {
        text_clean_format(error, cap, "%s", said);
        return false;
    }
    if (config->dump.file_count == 0) {
        text_clean_format(error, cap, "%s -t -D DUMP_INCLUDES does not name Apache's configuration file", command->words[0]);
        return false;
    }
    if (!read_files(config, error, cap))
        return false;
    config->sites = arena_alloc(&config->dump.arena, (config->dump.site_count + 1) * sizeof *config->sites);
    for (size_t i = 0; config->sites != NULL && i < config->dump.site_count; i++)
        find_site(config, &config->dump.sites[i], &config->sites[i]);
    if (config->sites == NULL)
        text_clean_format(error, cap, "out of memory");
    return config->sites != NULL;
}

struct apache_config *config_load(const struct apache_dump_command *command, char *error, size_t cap)
{
    struct apache_config *config = calloc(1, sizeof *config);

    error[0] = '\0';
    if (config == NULL) {
        text_clean_format(error, cap, "out of memory");
        return NULL;
    }
    if (load(config, command, error, cap))
        return config;
    config_free(config);
    return NULL;
}

void config_free(struct apache_config *config)
{
    if (config != NULL)
        apache_dump_free(&config->dump);
    free(config);
}

const struct config_file *config_file_at(const struct apache_config *config, const char *path)
{
    for (size_t i = 0; i < config->file_count; i++)
        if (strcmp(config->files[i]->path, path) == 0)
            return config->files[i];
    return NULL;
}

const struct apache_line *config_effective(const struct apache_config *config, size_t site, enum apache_setting setting)
{
    return apache_dump_effective(&config->dump, site, setting);
}
