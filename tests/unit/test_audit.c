/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of supervisor/audit.c and supervisor/audit_tail.c, with a disk that fails on command.
 * Runs in: the build.
 * Never: asks a clock, or leaves a file behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/audit.h"
#include "audit/audit_tail.h"
#include "system/log.h"

#define UNLIMITED SIZE_MAX

/* The disk (linked with --wrap): room is what it still takes, sync_error what fdatasync says. */
static size_t room;
static int sync_error;
static unsigned write_calls;
static unsigned sync_calls;

static unsigned directory_syncs;

int __real_fsync(int fd);
int __wrap_fsync(int fd);
ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
    ssize_t n;

    write_calls++;
    if (room == 0) {
        errno = ENOSPC;
        return -1;
    }
    n = __real_write(fd, data, len < room ? len : room);
    if (n > 0 && room != UNLIMITED)
        room -= (size_t)n;
    return n;
}

int __wrap_fsync(int fd)
{
    struct stat status;

    assert_int_equal(fstat(fd, &status), 0);
    directory_syncs += S_ISDIR(status.st_mode) ? 1 : 0;
    return __real_fsync(fd);
}

int __wrap_fdatasync(int fd)
{
    sync_calls++;
    if (sync_error != 0) {
        errno = sync_error;
        return -1;
    }
    return __real_fdatasync(fd);
}

/* 2026-11-23T17:34:13Z, and a microsecond more each time. */
static int64_t now_usec;

static int64_t test_clock(void)
{
    return now_usec++;
}

static char log_text[4096];
static unsigned log_lines;

static void keep_log(enum severity severity, const char *text)
{
    (void)severity;
    if (strncmp(text, "audit anchor ", 13) == 0)
        return;
    log_lines++;
    snprintf(log_text, sizeof log_text, "%s", text);
}

static char dir[] = P_tmpdir "/test_audit.XXXXXX";
static char path[sizeof dir + 32];
static char rotated_path[sizeof path + 2];

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir + sizeof dir - 7, "XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/audit.jsonl", dir);
    snprintf(rotated_path, sizeof rotated_path, "%s.1", path);
    room = UNLIMITED;
    sync_error = 0;
    write_calls = sync_calls = directory_syncs = log_lines = 0;
    log_text[0] = '\0';
    now_usec = INT64_C(1795455253000000);
    log_to(keep_log);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    log_to(NULL);
    if (unlink(path) != 0 && errno != ENOENT)
        return -1;
    if (unlink(rotated_path) != 0 && errno != ENOENT)
        return -1;
    return rmdir(dir);
}

static char *read_file(const char *name, size_t *len)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    struct stat status;
    char *data;

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    data = calloc(1, (size_t)status.st_size + 1);
    assert_non_null(data);
    assert_int_equal(read(fd, data, (size_t)status.st_size), status.st_size);
    close(fd);
    *len = (size_t)status.st_size;
    return data;
}

static void append_to_file(const char *name, const char *data, size_t len)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(__real_write(fd, data, len), len);
    close(fd);
}

static size_t file_size(void)
{
    struct stat status;

    assert_int_equal(stat(path, &status), 0);
    return (size_t)status.st_size;
}

static struct audit *open_log(void)
{
    struct audit *audit = audit_open(&(struct audit_settings){.path = path, .clock = test_clock});

    assert_non_null(audit);
    return audit;
}

static void add(struct audit *audit, const char *detail)
{
    audit_write(audit, &(struct audit_fields){.event = EVENT_FETCH_FAILED, .process = PARTY_FETCHER, .detail = detail});
}

static void add_and_flush(struct audit *audit, const char *detail)
{
    add(audit, detail);
    assert_int_equal(audit_flush(audit), AUDIT_WRITTEN);
}

/* Each line of the file must be a sound record that follows *chain.  Returns how many there are. */
static unsigned verify_file(const char *name, struct audit_chain *chain)
{
    size_t len;
    char *data = read_file(name, &len);
    unsigned count = 0;

    for (char *at = data; at < data + len; count++) {
        char *end = memchr(at, '\n', (size_t)(data + len - at));

        assert_non_null(end);
        assert_int_equal(audit_record_verify(at, (size_t)(end - at), chain), AUDIT_OK);
        at = end + 1;
    }
    free(data);
    return count;
}

