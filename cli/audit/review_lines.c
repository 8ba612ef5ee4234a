/* SPDX-License-Identifier: ISC */
#include "audit/review_lines.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_LEN (4u * REVIEW_LINE_MAX)
#define READ_LEN 65536u

struct review_lines {
    int fd;
    struct archive *archive; /* NULL: a plain file */
    char why[200];
    uint64_t number;
    size_t start; /* of what was not given out yet */
    size_t end;
    bool is_over;    /* nothing more comes from the file */
    bool is_skipped; /* we are inside a line that was cut */
    char data[BUFFER_LEN];
};

static bool is_compressed(int fd)
{
    static const struct {
        const char *magic;
        size_t len;
    } kinds[] = {{"\x1f\x8b", 2}, {"BZh", 3},
        {"\xfd"
         "7zXZ",
            5},
        {"\x28\xb5\x2f\xfd", 4}};
    char start[8];
    ssize_t len = pread(fd, start, sizeof start, 0);

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (len >= (ssize_t)kinds[i].len && memcmp(start, kinds[i].magic, kinds[i].len) == 0)
            return true;
    return false;
}

static void note_failure(struct review_lines *lines, const char *why)
{
    strncpy(lines->why, why == NULL ? "it cannot be decompressed" : why, sizeof lines->why - 1);
    lines->is_over = true;
}

/* What logrotate's compresscmd may have made; archive_read_support_filter_all would run programs, too. */
static void open_archive(struct review_lines *lines)
{
    struct archive_entry *entry;

    lines->archive = archive_read_new();
    if (lines->archive == NULL) {
        note_failure(lines, "out of memory");
        return;
    }
    if (archive_read_support_filter_gzip(lines->archive) != ARCHIVE_OK
        || archive_read_support_filter_bzip2(lines->archive) != ARCHIVE_OK
        || archive_read_support_filter_xz(lines->archive) != ARCHIVE_OK
        || archive_read_support_filter_zstd(lines->archive) != ARCHIVE_OK
        || archive_read_support_format_raw(lines->archive) != ARCHIVE_OK
        || archive_read_support_format_empty(lines->archive) != ARCHIVE_OK
        || archive_read_open_fd(lines->archive, lines->fd, READ_LEN) != ARCHIVE_OK) {
        note_failure(lines, archive_error_string(lines->archive));
        return;
    }
    switch (archive_read_next_header(lines->archive, &entry)) {
    case ARCHIVE_OK:
        break;
    case ARCHIVE_EOF:
        lines->is_over = true;
        break;
    default:
        note_failure(lines, archive_error_string(lines->archive));
    }
}

struct review_lines *review_lines_open(int fd)
{
    struct review_lines *lines = malloc(sizeof *lines);

    if (lines == NULL)
        return NULL;
    memset(lines, 0, offsetof(struct review_lines, data));
    lines->fd = fd;
    if (lseek(fd, 0, SEEK_SET) < 0)
        note_failure(lines, strerror(errno));
    else if (is_compressed(fd))
        open_archive(lines);
    return lines;
}

void review_lines_close(struct review_lines *lines)
{
    if (lines == NULL)
        return;
    if (lines->archive != NULL)
        archive_read_free(lines->archive);
    free(lines);
}

static ssize_t read_some(struct review_lines *lines, char *out, size_t cap)
{
    ssize_t got;

    if (lines->archive != NULL) {
        got = (ssize_t)archive_read_data(lines->archive, out, cap);
        if (got < 0)
            note_failure(lines, archive_error_string(lines->archive));
        return got;
    }
    do
        got = read(lines->fd, out, cap);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        note_failure(lines, strerror(errno));
    return got;
}

/* More bytes behind those that are there; false: none come. */
static bool fill(struct review_lines *lines)
{
    ssize_t got;

    if (lines->is_over)
        return false;
    if (lines->start > 0) {
        memmove(lines->data, lines->data + lines->start, lines->end - lines->start);
        lines->end -= lines->start;
        lines->start = 0;
    }
    got = read_some(lines, lines->data + lines->end, sizeof lines->data - lines->end);
    if (got <= 0) {
        lines->is_over = true;
        return false;
    }
    lines->end += (size_t)got;
    return true;
}

static void give(struct review_lines *lines, size_t len, struct review_line *line)
{
    line->text = lines->data + lines->start;
    line->len = len;
    line->number = ++lines->number;
}

/* Leave out what remains of a line that was cut.  False: the file ends in it. */
static bool skip_rest(struct review_lines *lines)
{
    while (lines->is_skipped) {
        const char *newline = memchr(lines->data + lines->start, '\n', lines->end - lines->start);

        if (newline != NULL) {
            lines->start = (size_t)(newline - lines->data) + 1;
            lines->is_skipped = false;
            return true;
        }
        lines->start = lines->end;
        if (!fill(lines))
            return false;
    }
    return true;
}

bool review_lines_next(struct review_lines *lines, struct review_line *line, const char **why)
{
    size_t seen = 0; /* bytes in which there is no newline */

    *line = (struct review_line){.is_ended = true};
    while (skip_rest(lines)) {
        const char *from = lines->data + lines->start;
        const char *newline = memchr(from + seen, '\n', lines->end - lines->start - seen);

        seen = newline != NULL ? (size_t)(newline - from) : lines->end - lines->start;
        if (seen > REVIEW_LINE_MAX) {
            give(lines, REVIEW_LINE_MAX, line);
            line->is_cut = lines->is_skipped = true;
            lines->start += REVIEW_LINE_MAX;
            return true;
        }
        if (newline != NULL) {
            give(lines, seen, line);
            lines->start += seen + 1;
            return true;
        }
        if (!fill(lines))
            break;
    }
    *why = lines->why[0] != '\0' ? lines->why : NULL;
    if (lines->is_skipped || lines->start == lines->end || *why != NULL)
        return false;
    give(lines, lines->end - lines->start, line);
    line->is_ended = false;
    lines->start = lines->end;
    return true;
}
