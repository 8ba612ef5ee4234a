/* SPDX-License-Identifier: ISC */
#include "keeper/apache_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

/*
 * A lock of the open file description: it conflicts with the process locks that Apache takes, and does not vanish when
 * another descriptor of the same file is closed (fcntl(2)).
 */
static int set_record_lock(int fd, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};

    return fcntl(fd, F_OFD_SETLK, &lock);
}

int apache_lock_try(enum apache_lock_kind kind, int fd)
{
    int result = 0;

    if (kind == APACHE_LOCK_FLOCK)
        result = flock(fd, LOCK_EX | LOCK_NB);
    else if (kind == APACHE_LOCK_FCNTL)
        result = set_record_lock(fd, F_WRLCK);
    if (result == 0)
        return 0;
    return errno == EAGAIN || errno == EACCES ? 1 : -1;
}

void apache_lock_release(enum apache_lock_kind kind, int fd)
{
    if (kind == APACHE_LOCK_FLOCK)
        flock(fd, LOCK_UN);
    else if (kind == APACHE_LOCK_FCNTL)
        set_record_lock(fd, F_UNLCK);
}
