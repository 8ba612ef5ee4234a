/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of cli/review/review_files.c and review_lines.c: which files are the log, in which order, and their lines.
 * Runs in: the build.
 * Never: leaves a file behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/audit_record.h"
#include "audit/review_files.h"
#include "temp_dir.h"

#define BASE "audit.jsonl"

static struct audit_chain chain;

static int set_up(void **state)
{
    chain = (struct audit_chain){0};
    return temp_dir_setup(state);
}

/* A file of the next count records, with something before and behind them. */
static void write_log(const char *name, size_t count, const char *before, const char *behind)
{
    FILE *file = fopen(name, "w");
    char line[AUDIT_LINE_MAX + 1];

    assert_non_null(file);
    fputs(before, file);
    for (size_t i = 0; i < count; i++) {
        audit_record_format(
            &(struct audit_fields){.event = EVENT_SERVICE_START, .process = PARTY_SUPERVISOR}, 1, &chain, NULL, line);
        fprintf(file, "%s\n", line);
    }
    fputs(behind, file);
    assert_int_equal(fclose(file), 0);
}

static void knows_what_logrotate_makes(void **state)
{
    static const struct {
        const char *name;
        const char *stem; /* NULL: another file */
    } rows[] = {
        {"audit.jsonl", "audit.jsonl"},
        {"audit.jsonl.1", "audit.jsonl.1"},
        {"audit.jsonl.12.gz", "audit.jsonl.12"},
        {"audit.jsonl-20261125", "audit.jsonl-20261125"},
        {"audit.jsonl-20261125.xz", "audit.jsonl-20261125"},
        {"audit.jsonl-20261125-1795455253.zst", "audit.jsonl-20261125-1795455253"},
        {"audit.jsonl.3.lz4", "audit.jsonl.3"},
        {"audit.jsonl-2026112517.bz2", "audit.jsonl-2026112517"},
        {"audit", NULL},
        {"audit.jsonl.", NULL},
        {"audit.jsonl.x", NULL},
        {"audit.jsonl.gz", NULL},
        {"audit.jsonl.1.", NULL},
        {"audit.jsonl.1.gz.tmp", NULL},
        {"audit.jsonl.1~", NULL},
        {"audit.jsonl-1", NULL},
        {"audit.jsonl-20261125-", NULL},
        {"audit.jsonl.1.GZ", NULL},
        {"other.jsonl", NULL},
        {"audit.jsonl.99999999999999999999999", NULL},
        {"audit.jsonl2", NULL},
    };
    uint64_t age;
    size_t stem;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool is_log = review_files_match(BASE, rows[i].name, &age, &stem);

        if (is_log != (rows[i].stem != NULL) || (is_log && stem != strlen(rows[i].stem)))
            fail_msg("%s", rows[i].name);
    }
}

static void find(struct review_files *files)
{
    char error[2048] = "";

    if (!review_files_find(BASE, files, error, sizeof error))
        fail_msg("%s", error);
}

