/* SPDX-License-Identifier: ISC */
#include "apache/apache_watch.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/apache_process.h"
#include "sandbox/caps.h"

/* The name httpd gives the mutex, and what the kernel appends to the name of an unlinked file. */
#define LOCK_NAME "ssl-stapling"
#define DELETED " (deleted)"

bool apache_find(const char *pid_file, struct apache *apache)
{
    *apache = (struct apache){.pidfd = -1, .lock_fd = -1};
    apache->pid = apache_process_find(pid_file, &apache->pidfd);
    return apache->pid != 0;
}

bool apache_has_ended(const struct apache *apache)
{
    return apache_process_has_ended(apache->pidfd);
}

/* What the name of an open file says about the lock.  Returns APACHE_LOCK_NONE when it is another file. */
static enum apache_lock_kind kind_of(const char *path, bool *is_omit_pid)
{
    const char *name = strrchr(path, '/');
    size_t len = strlen(path);
    bool is_deleted = len > strlen(DELETED) && strcmp(path + len - strlen(DELETED), DELETED) == 0;

    if (name == NULL || strncmp(name + 1, LOCK_NAME, strlen(LOCK_NAME)) != 0)
        return APACHE_LOCK_NONE;
    name += 1 + strlen(LOCK_NAME);
    *is_omit_pid = *name == '\0' || *name == ' ';
    if (!*is_omit_pid && (*name != '.' || !isdigit((unsigned char)name[1]))) /* ssl-stapling-refresh */
        return APACHE_LOCK_NONE;
    return is_deleted ? APACHE_LOCK_FCNTL : APACHE_LOCK_FLOCK;
}

/* Opened through /proc it is a description of our own, which a lock needs. */
static bool take_lock_file(struct apache *apache, const char *link, enum apache_lock_kind kind)
{
    struct stat st;

    apache->lock_fd = open(link, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (apache->lock_fd < 0)
        return false;
    if (fstat(apache->lock_fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(apache->lock_fd);
        apache->lock_fd = -1;
        return false;
    }
    apache->lock_kind = kind;
    return true;
}

static void look_through(struct apache *apache, const char *directory)
{
    DIR *dir = opendir(directory);
    const struct dirent *entry;

    if (dir == NULL) {
        snprintf(apache->detail, sizeof apache->detail, "its open files cannot be seen: %s", strerror(errno));
        return;
    }
    while (apache->lock_fd < 0 && (entry = readdir(dir)) != NULL) {
        char link[PATH_MAX];
        char target[PATH_MAX];
        ssize_t len;
        bool is_omit_pid = false;
        enum apache_lock_kind kind;

        snprintf(link, sizeof link, "%s/%s", directory, entry->d_name);
        len = readlink(link, target, sizeof target - 1);
        if (len <= 0)
            continue;
        target[len] = '\0';
        kind = kind_of(target, &is_omit_pid);
        if (kind == APACHE_LOCK_NONE)
            continue;
        if (take_lock_file(apache, link, kind))
            apache->is_omit_pid_used = is_omit_pid;
        else
            snprintf(apache->detail, sizeof apache->detail, "%.300s: %s", target, strerror(errno));
    }
    closedir(dir);
}

void apache_find_lock(struct apache *apache)
{
    char directory[64];

    apache->detail[0] = '\0';
    snprintf(directory, sizeof directory, "/proc/%d/fd", (int)apache->pid);
    if (caps_raise(CAP_SYS_PTRACE) != 0) {
        snprintf(apache->detail, sizeof apache->detail, "looking for it takes CAP_SYS_PTRACE");
        return;
    }
    look_through(apache, directory);
    caps_lower(CAP_SYS_PTRACE);
    if (apache->lock_fd < 0 && apache->detail[0] == '\0')
        snprintf(apache->detail, sizeof apache->detail,
            "it is not a file; to let commits and Apache's own updates wait for each other, put `Mutex flock:DIR ssl-stapling` "
            "into Apache's configuration");
}

void apache_clear(struct apache *apache)
{
    if (apache->pidfd >= 0)
        close(apache->pidfd);
    if (apache->lock_fd >= 0)
        close(apache->lock_fd);
    *apache = (struct apache){.pidfd = -1, .lock_fd = -1};
}
