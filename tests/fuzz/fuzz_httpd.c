/* SPDX-License-Identifier: ISC */
/*
 * Owns: fuzzing what takes Apache's files apart: nodes lie in the file and in each other, words end, our lines go in and out.
 * Runs in: libFuzzer.
 * Never: opens a file.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "apache_config/config_marks.h"
#include "apache_config/httpd_nodes.h"
#include "apache_config/httpd_words.h"
#include "text/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int is_true)
{
    if (!is_true)
        abort();
}

static int is_same(struct httpd_bytes a, struct httpd_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* What the splice does is undone by strip, and nothing else. */
static void put_in_and_take_out(struct httpd_arena *arena, struct httpd_bytes file, struct httpd_splice *splice)
{
    struct httpd_bytes edited;
    struct httpd_bytes stripped;
    struct httpd_bytes before;

    require(httpd_marks_apply(arena, file, splice, 1, &edited) && httpd_marks_are_in(edited, 0, edited.len));
    require(httpd_marks_strip(arena, edited, 0, edited.len, &stripped, NULL));
    require(httpd_marks_strip(arena, file, 0, file.len, &before, NULL));
    require(is_same(stripped, before));
}

static void edit_node(struct httpd_arena *arena, struct httpd_bytes file, const struct httpd_node *node)
{
    struct httpd_splice splice;

    if (node->is_section) {
        require(httpd_marks_add(arena, file, node->close_begin, "SSLUseStapling on", &splice));
        put_in_and_take_out(arena, file, &splice);
    } else {
        require(httpd_marks_put_aside(arena, file, node->begin, node->end, &splice));
        put_in_and_take_out(arena, file, &splice);
    }
}

static void check_node(struct httpd_arena *arena, const struct httpd_nodes *nodes, size_t index, size_t size)
{
    const struct httpd_node *node = &nodes->items[index];
    const char *rest = node->args;

    require(node->begin <= node->text && node->text < node->end && node->end <= size);
    require(node->next > index && node->next <= nodes->count && node->line > 0 && node->depth < HTTPD_DEPTH_MAX);
    require(index + 1 == nodes->count || nodes->items[index + 1].begin >= node->end);
    if (node->is_section)
        require(node->close_begin >= node->end && node->close_text >= node->close_begin && node->close_end <= size);
    while (httpd_word_next(arena, &rest) != NULL)
        ;
    require(rest != NULL && *rest == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct httpd_arena arena = {NULL};
    struct httpd_bytes file = {(const char *)data, size};
    struct httpd_nodes nodes;
    struct httpd_bytes stripped;
    char why[300] = "";
    char clean[300];
    unsigned line;

    require(httpd_marks_strip(&arena, file, 0, size, &stripped, NULL) && stripped.len <= size);
    if (!httpd_nodes_parse(&arena, file.data, size, &nodes, &line, why, sizeof why)) {
        text_clean_copy(clean, sizeof clean, why, strlen(why));
        require(why[0] != '\0');
    } else {
        for (size_t i = 0; i < nodes.count; i++)
            check_node(&arena, &nodes, i, size);
        /* Nodes with our marks around them are edited by their marks alone. */
        for (size_t i = 0; !httpd_marks_are_in(file, 0, size) && i < nodes.count && i < 4; i++)
            edit_node(&arena, file, &nodes.items[i]);
    }
    httpd_arena_free(&arena);
    return 0;
}
