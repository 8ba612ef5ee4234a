/* SPDX-License-Identifier: ISC */
#include "apache_config/httpd_lens.h"

#include <augeas.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "apache_config/httpd_words.h"

#define LENS "Httpd.lns"
#define TEXT_PATH "/text"
#define TREE_PATH "/httpd"
#define NODES_VARIABLE "nodes"

struct httpd_lens {
    augeas *augeas;
};

struct httpd_lens *httpd_lens_open(char *why, size_t cap)
{
    struct httpd_lens *lens = calloc(1, sizeof *lens);

    if (lens == NULL) {
        snprintf(why, cap, "out of memory");
        return NULL;
    }
    /* A root that is nowhere: no file of this machine is of interest to it. */
    lens->augeas = aug_init("/nonexistent", NULL, AUG_NO_LOAD | AUG_NO_MODL_AUTOLOAD | AUG_NO_ERR_CLOSE);
    if (lens->augeas != NULL && aug_error(lens->augeas) == AUG_NOERROR)
        return lens;
    snprintf(why, cap, "libaugeas does not start: %s", lens->augeas == NULL ? "out of memory" : aug_error_message(lens->augeas));
    httpd_lens_close(lens);
    return NULL;
}

void httpd_lens_close(struct httpd_lens *lens)
{
    if (lens == NULL)
        return;
    if (lens->augeas != NULL)
        aug_close(lens->augeas);
    free(lens);
}

/* What the lens calls a word. */
static bool is_lens_word(const char *name)
{
    if (!isalpha((unsigned char)*name))
        return false;
    while (isalnum((unsigned char)*name) || (*name != '\0' && strchr("._-", *name) != NULL))
        name++;
    return *name == '\0';
}

/* Copy one joined line so that the lens takes it: no CR, no form feed; what joins it stays. */
static void copy_line(const char *data, size_t begin, size_t end, char *out)
{
    for (size_t i = begin; i < end; i++) {
        out[i] = data[i] != '\n' && httpd_is_blank(data[i]) && data[i] != '\t' ? ' ' : data[i];
        if (data[i] == '\r' && i > begin && data[i - 1] == '\\' && i + 1 < end) {
            out[i - 1] = ' ';
            out[i] = '\\';
        }
    }
}

/* "name x" or "<name x>" in place of the line's text, with x for all that stands behind the name. */
static void mask_line(const struct httpd_node *node, char *out)
{
    size_t name_len = strlen(node->name);
    size_t last = node->end - (out[node->end - 1] == '\n' ? 1 : 0);
    size_t at = node->text;

    for (size_t i = node->begin; i < last; i++)
        out[i] = ' ';
    if (node->is_section)
        out[at++] = '<';
    for (size_t i = 0; i < name_len && at < last; i++)
        out[at++] = is_lens_word(node->name) || node->is_section ? node->name[i] : 'x';
    if (node->args[0] != '\0' && at + 1 < last)
        out[at + 1] = 'x';
    if (node->is_section)
        out[node->args[0] != '\0' ? at + 2 : at] = '>';
}

static void copy_end_tag(const char *data, const struct httpd_node *node, char *out)
{
    size_t tag_len = strlen(node->name) + 3;

    memcpy(out + node->close_text, data + node->close_text, tag_len);
}

/*
 * The text that the lens gets, as long as data (and a newline when there is none at the end): without comments, without
 * what stands behind an end tag, with the program in <Perl> left out; is_masked: also without arguments.
 */
static char *make_text(const char *data, size_t len, const struct httpd_nodes *nodes, bool is_masked)
{
    char *text = malloc(len + 2);

    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < len; i++)
        text[i] = data[i] == '\n' ? '\n' : ' ';
    text[len] = '\n';
    text[len + 1] = '\0';
    for (size_t i = 0; i < nodes->count; i++) {
        const struct httpd_node *node = &nodes->items[i];

        if (is_masked)
            mask_line(node, text);
        else
            copy_line(data, node->begin, node->end, text);
        if (node->is_section)
            copy_end_tag(data, node, text);
    }
    return text;
}

/* Let the variable be all nodes of this depth, in the file's order. */
static bool select_level(const struct httpd_lens *lens, unsigned depth)
{
    static const char step[] = "/*[label() != 'arg'][label() != 'wordlist']";
    char path[sizeof TREE_PATH + (HTTPD_DEPTH_MAX + 1) * sizeof step];
    size_t len = (size_t)snprintf(path, sizeof path, TREE_PATH);

    for (unsigned i = 0; i <= depth; i++)
        len += (size_t)snprintf(path + len, sizeof path - len, "%s", step);
    return aug_defvar(lens->augeas, NODES_VARIABLE, path) >= 0;
}