/* The number-th line (from 1) of the file has this text in it. */
static void assert_line_has(unsigned number, const char *text)
{
    size_t len;
    char *data = read_file(path, &len);
    char *at = data;

    for (unsigned i = 1; i < number; i++) {
        at = strchr(at, '\n');
        assert_non_null(at);
        at++;
    }
    *strchrnul(at, '\n') = '\0';
    if (strstr(at, text) == NULL)
        assert_string_equal(at, text);
    free(data);
}

static void writes_batches(void **state)
{
    struct audit_chain chain = {0};
    mode_t mask = umask(022);
    struct audit *audit = open_log();
    struct stat status;

    (void)state;
    umask(mask);
    add(audit, "one");
    add(audit, "two");
    assert_int_equal(file_size(), 0);
    assert_int_equal(audit_flush(audit), AUDIT_WRITTEN);
    assert_int_equal(write_calls, 1);
    assert_int_equal(sync_calls, 1);
    assert_int_equal(verify_file(path, &chain), 2);
    assert_int_equal(audit_flush(audit), AUDIT_WRITTEN);
    assert_int_equal(write_calls, 1);
    assert_int_equal(sync_calls, 1);
    assert_int_equal(directory_syncs, 1); /* the file is new */
    add(audit, "three");
    audit_close(audit);
    assert_int_equal(directory_syncs, 1);
    assert_int_equal(write_calls, 2);
    assert_int_equal(sync_calls, 2);
    chain = (struct audit_chain){0};
    assert_int_equal(verify_file(path, &chain), 3);
    assert_line_has(1,
        "{\"seq\":1,\"time\":\"2026-11-23T17:34:13.000000Z\",\"process\":\"fetcher\","
        "\"event\":\"fetch.failed\",\"detail\":\"one\",");
    assert_line_has(3, "{\"seq\":3,\"time\":\"2026-11-23T17:34:13.000002Z\",");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode, S_IFREG | 0640);
    assert_int_equal(log_lines, 0);
}

static void a_large_batch_is_written_and_not_lost(void **state)
{
    struct audit_chain chain = {0};
    struct audit *audit = open_log();
    unsigned count = 0;

    (void)state;
    for (; count < 3 * AUDIT_PENDING_MAX / 200; count++)
        add(audit, "some detail of usual length");
    audit_close(audit);
    assert_true(write_calls > 1);
    assert_int_equal(verify_file(path, &chain), count);
    assert_int_equal(log_lines, 0);
}

static void the_chain_goes_on_after_a_restart(void **state)
{
    struct audit_chain chain = {0};
    struct audit *audit = open_log();

    (void)state;
    add_and_flush(audit, "one");
    audit_close(audit);
    audit = open_log();
    add(audit, "two");
    audit_close(audit);
    assert_int_equal(verify_file(path, &chain), 2);
    assert_line_has(2, "{\"seq\":2,");
}

static void the_chain_goes_on_through_rotation(void **state)
{
    struct audit_chain chain = {0};
    struct audit *audit = open_log();

    (void)state;
    add_and_flush(audit, "one");
    assert_int_equal(rename(path, rotated_path), 0);
    add_and_flush(audit, "two");
    assert_int_equal(verify_file(rotated_path, &chain), 1);
    assert_int_equal(verify_file(path, &chain), 1);
    /* once more, over the one that was rotated before */
    assert_int_equal(rename(path, rotated_path), 0);
    add_and_flush(audit, "three");
    assert_int_equal(verify_file(path, &chain), 1);
    assert_int_equal(log_lines, 0);
    /* somebody made the new file already, and wrote into it */
    assert_int_equal(rename(path, rotated_path), 0);
    append_to_file(path, "x", 1);
    add_and_flush(audit, "four");
    assert_line_has(1, "x");
    assert_line_has(2, "{\"seq\":4,");
    assert_line_has(2, "\"detail\":\"four\"");
    assert_line_has(3, "{\"seq\":5,");
    assert_line_has(3, "was not empty: 1 bytes stand in it before what follows record 3\"");
    add_and_flush(audit, "five");
    assert_line_has(4, "{\"seq\":6,");
    audit_close(audit);
    assert_int_equal(log_lines, 1);
}

