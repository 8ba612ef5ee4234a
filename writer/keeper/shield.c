/* SPDX-License-Identifier: ISC */
#include "keeper/shield.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/capability.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sandbox/caps.h"

int shield_set(int directory_fd, bool is_up)
{
    int flags; /* an int, whatever the request's name says: ioctl_iflags(2) */
    int wanted;

    if (ioctl(directory_fd, FS_IOC_GETFLAGS, &flags) != 0)
        return -1;
    wanted = is_up ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
    return wanted == flags ? 0 : ioctl(directory_fd, FS_IOC_SETFLAGS, &wanted);
}

bool shield_is_up(int directory_fd)
{
    int flags;

    return ioctl(directory_fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_IMMUTABLE_FL) != 0;
}

/* As the directory's owner, for file access alone; that takes the capability's effect away (capabilities(7)): raised again. */
static int lower_as(int fd, uid_t owner)
{
    int result = -1;
    int failed;

    setfsuid(owner);
    if (caps_raise(CAP_LINUX_IMMUTABLE) == 0)
        result = shield_set(fd, false);
    failed = errno;
    setfsuid(geteuid());
    errno = failed;
    return result;
}

int shield_lift(const char *path, uid_t owner)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result;

    if (fd < 0)
        return -1;
    result = shield_is_up(fd) ? lower_as(fd, owner) : 0;
    close(fd);
    return result;
}
