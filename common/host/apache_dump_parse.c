/* SPDX-License-Identifier: ISC */
/*
 * Owns: parsing a dump of Apache's, line by line, each in the part that its heading names.
 * Runs in: supervisor; command line (enable, disable).
 * Never: decides what the directives mean together; apache_sites.c does.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/apache_dump.h"
#include "host/apache_sites.h"

/* Sections deeper than this are no configuration, and what is in them is passed over. */
#define DEPTH_MAX 64u
/* Macros in macros.  Source: httpd server/config.c (AP_MAX_INCLUDE_DEPTH). */
#define MACRO_DEPTH_MAX 20u
/* mod_info indents by so much for each section that is open. */
#define INDENT 2u

enum part { PART_NONE, PART_FILES, PART_MODULES, PART_CERTIFICATES };
enum section { SECTION_SITE, SECTION_MD_SET, SECTION_OTHER };

struct text {
    const char *at;
    size_t len;
};

struct parser {
    struct apache_dump *dump;
    enum part part;
    struct apache_place place; /* of the directive on the next line; line 0: no directive is to come */
    size_t nest;               /* how many sections are around it */
    enum section open[DEPTH_MAX];
    size_t depth;
};

static const char *const setting_names[] = {
#define APACHE_SETTING_NAME(constant, directive) directive,
    APACHE_SETTING_TABLE(APACHE_SETTING_NAME)
#undef APACHE_SETTING_NAME
};

const char *apache_setting_name(enum apache_setting setting)
{
    return setting_names[setting];
}

/* Words. */

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static const char *skip_blanks(const char *text)
{
    while (is_blank(*text))
        text++;
    return text;
}

/* Copy len bytes with \\ and \QUOTE as one byte.  quote: 0 outside of quotes. */
static char *unescape(struct arena *arena, const char *start, size_t len, char quote)
{
    char *word = arena_alloc(arena, len + 1);
    size_t used = 0;

    for (size_t i = 0; word != NULL && i < len; i++) {
        if (start[i] == '\\' && i + 1 < len && (start[i + 1] == '\\' || (quote != '\0' && start[i + 1] == quote)))
            i++;
        word[used++] = start[i];
    }
    return word;
}

static const char *quoted_end(const char *text, char quote)
{
    while (*text != '\0' && *text != quote)
        text += *text == '\\' && (text[1] == quote || text[1] == '\\') ? 2 : 1;
    return text;
}

/* Source: httpd server/util.c (ap_getword_conf). */
char *apache_word_next(struct arena *arena, const char **rest)
{
    const char *start = skip_blanks(*rest);
    char quote = *start == '"' || *start == '\'' ? *start : '\0';
    const char *end;
    char *word;

    if (*start == '\0') {
        *rest = start;
        return NULL;
    }
    if (quote != '\0')
        end = quoted_end(++start, quote);
    else
        for (end = start; *end != '\0' && !is_blank(*end); end++)
            ;
    word = unescape(arena, start, (size_t)(end - start), quote);
    *rest = word == NULL ? NULL : skip_blanks(quote != '\0' && *end == quote ? end + 1 : end);
    return word;
}

static bool read_words(struct arena *arena, struct text args, char ***words, size_t *count)
{
    const char *rest = arena_copy(arena, args.at, args.len);
    char *word;

    *words = NULL;
    *count = 0;
    while (rest != NULL && (word = apache_word_next(arena, &rest)) != NULL) {
        if (!arena_grow(arena, words, *count, sizeof word))
            return false;
        (*words)[(*count)++] = word;
    }
    return rest != NULL;
}

/* Text. */

static bool begins_with(struct text line, const char *start)
{
    size_t len = strlen(start);

    return line.len >= len && memcmp(line.at, start, len) == 0;
}

static struct text after(struct text line, size_t len)
{
    return (struct text){line.at + len, line.len - len};
}

static struct text trimmed(struct text line)
{
    while (line.len > 0 && is_blank(line.at[0]))
        line = after(line, 1);
    while (line.len > 0 && is_blank(line.at[line.len - 1]))
        line.len--;
    return line;
}

/* Append a copy of text to a list of the dump's. */
static bool append(struct parser *p, char ***items, size_t *count, struct text text)
{
    char *copy = arena_copy(&p->dump->arena, text.at, text.len);

    if (copy == NULL || !arena_grow(&p->dump->arena, items, *count, sizeof copy))
        return false;
    (*items)[(*count)++] = copy;
    return true;
}

/* Directives. */

static bool is_named(struct text name, const char *wanted)
{
    return strlen(wanted) == name.len && strncasecmp(name.at, wanted, name.len) == 0;
}

