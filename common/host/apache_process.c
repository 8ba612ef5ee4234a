/* SPDX-License-Identifier: ISC */
#include "host/apache_process.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

pid_t apache_process_find(const char *pid_file, int *pidfd)
{
    pid_t pid = read_pid(pid_file);

    *pidfd = pid == 0 ? -1 : pidfd_open(pid, 0);
    if (*pidfd < 0)
        return 0;
    /* Read again: between the two it may have ended, and its number be another's. */
    if (read_pid(pid_file) == pid && !apache_process_has_ended(*pidfd) && is_plausible(pid, pid_file))
        return pid;
    close(*pidfd);
    *pidfd = -1;
    return 0;
}

bool apache_process_has_ended(int pidfd)
{
    struct pollfd polled = {pidfd, POLLIN, 0};

    return poll(&polled, 1, 0) == 1;
}