static void the_chain_goes_on_from_the_rotated_file(void **state)
{
    struct audit_chain chain = {0};
    struct audit *audit = open_log();

    (void)state;
    add_and_flush(audit, "one");
    audit_close(audit);
    assert_int_equal(rename(path, rotated_path), 0);
    audit = open_log();
    add(audit, "two");
    audit_close(audit);
    assert_int_equal(verify_file(rotated_path, &chain), 1);
    assert_int_equal(verify_file(path, &chain), 1);
    /* a log of its own is followed rather than the one before */
    audit = open_log();
    add(audit, "three");
    audit_close(audit);
    assert_line_has(2, "{\"seq\":3,");
    assert_line_has(2, "\"event\":\"fetch.failed\"");
}

/* What a crash in mid-write leaves: every cut of the last line. */
static void a_torn_line_is_closed_and_told(void **state)
{
    struct audit *audit = open_log();
    size_t first_len;
    size_t len;
    char *whole;

    (void)state;
    add_and_flush(audit, "one");
    first_len = file_size();
    add_and_flush(audit, "two");
    audit_close(audit);
    whole = read_file(path, &len);
    for (size_t cut = first_len + 1; cut < len; cut++) {
        bool is_record = cut == len - 1;
        struct audit_chain chain = {0};
        char *data;
        size_t data_len;

        assert_int_equal(unlink(path), 0);
        append_to_file(path, whole, cut);
        audit = open_log();
        add(audit, "three");
        audit_close(audit);
        data = read_file(path, &data_len);
        assert_memory_equal(data, whole, cut);
        assert_int_equal(data[cut], '\n');
        assert_int_equal(audit_record_verify(data, first_len - 1, &chain), AUDIT_OK);
        if (is_record)
            assert_int_equal(audit_record_verify(data + first_len, cut - first_len, &chain), AUDIT_OK);
        free(data);
        assert_line_has(3, is_record ? "\"detail\":\"three\"" : "\"event\":\"audit.gap\",\"detail\":\"the last line was torn");
        assert_line_has(3, is_record ? "{\"seq\":3," : "{\"seq\":2,");
        if (!is_record)
            assert_line_has(4, "\"detail\":\"three\"");
    }
    free(whole);
}

static void garbage_at_the_end_is_kept_and_told(void **state)
{
    static const char garbage[] = "not a record\n{\"seq\":7}\n\xff\xfe\n";
    struct audit *audit = open_log();
    struct audit_chain chain = {0};
    size_t len;
    size_t more_len;
    char *before;
    char *after;

    (void)state;
    add_and_flush(audit, "one");
    audit_close(audit);
    append_to_file(path, garbage, strlen(garbage));
    before = read_file(path, &len);
    audit = open_log();
    add(audit, "two");
    audit_close(audit);
    after = read_file(path, &more_len);
    assert_memory_equal(before, after, len);
    assert_line_has(5, "{\"seq\":2,");
    assert_line_has(5, "\"event\":\"audit.gap\",\"detail\":\"26 bytes that are no record stand behind the last one\"");
    assert_line_has(6, "\"detail\":\"two\"");
    assert_int_equal(audit_record_verify(after, (size_t)(strchr(after, '\n') - after), &chain), AUDIT_OK);
    assert_int_equal(audit_record_verify(after + len, (size_t)(strchr(after + len, '\n') - (after + len)), &chain), AUDIT_OK);
    free(before);
    free(after);
}

static void nothing_but_garbage_begins_a_new_chain(void **state)
{
    static char garbage[3 * AUDIT_TAIL_LEN];
    struct audit *audit = open_log();

    (void)state;
    /* a record further up than anybody looks */
    add_and_flush(audit, "one");
    audit_close(audit);
    memset(garbage, 'x', sizeof garbage);
    garbage[sizeof garbage - 1] = '\n';
    append_to_file(path, garbage, sizeof garbage);
    audit = open_log();
    add(audit, "two");
    audit_close(audit);
    assert_line_has(3, "{\"seq\":1,");
    assert_line_has(3,
        "\"event\":\"audit.gap\","
        "\"detail\":\"no record was found at the end of the log; a new chain begins\"");
    assert_line_has(4, "{\"seq\":2,");
}

