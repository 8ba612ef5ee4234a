/* SPDX-License-Identifier: ISC */
#include "temp_dir.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define TEMPLATE "/tmp/stapleguard-unit-XXXXXX"

int temp_dir_setup(void **state)
{
    char *path = strdup(TEMPLATE);

    if (path == NULL || mkdtemp(path) == NULL || chdir(path) != 0)
        return -1;
    *state = path;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

int temp_dir_teardown(void **state)
{
    int result = chdir("/") == 0 ? nftw(*state, remove_one, 16, FTW_DEPTH | FTW_PHYS) : -1;

    free(*state);
    return result;
}

void temp_file_write(const char *name, const void *data, size_t len)
{
    FILE *file = fopen(name, "wb");

    assert_non_null(file);
    assert_int_equal(len == 0 ? 0 : fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

uint8_t *temp_file_read(const char *name, size_t *len)
{
    FILE *file = fopen(name, "rb");
    struct stat st;
    uint8_t *data;

    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &st), 0);
    *len = (size_t)st.st_size;
    data = malloc(*len + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *len, file), *len);
    assert_int_equal(fclose(file), 0);
    return data;
}

void temp_file_poke(const char *name, size_t at, uint8_t octet)
{
    int fd = open(name, O_WRONLY);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, &octet, 1, (off_t)at), 1);
    assert_int_equal(close(fd), 0);
}
