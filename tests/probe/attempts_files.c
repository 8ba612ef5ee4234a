/* SPDX-License-Identifier: ISC */
/*
 * Owns: attempts at files by name, and by other ways.
 * Runs in: probes (tests only).
 * Never: does harm where it succeeds.
 */
#include "attempt.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define HERE "probe-made-this"
/* Beside page->upwards; the directory is for everybody. */
#define OUT_OF_HERE "../outside/probe-made-this"
#define DOOMED "../outside/doomed"

static long open_absolute(page_t *page)
{
    (void)page;
    return closed(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static long open_upwards(page_t *page)
{
    return closed(open(page->upwards, O_RDONLY | O_CLOEXEC));
}

static long open_upwards_to_write(page_t *page)
{
    return closed(open(page->upwards, O_WRONLY | O_CLOEXEC));
}

static long open_root(page_t *page)
{
    (void)page;
    return closed(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static long open_proc(page_t *page)
{
    (void)page;
    return closed(open("/proc/1/environ", O_RDONLY | O_CLOEXEC));
}

static long open_how(page_t *page)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC};

    return closed(syscall(SYS_openat2, AT_FDCWD, page->upwards, &how, sizeof how));
}

static long create_here(page_t *page)
{
    (void)page;
    return closed(open(HERE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

/* Apache's file, where the probe lays one out. */
static long read_here(page_t *page)
{
    (void)page;
    return closed(open("cache.db", O_RDONLY | O_CLOEXEC));
}

static long list_here(page_t *page)
{
    (void)page;
    return closed(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static long mkdir_here(page_t *page)
{
    (void)page;
    return mkdir(HERE ".d", 0700);
}

static long create_upwards(page_t *page)
{
    (void)page;
    return closed(open(OUT_OF_HERE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static long mkdir_upwards(page_t *page)
{
    (void)page;
    return mkdir(OUT_OF_HERE ".d", 0700);
}

static long rename_upwards(page_t *page)
{
    return rename(page->upwards, OUT_OF_HERE ".renamed") == 0 ? rename(OUT_OF_HERE ".renamed", page->upwards) : -1;
}

static long unlink_upwards(page_t *page)
{
    (void)page;
    return unlink(DOOMED);
}

static long link_upwards(page_t *page)
{
    return link(page->upwards, HERE ".link");
}

static long symlink_here(page_t *page)
{
    return symlink(page->upwards, HERE ".symlink");
}

static long fifo_here(page_t *page)
{
    (void)page;
    return mknod(HERE ".fifo", S_IFIFO | 0600, 0);
}

static long device_here(page_t *page)
{
    (void)page;
    return mknod(HERE ".device", S_IFCHR | 0600, (dev_t)0x0103);
}

static long chmod_upwards(page_t *page)
{
    return chmod(page->upwards, 0777);
}

static long chown_upwards(page_t *page)
{
    return chown(page->upwards, geteuid(), (gid_t)-1);
}

static long truncate_upwards(page_t *page)
{
    return truncate(page->upwards, 12);
}

static long listxattr_upwards(page_t *page)
{
    char names[256];

    return syscall(SYS_listxattr, page->upwards, names, sizeof names);
}

static long setxattr_upwards(page_t *page)
{
    return syscall(SYS_setxattr, page->upwards, "user.probe", "", 0, 0);
}

static long statfs_root(page_t *page)
{
    uint64_t room[64];

    (void)page;
    return syscall(SYS_statfs, "/", room);
}

static long handle_by_name(page_t *page)
{
    struct {
        unsigned bytes;
        int type;
        unsigned char room[128];
    } handle = {.bytes = 128};
    int mount_id;

    return syscall(SYS_name_to_handle_at, AT_FDCWD, page->upwards, &handle, &mount_id, 0);
}

static long open_by_handle(page_t *page)
{
    struct {
        unsigned bytes;
        int type;
        unsigned char room[128];
    } handle = {.bytes = 128};

    (void)page;
    return closed(syscall(SYS_open_by_handle_at, AT_FDCWD, &handle, O_RDONLY));
}

static long watch_files(page_t *page)
{
    (void)page;
    return closed(inotify_init1(IN_CLOEXEC));
}

static long watch_all_files(page_t *page)
{
    (void)page;
    return closed(syscall(SYS_fanotify_init, 0xffffffffu, 0));
}

static long read_stray_descriptor(page_t *page)
{
    char octet;

    (void)page;
    return pread(PROBE_STRAY_FD, &octet, 1, 0);
}

const struct attempt attempts_files[] = {
    {"read-stray-descriptor", read_stray_descriptor},
    {"open-absolute", open_absolute},
    {"open-upwards", open_upwards},
    {"open-upwards-to-write", open_upwards_to_write},
    {"open-root", open_root},
    {"open-proc", open_proc},
    {"openat2", open_how},
    {"create-here", create_here},
    {"read-here", read_here},
    {"list-here", list_here},
    {"mkdir-here", mkdir_here},
    {"create-upwards", create_upwards},
    {"mkdir-upwards", mkdir_upwards},
    {"rename-upwards", rename_upwards},
    {"unlink-upwards", unlink_upwards},
    {"link-upwards", link_upwards},
    {"symlink-here", symlink_here},
    {"fifo-here", fifo_here},
    {"device-here", device_here},
    {"chmod-upwards", chmod_upwards},
    {"chown-upwards", chown_upwards},
    {"truncate-upwards", truncate_upwards},
    {"listxattr-upwards", listxattr_upwards},
    {"setxattr-upwards", setxattr_upwards},
    {"statfs-root", statfs_root},
    {"name_to_handle_at", handle_by_name},
    {"open_by_handle_at", open_by_handle},
    {"inotify_init", watch_files},
    {"fanotify_init", watch_all_files},
    {NULL, NULL},
};