static void garbage_alone_leads_to_the_rotated_file(void **state)
{
    struct audit_chain chain = {0};
    struct audit *audit = open_log();

    (void)state;
    add_and_flush(audit, "one");
    audit_close(audit);
    assert_int_equal(rename(path, rotated_path), 0);
    append_to_file(path, "\1\2\3", 3);
    audit = open_log();
    audit_close(audit);
    assert_int_equal(verify_file(rotated_path, &chain), 1);
    assert_line_has(2, "{\"seq\":2,");
    assert_line_has(2, "\"detail\":\"3 bytes that are no record stand behind the last one\"");
    /* the rotated file without a record either */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(rotated_path), 0);
    append_to_file(rotated_path, "x", 1);
    audit = open_log();
    audit_close(audit);
    assert_line_has(1, "{\"seq\":1,");
    assert_line_has(1, "a new chain begins");
}

/* The disk takes less and less of a batch, then all: not a byte is lost or doubled. */
static void a_full_disk_loses_nothing_that_fits_in_memory(void **state)
{
    size_t batch_len = 1;

    (void)state;
    for (size_t taken = 0; taken < batch_len; taken += 7) {
        struct audit_chain chain = {0};
        struct audit *audit = open_log();

        log_lines = 0;
        add_and_flush(audit, "one");
        batch_len = 3 * file_size(); /* a little less than what comes now */
        room = taken;
        add(audit, "two");
        add(audit, "three");
        add(audit, "four");
        assert_int_equal(audit_flush(audit), AUDIT_FAILING);
        assert_int_equal(log_lines, 1);
        assert_non_null(strstr(log_text, "cannot be written: No space left on device"));
        add(audit, "five");
        room = 3;
        assert_int_equal(audit_flush(audit), AUDIT_FAILING);
        assert_int_equal(log_lines, 1);
        room = UNLIMITED;
        add(audit, "six");
        assert_int_equal(audit_flush(audit), AUDIT_WRITTEN);
        assert_int_equal(log_lines, 2);
        assert_non_null(strstr(log_text, "is written again; records lost: 0"));
        audit_close(audit);
        assert_int_equal(verify_file(path, &chain), 6);
        assert_int_equal(unlink(path), 0);
    }
}

static void what_does_not_fit_in_memory_is_counted(void **state)
{
    struct audit_chain chain = {0};
    struct audit *audit = open_log();
    unsigned tried = 10 + AUDIT_PENDING_MAX / 200;
    unsigned count;
    unsigned lost;
    char gap[64];

    (void)state;
    add_and_flush(audit, "one");
    room = 0;
    for (unsigned i = 1; i < tried; i++) {
        add(audit, "some detail of usual length");
        if (i % 1000 == 0)
            assert_int_equal(audit_flush(audit), AUDIT_FAILING);
    }
    room = UNLIMITED;
    assert_int_equal(audit_flush(audit), AUDIT_WRITTEN);
    add(audit, "last");
    audit_close(audit);
    assert_int_equal(log_lines, 2);
    count = verify_file(path, &chain) - 2; /* the gap and the last */
    lost = tried - count;
    assert_true(count > 100 && lost > 100);
    snprintf(gap, sizeof gap, ",\"count\":%u,", lost);
    assert_line_has(count + 1, "\"event\":\"audit.gap\",");
    assert_line_has(count + 1, "the log could not be written: No space left on device\"");
    assert_line_has(count + 1, gap);
    assert_line_has(count + 2, "\"detail\":\"last\"");
}

/* Nothing in between: room for a few more must not let newer records overtake the gap. */
static void the_gap_comes_before_anything_newer(void **state)
{
    struct audit_chain chain = {0};
    struct audit *audit = open_log();
    unsigned count;
    unsigned gaps = 0;
    char *data;
    size_t len;

    (void)state;
    room = 0;
    for (unsigned i = 0; i < 10 + AUDIT_PENDING_MAX / 200; i++)
        add(audit, "some detail of usual length");
    room = 100000;
    assert_int_equal(audit_flush(audit), AUDIT_FAILING);
    add(audit, "newer");
    room = UNLIMITED;
    audit_close(audit);
    count = verify_file(path, &chain);
    data = read_file(path, &len);
    for (char *at = data; (at = strstr(at, "audit.gap")) != NULL; at++)
        gaps++;
    free(data);
    assert_int_equal(gaps, 1);
    assert_line_has(count - 1, "audit.gap");
    assert_line_has(count, "\"detail\":\"newer\"");
}

