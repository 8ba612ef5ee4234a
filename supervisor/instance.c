/* SPDX-License-Identifier: ISC */
#include "instance.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "bounds.h"

enum instance_result instance_lock(const char *run_dir, char *error, size_t cap)
{
    char path[FILE_PATH_MAX + 32];
    char pid[24] = "";
    int fd;

    snprintf(path, sizeof path, "%s/stapleguardd.lock", run_dir);
    fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0) {
        snprintf(error, cap, "cannot open %s: %s", path, strerror(errno));
        return INSTANCE_FAILED;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        enum instance_result result = errno == EWOULDBLOCK ? INSTANCE_OTHER_RUNS : INSTANCE_FAILED;

        if (result == INSTANCE_OTHER_RUNS && read(fd, pid, sizeof pid - 1) > 0)
            pid[strcspn(pid, "\n")] = '\0';
        snprintf(error, cap, "already running%s%s (it holds %s)", pid[0] != '\0' ? " as process " : "", pid, path);
        if (result == INSTANCE_FAILED)
            snprintf(error, cap, "cannot lock %s: %s", path, strerror(errno));
        close(fd);
        return result;
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
