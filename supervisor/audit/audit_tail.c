/* SPDX-License-Identifier: ISC */
#include "audit/audit_tail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The line that ends at `end`: where it begins. */
static size_t line_start(const char *data, size_t end)
{
    const char *newline = memrchr(data, '\n', end);

    return newline == NULL ? 0 : (size_t)(newline - data) + 1;
}

static void take_record(const char *line, size_t len, struct audit_tail *tail)
{
    struct audit_seal seal = {0};

    tail->has_record = true;
    audit_seal_split(line, len, &seal, &tail->is_sealed);
    tail->epoch = tail->is_sealed ? seal.epoch : 0;
}

/* From the last record upwards: is the one with the kept number the kept one? */
static bool is_kept_other(const char *data, size_t end, const struct audit_chain *kept)
{
    struct audit_chain chain;

    for (size_t start;; end = start - 1) {
        start = line_start(data, end);
        if (audit_record_read(data + start, end - start, NULL, &chain) == AUDIT_OK && chain.seq <= kept->seq)
            return chain.seq == kept->seq && memcmp(chain.hash, kept->hash, sizeof chain.hash) != 0;
        if (start == 0)
            return false;
    }
}

void audit_tail_scan(const char *data, size_t len, const struct audit_chain *kept, struct audit_tail *tail)
{
    size_t end = len; /* of the line that is looked at, without its newline */
    size_t start;

    *tail = (struct audit_tail){.is_empty = len == 0, .is_line_open = len > 0 && data[len - 1] != '\n', .unsound_len = len};
    if (len > 0 && !tail->is_line_open)
        end--;
    for (; !tail->is_empty; end = start - 1) {
        start = line_start(data, end);
        if (audit_record_read(data + start, end - start, NULL, &tail->chain) == AUDIT_OK) {
            take_record(data + start, end - start, tail);
            tail->unsound_len = end == len ? 0 : len - end - 1;
            tail->is_kept_other = kept != NULL && is_kept_other(data, end, kept);
            break;
        }
        if (start == 0)
            break;
    }
    tail->is_torn = tail->unsound_len > 0 && memchr(data + len - tail->unsound_len, '\n', tail->unsound_len) == NULL;
}

int audit_tail_read(int fd, const struct audit_chain *kept, struct audit_tail *tail)
{
    char *data = NULL;
    struct stat status;
    size_t want;
    size_t len = 0;
    off_t start;
    int result = -1;

    if (fstat(fd, &status) != 0)
        return -1;
    want = status.st_size < AUDIT_TAIL_LEN ? (size_t)status.st_size : AUDIT_TAIL_LEN;
    start = status.st_size - (off_t)want;
    data = malloc(want + 1);
    if (data == NULL)
        return -1;
    while (len < want) {
        ssize_t got = pread(fd, data + len, want - len, start + (off_t)len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            goto out;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    audit_tail_scan(data, len, kept, tail);
    result = 0;
out:
    free(data);
    return result;
}