/* The next of them from *index on. */
static bool next_seen(const struct httpd_lens *lens, int *index, const char **label, const char **value)
{
    int count = aug_ns_count(lens->augeas, NODES_VARIABLE);

    for (; *index < count; ++*index)
        if (aug_ns_attr(lens->augeas, NODES_VARIABLE, *index, value, label, NULL) >= 0 && *label != NULL) {
            ++*index;
            return true;
        }
    return false;
}

static bool is_seen_as(const struct httpd_node *node, const char *label, const char *value)
{
    if (node->is_section)
        return strcasecmp(label, node->name) == 0;
    return strcmp(label, "directive") == 0 && value != NULL && (strcmp(value, node->name) == 0 || !is_lens_word(node->name));
}

/* Compare level by level: all outermost nodes, then what is in those, and so on. */
static bool is_same_level(const struct httpd_lens *lens, const struct httpd_nodes *nodes, unsigned depth, unsigned *line)
{
    const char *label;
    const char *value;
    int seen = 0;

    if (!select_level(lens, depth))
        return false;
    for (size_t i = 0; i < nodes->count; i++) {
        if (nodes->items[i].depth != depth)
            continue;
        *line = nodes->items[i].line;
        if (!next_seen(lens, &seen, &label, &value) || !is_seen_as(&nodes->items[i], label, value))
            return false;
    }
    *line = 0;
    return !next_seen(lens, &seen, &label, &value);
}

static bool is_same_tree(const struct httpd_lens *lens, const struct httpd_nodes *nodes, unsigned *line)
{
    unsigned deepest = 0;

    for (size_t i = 0; i < nodes->count; i++)
        deepest = nodes->items[i].depth > deepest ? nodes->items[i].depth : deepest;
    /* One more: there, nothing may be. */
    for (unsigned depth = 0; depth <= deepest + 1 && depth <= HTTPD_DEPTH_MAX; depth++)
        if (!is_same_level(lens, nodes, depth, line))
            return false;
    return true;
}

static unsigned error_line(const struct httpd_lens *lens)
{
    const char *text = NULL;

    aug_get(lens->augeas, "/augeas/text" TREE_PATH "/error/line", &text);
    return text == NULL ? 0 : (unsigned)strtoul(text, NULL, 10);
}

static bool read_text(
    const struct httpd_lens *lens, const char *text, const struct httpd_nodes *nodes, bool *is_read, unsigned *line)
{
    augeas *augeas = lens->augeas;
    bool is_same = false;

    *is_read = aug_set(augeas, TEXT_PATH, text) == 0 && aug_text_store(augeas, LENS, TEXT_PATH, TREE_PATH) == 0;
    if (*is_read)
        is_same = is_same_tree(lens, nodes, line);
    else
        *line = error_line(lens);
    aug_defvar(augeas, NODES_VARIABLE, NULL);
    aug_rm(augeas, TREE_PATH);
    aug_rm(augeas, TEXT_PATH);
    return is_same;
}

bool httpd_lens_agrees(
    struct httpd_lens *lens, const char *data, size_t len, const struct httpd_nodes *nodes, unsigned *line, char *why, size_t cap)
{
    bool is_read = false;
    bool is_same = nodes->count == 0;

    *line = 0;
    for (int is_masked = 0; !is_same && !is_read && is_masked <= 1; is_masked++) {
        char *text = make_text(data, len, nodes, is_masked == 1);

        if (text == NULL) {
            snprintf(why, cap, "out of memory");
            return false;
        }
        is_same = read_text(lens, text, nodes, &is_read, line);
        free(text);
    }
    if (is_same)
        return true;
    if (aug_error(lens->augeas) != AUG_NOERROR && aug_error(lens->augeas) != AUG_EBADARG)
        snprintf(why, cap, "augeas cannot use its httpd lens (%s); is the package augeas-lenses installed?",
            aug_error_message(lens->augeas));
    else if (is_read)
        snprintf(why, cap,
            "augeas reads this line in another way than Apache does, so nothing is touched; "
            "put each directive and each tag on a line of its own");
    else
        snprintf(why, cap,
            "augeas' httpd lens cannot read this, so nothing is touched; Apache wants each tag and each "
            "directive on a line of its own, and names of letters and digits");
    return false;
}