static bool add_line(struct parser *p, enum apache_setting setting, struct text args, bool is_in_md_set, size_t site)
{
    struct apache_dump *dump = p->dump;
    struct apache_line line = {.setting = setting, .site = site, .is_in_md_set = is_in_md_set, .place = p->place};

    if (!read_words(&dump->arena, args, &line.words, &line.word_count)
        || !arena_grow(&dump->arena, &dump->lines, dump->line_count, sizeof line))
        return false;
    dump->lines[dump->line_count++] = line;
    return true;
}

static bool add_site(struct parser *p, struct text args)
{
    struct apache_dump *dump = p->dump;
    struct apache_site site = {.place = p->place};

    if (!read_words(&dump->arena, args, &site.addresses, &site.address_count)
        || !arena_grow(&dump->arena, &dump->sites, dump->site_count, sizeof site))
        return false;
    dump->sites[dump->site_count++] = site;
    return true;
}

static bool is_open(const struct parser *p, enum section section)
{
    for (size_t i = 0; i < p->depth; i++)
        if (p->open[i] == section)
            return true;
    return false;
}

static size_t current_site(const struct parser *p)
{
    return is_open(p, SECTION_SITE) ? p->dump->site_count - 1 : APACHE_SERVER;
}

/* <NAME ARGS>; name is without <. */
static bool open_section(struct parser *p, struct text name, struct text args)
{
    bool is_md_set = is_named(name, "MDomainSet");
    bool is_top = p->depth == 0;

    if (args.len > 0 && args.at[args.len - 1] == '>')
        args.len--;
    if (is_top && is_named(name, "VirtualHost")) {
        if (!add_site(p, args))
            return false;
        p->open[p->depth++] = SECTION_SITE;
        return true;
    }
    if (is_md_set && !is_open(p, SECTION_OTHER) && !add_line(p, APACHE_MD_DOMAIN, args, false, current_site(p)))
        return false;
    if (p->depth < DEPTH_MAX)
        p->open[p->depth++] = is_md_set ? SECTION_MD_SET : SECTION_OTHER;
    return true;
}

/* A section without anything in it has no end in the dump: what closes one is less indentation. */
static bool take_directive(struct parser *p, struct text line)
{
    size_t name_len = 0;
    struct text name, args;

    line = trimmed(line);
    while (name_len < line.len && !is_blank(line.at[name_len]))
        name_len++;
    name = (struct text){line.at, name_len};
    args = trimmed(after(line, name_len));
    if (p->nest > p->depth) /* in a section that was passed over */
        return true;
    p->depth = p->nest;
    if (begins_with(name, "<"))
        return open_section(p, after(name, 1), args);
    for (size_t i = 0; i < APACHE_SETTING_COUNT && !is_open(p, SECTION_OTHER); i++)
        if (is_named(name, setting_names[i]))
            return add_line(p, (enum apache_setting)i, args, is_open(p, SECTION_MD_SET), current_site(p));
    return true;
}

/* "#  12:", indented: the directive on the next line stands there. */
static bool is_line_number(struct parser *p, struct text line)
{
    size_t indent = 0, at;
    unsigned number = 0;

    while (indent < line.len && line.at[indent] == ' ')
        indent++;
    if (indent == line.len || line.at[indent] != '#')
        return false;
    for (at = indent + 1; at < line.len && line.at[at] == ' '; at++)
        ;
    for (; at < line.len && line.at[at] >= '0' && line.at[at] <= '9' && number < 100000000u; at++)
        number = number * 10 + (unsigned)(line.at[at] - '0');
    if (number == 0 || at + 1 != line.len || line.at[at] != ':' || p->place.source == NULL)
        return false;
    p->place.line = number;
    p->nest = indent / INDENT;
    return true;
}

/* The other parts. */

static bool take_quoted(struct parser *p, struct text line, const char *start, char **value)
{
    const char *end;

    if (!begins_with(line, start))
        return true;
    line = after(line, strlen(start));
    end = memchr(line.at, '"', line.len);
    if (end != NULL)
        *value = arena_copy(&p->dump->arena, line.at, (size_t)(end - line.at));
    return end == NULL || *value != NULL;
}

static bool take_heading(struct parser *p, struct text line)
{
    static const struct {
        const char *text;
        enum part part;
    } headings[] = {{"Included configuration files:", PART_FILES}, {"Loaded Modules:", PART_MODULES},
        {"Server certificates:", PART_CERTIFICATES}};

    p->part = PART_NONE;
    for (size_t i = 0; i < sizeof headings / sizeof headings[0]; i++)
        if (begins_with(line, headings[i].text))
            p->part = headings[i].part;
    return take_quoted(p, line, "ServerRoot: \"", &p->dump->server_root)
        && take_quoted(p, line, "PidFile: \"", &p->dump->pid_file) && take_quoted(p, line, "User: name=\"", &p->dump->user);
}

static bool add_certificate(struct parser *p, struct text path)
{
    struct apache_dump *dump = p->dump;
    struct apache_certificate certificate = {.path = arena_copy(&dump->arena, path.at, path.len)};

    if (certificate.path == NULL || !arena_grow(&dump->arena, &dump->certificates, dump->certificate_count, sizeof certificate))
        return false;
    dump->certificates[dump->certificate_count++] = certificate;
    return true;
}