static void expect_order(const struct review_files *files, const char *const *names, size_t count)
{
    assert_int_equal(files->count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(strrchr(files->files[i].path, '/') + 1, names[i]);
}

static void compress(const char *how, const char *name)
{
    char command[600];

    snprintf(command, sizeof command, "%s %s", how, name);
    assert_int_equal(system(command), 0);
}

static bool count_line(void *context, const struct review_line *line)
{
    struct audit_chain *at = context;

    return audit_record_verify(line->text, line->len, at) == AUDIT_OK;
}

/* The names say something else than the records: those count. */
static void the_first_record_decides_the_order(void **state)
{
    static const char *const names[]
        = {"audit.jsonl.2.gz", "audit.jsonl-20261125.xz", "audit.jsonl.9.zst", "audit.jsonl.1.bz2", "audit.jsonl"};
    struct review_files files;
    struct audit_chain at = {0};

    (void)state;
    write_log("audit.jsonl.2", 3, "", "");
    write_log("audit.jsonl-20261125", 3, "", "");
    write_log("audit.jsonl.9", 3, "", "");
    write_log("audit.jsonl.1", 3, "", "");
    write_log(BASE, 3, "", "");
    write_log("other.jsonl", 3, "", "");
    write_log("audit.jsonl.1.gz.tmp", 3, "", "");
    compress("gzip", "audit.jsonl.2");
    compress("xz", "audit.jsonl-20261125");
    compress("bzip2", "audit.jsonl.1");
    compress("zstd -q --rm", "audit.jsonl.9");
    find(&files);
    expect_order(&files, names, 5);
    assert_int_equal(review_files_walk(&files, count_line, &at), 0);
    assert_int_equal(at.seq, 15);
    /* And once more. */
    at = (struct audit_chain){0};
    assert_int_equal(review_files_walk(&files, count_line, &at), 0);
    assert_int_equal(at.seq, 15);
    review_files_close(&files);
}

static void a_file_without_a_record_keeps_the_place_of_its_name(void **state)
{
    static const char *const names[] = {"audit.jsonl.4", "audit.jsonl.3", "audit.jsonl.2", "audit.jsonl.1", "audit.jsonl"};
    struct review_files files;

    (void)state;
    write_log("audit.jsonl.4", 3, "torn\n", "");
    write_log("audit.jsonl.3", 0, "no record\n", "");
    write_log("audit.jsonl.2", 0, "", "");
    write_log("audit.jsonl.1", 3, "", "{\"seq\":7");
    write_log(BASE, 0, "", "");
    find(&files);
    expect_order(&files, names, 5);
    review_files_close(&files);
}

static void of_a_file_and_its_compressed_twin_one_is_read(void **state)
{
    static const char *const names[] = {"audit.jsonl.1", "audit.jsonl"};
    struct review_files files;

    (void)state;
    write_log("audit.jsonl.1", 3, "", "");
    compress("gzip -k", "audit.jsonl.1");
    write_log(BASE, 3, "", "");
    find(&files);
    expect_order(&files, names, 2);
    review_files_close(&files);
}

static void what_cannot_be_read_is_named(void **state)
{
    struct review_files files;
    char error[2048];
    struct audit_chain at = {0};

    (void)state;
    assert_false(review_files_find(BASE, &files, error, sizeof error));
    assert_non_null(strstr(error, "there is no audit log yet"));
    review_files_close(&files);
    assert_false(review_files_find("missing/" BASE, &files, error, sizeof error));
    assert_non_null(strstr(error, "No such file"));
    review_files_close(&files);
    write_log(BASE, 3, "", "");
    write_log("audit.jsonl.3.lz4", 3, "", "");
    assert_false(review_files_find(BASE, &files, error, sizeof error));
    assert_non_null(strstr(error, "audit.jsonl.3.lz4: compressed in a way that is not known"));
    review_files_close(&files);
    assert_int_equal(unlink("audit.jsonl.3.lz4"), 0);
    /* Cut off in the middle: what comes before is read, and it is counted. */
    chain = (struct audit_chain){0};
    write_log("audit.jsonl.1", 2000, "", "");
    compress("gzip", "audit.jsonl.1");
    assert_int_equal(truncate("audit.jsonl.1.gz", 60000), 0);
    find(&files);
    assert_int_equal(review_files_walk(&files, count_line, &at), 1);
    assert_true(at.seq > 100 && at.seq < 2000);
    review_files_close(&files);
}

static struct review_lines *open_lines(const char *data, size_t len)
{
    struct review_lines *lines;
    int fd;

    temp_file_write("lines", data, len);
    fd = open("lines", O_RDONLY);
    assert_true(fd >= 0);
    lines = review_lines_open(fd);
    assert_non_null(lines);
    return lines;
}

static void expect_line(struct review_lines *lines, uint64_t number, size_t len, bool is_ended, bool is_cut)
{
    struct review_line line;
    const char *why;

    assert_true(review_lines_next(lines, &line, &why));
    assert_int_equal(line.number, number);
    assert_int_equal(line.len, len);
    assert_int_equal(line.is_ended, is_ended);
    assert_int_equal(line.is_cut, is_cut);
}

static void expect_end(struct review_lines *lines)
{
    struct review_line line;
    const char *why = "";

    assert_false(review_lines_next(lines, &line, &why));
    assert_null(why);
    review_lines_close(lines);
}

static void gives_lines_of_any_length(void **state)
{
    size_t cap = 12 * REVIEW_LINE_MAX;
    char *data = malloc(cap);
    struct review_lines *lines;
    size_t at = 0;

    (void)state;
    assert_non_null(data);
    memset(data, 'x', cap);
    expect_end(open_lines("", 0));
    lines = open_lines("\n\nab\ncd", 7);
    expect_line(lines, 1, 0, true, false);
    expect_line(lines, 2, 0, true, false);
    expect_line(lines, 3, 2, true, false);
    expect_line(lines, 4, 2, false, false);
    expect_end(lines);
    /* The longest, one more, one of many buffers, and a short one behind. */
    at = REVIEW_LINE_MAX;
    data[at] = '\n';
    at += 1 + REVIEW_LINE_MAX + 1;
    data[at] = '\n';
    at += 1 + 7 * REVIEW_LINE_MAX;
    data[at] = '\n';
    data[at + 3] = '\n';
    lines = open_lines(data, at + 4);
    expect_line(lines, 1, REVIEW_LINE_MAX, true, false);
    expect_line(lines, 2, REVIEW_LINE_MAX, true, true);
    expect_line(lines, 3, REVIEW_LINE_MAX, true, true);
    expect_line(lines, 4, 2, true, false);
    expect_end(lines);
    /* The file ends in one that is too long. */
    memset(data, 'x', cap);
    lines = open_lines(data, cap);
    expect_line(lines, 1, REVIEW_LINE_MAX, true, true);
    expect_end(lines);
    /* Every length around a buffer's end. */
    for (size_t len = 1; len < 3000; len += 97) {
        size_t count = 0;

        memset(data, 'y', cap);
        for (size_t i = len; i < cap; i += len + 1, count++)
            data[i] = '\n';
        lines = open_lines(data, count * (len + 1));
        for (size_t i = 1; i <= count; i++)
            expect_line(lines, i, len, true, false);
        expect_end(lines);
    }
    free(data);
}

static void what_is_compressed_is_read_whatever_its_name(void **state)
{
    char folder[] = ".";
    char plain[] = "plain";
    struct audit_chain at = {0};
    struct review_files files;
    char error[2048];

    (void)state;
    write_log("whole", 5, "", "");
    compress("gzip", "whole");
    assert_int_equal(rename("whole.gz", plain), 0);
    assert_true(review_files_open((char *[]){plain}, 1, &files, error, sizeof error));
    assert_int_equal(review_files_walk(&files, count_line, &at), 0);
    assert_int_equal(at.seq, 5);
    review_files_close(&files);
    assert_false(review_files_open((char *[]){folder}, 1, &files, error, sizeof error));
    assert_non_null(strstr(error, "Is a directory"));
    review_files_close(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_logrotate_makes),
        cmocka_unit_test_setup_teardown(the_first_record_decides_the_order, set_up, temp_dir_teardown),
        cmocka_unit_test_setup_teardown(a_file_without_a_record_keeps_the_place_of_its_name, set_up, temp_dir_teardown),
        cmocka_unit_test_setup_teardown(of_a_file_and_its_compressed_twin_one_is_read, set_up, temp_dir_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_named, set_up, temp_dir_teardown),
        cmocka_unit_test_setup_teardown(gives_lines_of_any_length, set_up, temp_dir_teardown),
        cmocka_unit_test_setup_teardown(what_is_compressed_is_read_whatever_its_name, set_up, temp_dir_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
