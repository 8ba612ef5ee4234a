/* SPDX-License-Identifier: ISC */
#include "audit/audit_lost.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FLAGS (O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
/* Always as long: it is written over in place. */
#define LINE_LEN 21u

static void write_count(const struct audit_lost *lost, int flags)
{
    char line[LINE_LEN + 1];
    int fd = open(lost->path, FLAGS | flags, 0600);

    snprintf(line, sizeof line, "%020" PRIu64 "\n", lost->kept);
    /* Where it cannot be kept the journal still has the records, and standard error their number. */
    if (fd >= 0 && pwrite(fd, line, LINE_LEN, 0) == (ssize_t)LINE_LEN)
        fdatasync(fd);
    if (fd >= 0)
        close(fd);
}

void audit_lost_open(struct audit_lost *lost, const char *state_dir)
{
    char line[LINE_LEN + 1] = "";
    int fd;

    *lost = (struct audit_lost){.path = NULL};
    if (asprintf(&lost->path, "%s/" AUDIT_LOST_FILE, state_dir) < 0) {
        lost->path = NULL;
        return;
    }
    fd = open(lost->path, FLAGS);
    if (fd < 0) {
        write_count(lost, O_CREAT);
        return;
    }
    if (pread(fd, line, LINE_LEN, 0) == (ssize_t)LINE_LEN)
        lost->kept = strtoull(line, NULL, 10);
    close(fd);
}

void audit_lost_keep(struct audit_lost *lost, uint64_t count)
{
    if (lost->path == NULL || lost->kept == count)
        return;
    lost->kept = count;
    write_count(lost, O_CREAT);
}

void audit_lost_close(struct audit_lost *lost)
{
    free(lost->path);
    lost->path = NULL;
}
