/* SPDX-License-Identifier: ISC */
/*
 * Owns: fuzzing what edits Apache's files: lines lie in the file, and our lines go in and out at each of them.
 * Runs in: libFuzzer.
 * Never: opens a file.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "apache_config/config_marks.h"

/* Edits are tried at so many lines of a file. */
#define LINES_TRIED 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int is_true)
{
    if (!is_true)
        abort();
}

static int is_same(struct config_bytes a, struct config_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* What the splice does is undone by strip, and nothing else. */
static void put_in_and_take_out(struct arena *arena, struct config_bytes file, struct config_splice *splice)
{
    struct config_bytes edited, stripped, before;

    require(config_marks_apply(arena, file, splice, 1, &edited) && config_marks_are_in(edited, 0, edited.len));
    require(config_marks_strip(arena, edited, 0, edited.len, &stripped, NULL));
    require(config_marks_strip(arena, file, 0, file.len, &before, NULL));
    require(is_same(stripped, before));
}

static void edit_line(struct arena *arena, struct config_bytes file, const struct config_line *line)
{
    struct config_splice splice;

    require(line->text >= line->begin && line->text <= line->end && line->end > line->begin && line->end <= file.len);
    require(config_line_begin(file, line->begin) <= line->begin);
    require(config_marks_add(arena, file, line->begin, "SSLUseStapling on", &splice));
    put_in_and_take_out(arena, file, &splice);
    if (line->text == line->end) /* blank: nothing to put aside */
        return;
    require(config_marks_put_aside(arena, file, line->begin, line->end, &splice));
    put_in_and_take_out(arena, file, &splice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {NULL};
    struct config_bytes file = {(const char *)data, size};
    struct config_bytes stripped;
    struct config_splice splice;
    size_t at = 0;

    require(config_marks_strip(&arena, file, 0, size, &stripped, NULL) && stripped.len <= size);
    /* Lines with our marks around them are edited by their marks alone. */
    for (int i = 0; i < LINES_TRIED && at < size && !config_marks_are_in(file, 0, size); i++) {
        struct config_line line = config_line_at(file, at);

        edit_line(&arena, file, &line);
        at = line.end;
    }
    if (!config_marks_are_in(file, 0, size)) {
        require(config_marks_add(&arena, file, size, "Include \"/etc/stapleguard.conf\"", &splice));
        put_in_and_take_out(&arena, file, &splice);
    }
    arena_free(&arena);
    return 0;
}