static void a_failed_sync_is_a_gap(void **state)
{
    struct audit_chain chain = {0};
    struct audit *audit = open_log();

    (void)state;
    sync_error = EIO;
    add(audit, "one");
    add(audit, "two");
    assert_int_equal(audit_flush(audit), AUDIT_FAILING);
    assert_int_equal(log_lines, 1);
    assert_non_null(strstr(log_text, "Input/output error"));
    sync_error = 0;
    add(audit, "three");
    assert_int_equal(audit_flush(audit), AUDIT_WRITTEN);
    assert_non_null(strstr(log_text, "is written again; records lost: 2"));
    sync_error = EIO;
    add(audit, "four");
    assert_int_equal(audit_flush(audit), AUDIT_FAILING);
    sync_error = 0;
    assert_int_equal(audit_flush(audit), AUDIT_WRITTEN);
    assert_int_equal(log_lines, 4);
    assert_non_null(strstr(log_text, "is written again; records lost: 1"));
    audit_close(audit);
    assert_int_equal(verify_file(path, &chain), 6);
    assert_line_has(3,
        "\"event\":\"audit.gap\",\"detail\":\"2 records are lost or may be: the log could not be written: "
        "Input/output error\",\"count\":2,");
    assert_line_has(4, "\"detail\":\"three\"");
    assert_line_has(6, "\"count\":1,");
}

static void a_line_begun_in_a_rotated_file_is_whole_in_the_next(void **state)
{
    struct audit_chain chain = {0};
    struct audit *audit = open_log();
    char *data;
    size_t first_len;
    size_t len;

    (void)state;
    add_and_flush(audit, "one");
    first_len = file_size();
    room = 50;
    add(audit, "two");
    assert_int_equal(audit_flush(audit), AUDIT_FAILING);
    assert_int_equal(file_size(), first_len + 50);
    room = UNLIMITED;
    assert_int_equal(rename(path, rotated_path), 0);
    assert_int_equal(audit_flush(audit), AUDIT_WRITTEN);
    audit_close(audit);
    data = read_file(rotated_path, &len);
    assert_int_equal(len, first_len + 50);
    assert_int_equal(audit_record_verify(data, first_len - 1, &chain), AUDIT_OK);
    free(data);
    assert_int_equal(verify_file(path, &chain), 1);
}

static void opens_later_what_cannot_be_opened_now(void **state)
{
    struct audit_chain chain = {0};
    struct audit *audit;
    char missing[sizeof path + 8];
    char moved[sizeof path + 8];

    (void)state;
    snprintf(missing, sizeof missing, "%s/sub/log", dir);
    audit = audit_open(&(struct audit_settings){.path = missing, .clock = test_clock});
    assert_non_null(audit);
    assert_int_equal(log_lines, 1);
    assert_non_null(strstr(log_text, "No such file or directory"));
    add(audit, "one");
    assert_int_equal(audit_flush(audit), AUDIT_FAILING);
    add(audit, "two");
    snprintf(moved, sizeof moved, "%s/sub", dir);
    assert_int_equal(mkdir(moved, 0700), 0);
    add(audit, "three");
    assert_int_equal(audit_flush(audit), AUDIT_WRITTEN);
    assert_int_equal(log_lines, 2);
    add(audit, "four");
    audit_close(audit);
    assert_int_equal(verify_file(missing, &chain), 2);
    assert_int_equal(rename(missing, path), 0);
    assert_int_equal(rmdir(moved), 0);
    assert_line_has(1, "\"event\":\"audit.gap\"");
    assert_line_has(1, "\"count\":3,");
    assert_line_has(2, "\"detail\":\"four\"");
}

static void keeps_records_while_the_directory_is_away(void **state)
{
    struct audit_chain chain = {0};
    char sub[sizeof path];
    char away[sizeof path];
    char name[sizeof path + 8];
    struct audit *audit;

    (void)state;
    snprintf(sub, sizeof sub, "%s/sub", dir);
    snprintf(away, sizeof away, "%s/away", dir);
    snprintf(name, sizeof name, "%s/log", sub);
    assert_int_equal(mkdir(sub, 0700), 0);
    audit = audit_open(&(struct audit_settings){.path = name, .clock = test_clock});
    assert_non_null(audit);
    add_and_flush(audit, "one");
    assert_int_equal(rename(sub, away), 0);
    add(audit, "two");
    assert_int_equal(audit_flush(audit), AUDIT_FAILING);
    assert_int_equal(rename(away, sub), 0);
    add_and_flush(audit, "three");
    audit_close(audit);
    assert_int_equal(verify_file(name, &chain), 3);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(rmdir(sub), 0);
}

