/* SPDX-License-Identifier: ISC */
#include "instance.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bounds.h"
#include "system/lock_file.h"

static enum instance_result other_runs(const char *path, char *error, size_t cap)
{
    char pid[24] = "";
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    if (fd >= 0 && read(fd, pid, sizeof pid - 1) > 0)
        pid[strcspn(pid, "\n")] = '\0';
    if (fd >= 0)
        close(fd);
    snprintf(error, cap, "already running%s%s (it holds %s)", pid[0] != '\0' ? " as process " : "", pid, path);
    return INSTANCE_OTHER_RUNS;
}

enum instance_result instance_lock(const char *run_dir, char *error, size_t cap)
{
    char path[FILE_PATH_MAX + 32];
    char pid[24];
    int fd;

    snprintf(path, sizeof path, "%s/stapleguardd.lock", run_dir);
    fd = lock_file_take(path);
    if (fd < 0 && errno == EWOULDBLOCK)
        return other_runs(path, error, cap);
    if (fd < 0) {
        snprintf(error, cap, "cannot lock %s: %s", path, strerror(errno));
        return INSTANCE_FAILED;
    }
    /* The number is for people; the lock is what counts, and it ends with the process that keeps fd open. */
    snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || write(fd, pid, strlen(pid)) != (ssize_t)strlen(pid)) {
        snprintf(error, cap, "cannot write %s: %s", path, strerror(errno));
        close(fd);
        return INSTANCE_FAILED;
    }
    return INSTANCE_ALONE;
}
