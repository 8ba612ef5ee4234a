/* SPDX-License-Identifier: ISC */
#include "pem/pem_blocks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "system/file.h"

static enum reason failed(enum reason reason, const char *what, char *detail)
{
    snprintf(detail, DETAIL_MAX + 1, "%s", what);
    return reason;
}

/* Read to the end; *len counts what lies in data, also on failure. */
static enum reason read_all(int fd, char *data, size_t cap, size_t *len, char *detail)
{
    ssize_t got;

    *len = 0;
    for (;;) {
        got = read(fd, data + *len, cap - *len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return failed(REASON_FILE_UNREADABLE, strerror(errno), detail);
        if (got == 0)
            return REASON_NONE;
        *len += (size_t)got;
        if (*len == cap) {
            snprintf(detail, DETAIL_MAX + 1, "more than %u bytes", CERT_FILE_MAX);
            return REASON_FILE_TOO_LARGE;
        }
    }
}

enum reason pem_blocks_read(const char *path, struct pem_blocks *blocks, char detail[DETAIL_MAX + 1])
{
    enum reason reason = REASON_INTERNAL;
    char *data = NULL;
    size_t len = 0;
    const char *why;
    int fd;

    detail[0] = '\0';
    fd = file_open_regular(path, &why);
    if (fd < 0)
        return failed(errno == ENOENT ? REASON_FILE_MISSING : REASON_FILE_UNREADABLE, why, detail);
    /* As large as a file may be, so that it never has to grow: realloc would leave a copy behind. */
    data = malloc(CERT_FILE_MAX + 1);
    if (data == NULL) {
        reason = failed(REASON_INTERNAL, "out of memory", detail);
        goto out;
    }
    reason = read_all(fd, data, CERT_FILE_MAX + 1, &len, detail);
    if (reason == REASON_NONE)
        reason = pem_blocks_scan(data, len, blocks, detail);
out:
    if (data != NULL)
        explicit_bzero(data, len);
    free(data);
    close(fd);
    return reason;
}

void pem_blocks_clear(struct pem_blocks *blocks)
{
    free(blocks->text);
    *blocks = (struct pem_blocks){0};
}
