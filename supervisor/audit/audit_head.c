/* SPDX-License-Identifier: ISC */
#include "audit/audit_head.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sha2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "system/log.h"
#include "text/hex.h"

#define START "stapleguard-audit-head 1 "
#define SEQ_DIGITS 20u
#define HASH_DIGITS (2 * AUDIT_HASH_LEN)
#define HASH_AT (sizeof START - 1 + SEQ_DIGITS + 1)
#define SUM_AT (HASH_AT + HASH_DIGITS + 1)

_Static_assert(
    SUM_AT + HASH_DIGITS + 1 == AUDIT_HEAD_LEN && SHA256_DIGEST_LENGTH == AUDIT_HASH_LEN, "the line's parts do not fit");

void audit_head_format(const struct audit_chain *chain, char line[AUDIT_HEAD_LEN + 1])
{
    uint8_t sum[AUDIT_HASH_LEN];
    SHA2_CTX context;

    snprintf(line, HASH_AT + 1, START "%020" PRIu64 " ", chain->seq);
    hex_write(chain->hash, sizeof chain->hash, line + HASH_AT);
    line[SUM_AT - 1] = ' ';
    SHA256Init(&context);
    SHA256Update(&context, (const uint8_t *)line, SUM_AT);
    SHA256Final(sum, &context);
    hex_write(sum, sizeof sum, line + SUM_AT);
    line[AUDIT_HEAD_LEN - 1] = '\n';
    line[AUDIT_HEAD_LEN] = '\0';
}

bool audit_head_parse(const char *line, size_t len, struct audit_chain *chain)
{
    char again[AUDIT_HEAD_LEN + 1];
    struct audit_chain found = {0};

    if (len != AUDIT_HEAD_LEN || memcmp(line, START, sizeof START - 1) != 0)
        return false;
    for (size_t i = sizeof START - 1; i < HASH_AT - 1; i++) {
        if (line[i] < '0' || line[i] > '9' || __builtin_mul_overflow(found.seq, 10, &found.seq)
            || __builtin_add_overflow(found.seq, (uint64_t)(line[i] - '0'), &found.seq))
            return false;
    }
    if (!hex_read(line + HASH_AT, found.hash, sizeof found.hash))
        return false;
    audit_head_format(&found, again);
    if (memcmp(again, line, len) != 0)
        return false;
    *chain = found;
    return true;
}

static int open_file(const char *path)
{
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
}

enum audit_head_result audit_head_open(struct audit_head *head, const char *path, struct audit_chain *chain)
{
    char line[AUDIT_HEAD_LEN + 1];
    ssize_t len;

    *head = (struct audit_head){.path = path, .fd = path == NULL ? -1 : open_file(path)};
    if (path == NULL)
        return AUDIT_HEAD_NONE;
    if (head->fd < 0) {
        log_warning("%s: %s; whether the audit log was cut off meanwhile cannot be seen", path, strerror(errno));
        head->is_failing = true;
        return AUDIT_HEAD_DAMAGED;
    }
    len = pread(head->fd, line, sizeof line, 0);
    if (len == 0)
        return AUDIT_HEAD_NONE;
    return len > 0 && audit_head_parse(line, (size_t)len, chain) ? AUDIT_HEAD_OK : AUDIT_HEAD_DAMAGED;
}

/* Is it still the file at its path, or one that was removed since? */
static bool is_there(const struct audit_head *head)
{
    struct stat status;

    return head->fd >= 0 && fstat(head->fd, &status) == 0 && status.st_nlink > 0;
}

void audit_head_keep(struct audit_head *head, const struct audit_chain *chain, bool is_synced)
{
    char line[AUDIT_HEAD_LEN + 1];
    bool is_well;

    if (head->path == NULL)
        return;
    if (!is_there(head)) {
        audit_head_close(head);
        head->fd = open_file(head->path);
    }
    audit_head_format(chain, line);
    is_well = head->fd >= 0 && pwrite(head->fd, line, AUDIT_HEAD_LEN, 0) == (ssize_t)AUDIT_HEAD_LEN
        && (!is_synced || fdatasync(head->fd) == 0);
    if (!is_well && !head->is_failing)
        log_warning("%s cannot be written: %s; the audit log goes on, but whether it is cut off could not be seen", head->path,
            strerror(errno));
    head->is_failing = !is_well;
}

void audit_head_close(struct audit_head *head)
{
    if (head->fd >= 0)
        close(head->fd);
    head->fd = -1;
}
