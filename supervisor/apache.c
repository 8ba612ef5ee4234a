/*
 * Owns: finding Apache's main process (PidFile, pidfd) and the lock file of its `ssl-stapling` mutex.
 * Runs in: supervisor (daemon).
 * Never: signals Apache (the writer's keeper does), or believes a PidFile whose process is gone.
 */
#include "apache.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "caps.h"

/* The name httpd gives the mutex, and what the kernel appends to the name of an unlinked file. */
#define LOCK_NAME "ssl-stapling"
#define DELETED " (deleted)"

/* Both times are rounded, and the clock may have been set a little meanwhile. */
#define START_SLACK_SEC 5

/* A number and a newline; anything longer is no PidFile. */
#define PID_TEXT_MAX 16

static pid_t read_pid(const char *path)
{
    char text[PID_TEXT_MAX + 2] = "";
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    ssize_t got = -1;
    char *end;
    long pid;

    if (fd < 0)
        return 0;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        got = read(fd, text, sizeof text - 1);
    close(fd);
    if (got <= 0 || got > PID_TEXT_MAX || !isdigit((unsigned char)text[0]))
        return 0;
    errno = 0;
    pid = strtol(text, &end, 10);
    if (errno != 0 || pid <= 1 || pid > INT_MAX || (*end != '\n' && *end != '\0'))
        return 0;
    return (pid_t)pid;
}

/* When the process started, in seconds since 1970; 0: that cannot be told.  Source: proc_pid_stat(5), field 22. */
static int64_t start_of(pid_t pid)
{
    char path[64];
    char text[1024] = "";
    unsigned long long ticks;
    const char *at;
    struct timespec real, boot;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    file = fopen(path, "re");
    if (file == NULL)
        return 0;
    at = fgets(text, sizeof text, file) == NULL ? NULL : strrchr(text, ')'); /* the name may hold anything */
    fclose(file);
    for (int field = 2; at != NULL && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (at == NULL || sscanf(at, " %llu", &ticks) != 1)
        return 0;
    clock_gettime(CLOCK_REALTIME, &real);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    return (int64_t)real.tv_sec - (int64_t)boot.tv_sec + (int64_t)(ticks / (unsigned long long)sysconf(_SC_CLK_TCK));
}

/*
 * A PidFile that was left behind may name a process of somebody else's by now, and that must never get Apache's SIGUSR1.
 * Apache's main process is root's and started before it wrote the file.  Source: httpd log.c (ap_log_pid).
 */
static bool is_plausible(pid_t pid, const char *pid_file)
{
    char path[64];
    struct stat process, file;

    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    return stat(path, &process) == 0 && process.st_uid == 0 && stat(pid_file, &file) == 0
        && start_of(pid) <= (int64_t)file.st_mtim.tv_sec + START_SLACK_SEC;
}

bool apache_find(const char *pid_file, struct apache *apache)
{
    pid_t pid = read_pid(pid_file);

    *apache = (struct apache){.pidfd = -1, .lock_fd = -1};
    if (pid == 0)
        return false;
    apache->pidfd = pidfd_open(pid, 0);
    /* Read again: between the two it may have ended, and its number be another's. */
    if (apache->pidfd < 0 || read_pid(pid_file) != pid || apache_has_ended(apache) || !is_plausible(pid, pid_file)) {
        apache_clear(apache);
        return false;
    }
    apache->pid = pid;
    return true;
}

bool apache_has_ended(const struct apache *apache)
{
    struct pollfd polled = {apache->pidfd, POLLIN, 0};

    return poll(&polled, 1, 0) == 1;
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
