/* SPDX-License-Identifier: ISC */
#include "audit_scene.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "audit/audit.h"
#include "audit/audit_tail.h"
#include "system/log.h"

/* The disk (linked with --wrap): room is what it still takes, sync_error what fdatasync says. */
size_t audit_scene_room;

int audit_scene_sync_error;

unsigned audit_scene_write_calls;

unsigned audit_scene_sync_calls;

unsigned audit_scene_directory_syncs;

int __real_fsync(int fd);

int __wrap_fsync(int fd);

ssize_t __real_write(int fd, const void *data, size_t len);

ssize_t __wrap_write(int fd, const void *data, size_t len);

int __real_fdatasync(int fd);

int __wrap_fdatasync(int fd);

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
    ssize_t n;

    audit_scene_write_calls++;
    if (audit_scene_room == 0) {
        errno = ENOSPC;
        return -1;
    }
    n = __real_write(fd, data, len < audit_scene_room ? len : audit_scene_room);
    if (n > 0 && audit_scene_room != UNLIMITED)
        audit_scene_room -= (size_t)n;
    return n;
}

int __wrap_fsync(int fd)
{
    struct stat status;

    assert_int_equal(fstat(fd, &status), 0);
    audit_scene_directory_syncs += S_ISDIR(status.st_mode) ? 1 : 0;
    return __real_fsync(fd);
}

int __wrap_fdatasync(int fd)
{
    audit_scene_sync_calls++;
    if (audit_scene_sync_error != 0) {
        errno = audit_scene_sync_error;
        return -1;
    }
    return __real_fdatasync(fd);
}

/* 2026-11-23T17:34:13Z, and a microsecond more each time. */
int64_t audit_scene_now_usec;

int64_t audit_scene_test_clock(void)
{
    return audit_scene_now_usec++;
}

char audit_scene_log_text[4096];

unsigned audit_scene_log_lines;

void audit_scene_keep_log(enum severity severity, const char *text)
{
    (void)severity;
    if (strncmp(text, "audit anchor ", 13) == 0)
        return;
    audit_scene_log_lines++;
    snprintf(audit_scene_log_text, sizeof audit_scene_log_text, "%s", text);
}

char audit_scene_dir[sizeof P_tmpdir "/test_audit.XXXXXX"] = P_tmpdir "/test_audit.XXXXXX";

char audit_scene_path[sizeof audit_scene_dir + 32];

char audit_scene_rotated_path[sizeof audit_scene_path + 2];

int audit_scene_make_dir(void **state)
{
    (void)state;
    strcpy(audit_scene_dir + sizeof audit_scene_dir - 7, "XXXXXX");
    if (mkdtemp(audit_scene_dir) == NULL)
        return -1;
    snprintf(audit_scene_path, sizeof audit_scene_path, "%s/audit.jsonl", audit_scene_dir);
    snprintf(audit_scene_rotated_path, sizeof audit_scene_rotated_path, "%s.1", audit_scene_path);
    audit_scene_room = UNLIMITED;
    audit_scene_sync_error = 0;
    audit_scene_write_calls = audit_scene_sync_calls = audit_scene_directory_syncs = audit_scene_log_lines = 0;
    audit_scene_log_text[0] = '\0';
    audit_scene_now_usec = INT64_C(1795455253000000);
    log_to(audit_scene_keep_log);
    return 0;
}

int audit_scene_remove_log_dir(const char *directory, const char *log_name)
{
    char lock[sizeof audit_scene_path + 16];

    snprintf(lock, sizeof lock, "%s/.%s.lock", directory, log_name);
    if (unlink(lock) != 0 && errno != ENOENT)
        return -1;
    return rmdir(directory);
}

int audit_scene_remove_dir(void **state)
{
    (void)state;
    log_to(NULL);
    if (unlink(audit_scene_path) != 0 && errno != ENOENT)
        return -1;
    if (unlink(audit_scene_rotated_path) != 0 && errno != ENOENT)
        return -1;
    return audit_scene_remove_log_dir(audit_scene_dir, "audit.jsonl");
}

char *audit_scene_read_file(const char *name, size_t *len)
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

void audit_scene_append_to_file(const char *name, const char *data, size_t len)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(__real_write(fd, data, len), len);
    close(fd);
}

size_t audit_scene_file_size(void)
{
    struct stat status;

    assert_int_equal(stat(audit_scene_path, &status), 0);
    return (size_t)status.st_size;
}

struct audit *audit_scene_open_log(void)
{
    struct audit *audit = audit_open(&(struct audit_settings){.path = audit_scene_path, .clock = audit_scene_test_clock});

    assert_non_null(audit);
    return audit;
}

void audit_scene_add(struct audit *audit, const char *detail)
{
    audit_write(audit, &(struct audit_fields){.event = EVENT_FETCH_FAILED, .process = PARTY_FETCHER, .detail = detail});
}

void audit_scene_add_and_flush(struct audit *audit, const char *detail)
{
    audit_scene_add(audit, detail);
    assert_int_equal(audit_flush(audit), AUDIT_WRITTEN);
}

unsigned audit_scene_verify_file(const char *name, struct audit_chain *chain)
{
    size_t len;
    char *data = audit_scene_read_file(name, &len);
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

void audit_scene_assert_line_has(unsigned number, const char *text)
{
    size_t len;
    char *data = audit_scene_read_file(audit_scene_path, &len);
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