static void refuses_what_is_no_file_of_its_own(void **state)
{
    struct audit *audit;

    (void)state;
    assert_int_equal(symlink("/dev/null", path), 0);
    audit = open_log();
    assert_non_null(strstr(log_text, "cannot be written: it is a symbolic link"));
    audit_close(audit);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    log_lines = 0;
    audit = open_log();
    assert_int_equal(log_lines, 1);
    assert_non_null(strstr(log_text, "cannot be written: it is not a regular file"));
    add(audit, "one");
    audit_close(audit);
    assert_non_null(strstr(log_text, "could not be written to the end; records lost: 1"));
    audit_close(NULL);
}

static void one_process_at_a_time(void **state)
{
    struct audit_chain chain = {0};
    struct audit *first = open_log();
    struct audit *second;

    (void)state;
    second = open_log();
    assert_non_null(strstr(log_text, "another process has it locked"));
    add_and_flush(first, "one");
    add(second, "two");
    assert_int_equal(audit_flush(second), AUDIT_FAILING);
    audit_close(first);
    add_and_flush(second, "three");
    audit_close(second);
    assert_int_equal(verify_file(path, &chain), 2);
    assert_line_has(2, "\"event\":\"audit.gap\"");
    assert_line_has(2, "\"count\":2,");
}

static void works_with_the_real_clock(void **state)
{
    struct audit_chain chain = {0};
    struct audit *audit = audit_open(&(struct audit_settings){.path = path});

    (void)state;
    add_and_flush(audit, "one");
    audit_close(audit);
    assert_int_equal(verify_file(path, &chain), 1);
}

/* The scan alone, from every place in a file as its start. */
static void finds_the_last_record_wherever_the_look_begins(void **state)
{
    struct audit *audit = open_log();
    struct audit_chain chain = {0};
    struct audit_tail tail;
    size_t len;
    size_t last_start;
    char *data;

    (void)state;
    add_and_flush(audit, "one");
    last_start = file_size();
    add_and_flush(audit, "two");
    audit_close(audit);
    verify_file(path, &chain);
    data = read_file(path, &len);
    for (size_t start = 0; start <= len; start++) {
        audit_tail_scan(data + start, len - start, NULL, &tail);
        assert_int_equal(tail.has_record, start <= last_start);
        assert_int_equal(tail.is_empty, start == len);
        assert_false(tail.is_line_open);
        if (tail.has_record)
            assert_memory_equal(tail.chain.hash, chain.hash, AUDIT_HASH_LEN);
        assert_int_equal(tail.unsound_len, start <= last_start ? 0 : len - start);
    }
    free(data);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(writes_batches),
        TEST(a_large_batch_is_written_and_not_lost),
        TEST(the_chain_goes_on_after_a_restart),
        TEST(the_chain_goes_on_through_rotation),
        TEST(the_chain_goes_on_from_the_rotated_file),
        TEST(a_torn_line_is_closed_and_told),
        TEST(garbage_at_the_end_is_kept_and_told),
        TEST(nothing_but_garbage_begins_a_new_chain),
        TEST(garbage_alone_leads_to_the_rotated_file),
        TEST(a_full_disk_loses_nothing_that_fits_in_memory),
        TEST(what_does_not_fit_in_memory_is_counted),
        TEST(the_gap_comes_before_anything_newer),
        TEST(a_failed_sync_is_a_gap),
        TEST(a_line_begun_in_a_rotated_file_is_whole_in_the_next),
        TEST(opens_later_what_cannot_be_opened_now),
        TEST(keeps_records_while_the_directory_is_away),
        TEST(refuses_what_is_no_file_of_its_own),
        TEST(one_process_at_a_time),
        TEST(works_with_the_real_clock),
        TEST(finds_the_last_record_wherever_the_look_begins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
