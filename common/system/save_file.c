/* SPDX-License-Identifier: ISC */
#include "system/save_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounds.h"
#include "system/file.h"

int save_file(const char *path, mode_t mode, gid_t gid, const char *octets, size_t len)
{
    char fresh[FILE_PATH_MAX + 8];
    bool is_well;
    int saved;
    int fd;

    snprintf(fresh, sizeof fresh, "%s.new", path);
    unlink(fresh);
    fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    is_well = file_write_all(fd, octets, len) == len && (gid == (gid_t)-1 || fchown(fd, (uid_t)-1, gid) == 0)
        && fchmod(fd, mode) == 0;
    saved = errno;
    if (close(fd) == 0 && is_well && rename(fresh, path) == 0)
        return 0;
    saved = is_well ? errno : saved;
    unlink(fresh);
    errno = saved;
    return -1;
}
