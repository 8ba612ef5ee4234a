/* SPDX-License-Identifier: ISC */
#include "bench_pool.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t count_items(const uint8_t *data, size_t size, struct bench_pool_response *items)
{
    size_t count = 0;

    for (size_t at = 0; at + sizeof(uint32_t) <= size; count++) {
        uint32_t len;

        memcpy(&len, data + at, sizeof len);
        at += sizeof len;
        if (len > size - at)
            break;
        if (items != NULL)
            items[count] = (struct bench_pool_response){.der = data + at, .len = len};
        at += len;
    }
    return count;
}

void bench_pool_open(const char *directory, const char *name, struct bench_pool_file *file)
{
    char path[4096];
    struct stat st;
    void *data;
    int fd;

    snprintf(path, sizeof path, "%s/%s", directory, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        err(1, "%s", path);
    data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (data == MAP_FAILED)
        err(1, "%s", path);
    close(fd);
    file->count = count_items(data, (size_t)st.st_size, NULL);
    file->items = calloc(file->count + 1, sizeof *file->items);
    if (file->items == NULL)
        err(1, "%s", path);
    count_items(data, (size_t)st.st_size, file->items);
}

void bench_pool_serial(uint64_t number, uint8_t out[BENCH_POOL_SERIAL_LEN])
{
    memset(out, 0, BENCH_POOL_SERIAL_LEN);
    out[0] = BENCH_POOL_SERIAL_FIRST;
    for (unsigned i = 0; i < 8; i++)
        out[BENCH_POOL_SERIAL_LEN - 1 - i] = (uint8_t)(number >> (8 * i));
}

int64_t bench_pool_asked_for(const uint8_t *request, size_t len)
{
    static const uint8_t head[] = {0x02, BENCH_POOL_SERIAL_LEN, BENCH_POOL_SERIAL_FIRST, 0, 0, 0, 0, 0, 0, 0};
    const uint8_t *found = memmem(request, len, head, sizeof head);
    uint64_t number = 0;

    if (found == NULL || (size_t)(found - request) + sizeof head + 8 > len)
        return -1;
    for (unsigned i = 0; i < 8; i++)
        number = number << 8 | found[sizeof head + i];
    return number > INT64_MAX ? -1 : (int64_t)number;
}