/* A line of a part, which is indented. */
static bool take_item(struct parser *p, struct text line)
{
    const char *space;

    line = trimmed(line);
    space = line.len == 0 ? NULL : memchr(line.at, ' ', line.len);
    if (line.len == 0)
        return true;
    switch (p->part) {
    case PART_FILES: /* (LINE) PATH */
        return space == NULL || line.at[0] != '('
            || append(p, &p->dump->files, &p->dump->file_count, after(line, (size_t)(space + 1 - line.at)));
    case PART_MODULES: /* NAME (static) */
        line.len = space == NULL ? line.len : (size_t)(space - line.at);
        return append(p, &p->dump->modules, &p->dump->module_count, line);
    case PART_CERTIFICATES:
        return add_certificate(p, line);
    case PART_NONE:
        break;
    }
    return true;
}

static bool take_line(struct parser *p, struct text line)
{
    static const char in_file[] = "# In file: ";

    if (p->place.line > 0) {
        bool is_taken = take_directive(p, line);

        p->place.line = 0;
        return is_taken;
    }
    if (begins_with(line, in_file)) {
        line = after(line, strlen(in_file));
        p->part = PART_NONE;
        p->dump->has_config = true;
        p->place.source = arena_copy(&p->dump->arena, line.at, line.len);
        return p->place.source != NULL;
    }
    if (line.len == 0 || is_line_number(p, line))
        return true;
    return is_blank(line.at[0]) ? take_item(p, line) : take_heading(p, line);
}

bool apache_dump_parse(struct apache_dump *dump, const char *text, size_t len)
{
    struct parser p = {.dump = dump};
    struct text rest = {text, len};

    *dump = (struct apache_dump){.has_config = false};
    while (rest.len > 0) {
        const char *newline = memchr(rest.at, '\n', rest.len);
        struct text line = {rest.at, newline == NULL ? rest.len : (size_t)(newline - rest.at)};

        if (!take_line(&p, line))
            return false;
        rest = after(rest, newline == NULL ? rest.len : line.len + 1);
    }
    return apache_sites_complete(dump);
}

void apache_dump_free(struct apache_dump *dump)
{
    arena_free(&dump->arena);
    *dump = (struct apache_dump){.has_config = false};
}

/* Macros. */

/* Pass over text in *rest.  False: something else stands there. */
static bool skip(struct text *rest, const char *text)
{
    if (!begins_with(*rest, text))
        return false;
    *rest = after(*rest, strlen(text));
    return true;
}

static bool skip_number(struct text *rest, unsigned *number)
{
    size_t len = 0;

    for (*number = 0; len < rest->len && len < 9 && rest->at[len] >= '0' && rest->at[len] <= '9'; len++)
        *number = *number * 10 + (unsigned)(rest->at[len] - '0');
    *rest = after(*rest, len);
    return len > 0;
}

static bool take_macro(struct text *rest, struct apache_macro *macro, unsigned depth);

/* "SOURCE": a path up to the next quote, or a macro. */
static bool take_source(struct text *rest, const char **source, size_t *len, unsigned depth)
{
    struct apache_macro inner;
    const char *quote;

    if (!skip(rest, "\""))
        return false;
    *source = rest->at;
    if (!begins_with(*rest, "macro '") || depth >= MACRO_DEPTH_MAX || !take_macro(rest, &inner, depth + 1)) {
        quote = memchr(rest->at, '"', rest->len);
        if (quote == NULL)
            return false;
        *rest = after(*rest, (size_t)(quote - rest->at));
    }
    *len = (size_t)(rest->at - *source);
    return skip(rest, "\"");
}

/* macro 'NAME' (defined on line N of "SOURCE") used on line N of "SOURCE"; source: mod_macro.c. */
static bool take_macro(struct text *rest, struct apache_macro *macro, unsigned depth)
{
    static const char defined[] = "' (defined on line ";
    const char *name_end = memmem(rest->at, rest->len, defined, strlen(defined));

    if (!begins_with(*rest, "macro '") || name_end == NULL)
        return false;
    *rest = after(*rest, (size_t)(name_end - rest->at) + strlen(defined));
    return skip_number(rest, &macro->defined_line) && skip(rest, " of ")
        && take_source(rest, &macro->defined_in, &macro->defined_in_len, depth) && skip(rest, ") used on line ")
        && skip_number(rest, &macro->used_line) && skip(rest, " of ")
        && take_source(rest, &macro->used_in, &macro->used_in_len, depth);
}

bool apache_macro_parse(const char *source, size_t len, struct apache_macro *macro)
{
    struct text rest = {source, len};

    return take_macro(&rest, macro, 0) && rest.len == 0;
}
