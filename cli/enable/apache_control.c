/* SPDX-License-Identifier: ISC */
#include "enable/apache_control.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bounds.h"
#include "host/apache_process.h"
#include "host/subprocess.h"
#include "system/clock.h"

#define CONTROL_TIMEOUT_SEC 90
/* Reading a large configuration, and letting requests end before a stop. */
#define RESTART_WAIT_MSEC 60000
/* A start that said it was done, and one that failed. */
#define START_TRIES 5
#define START_WAIT_MSEC 5000
#define START_AGAIN_MSEC 500
/* The kernel tells of no new child of another process: looked at so often. */
#define LOOK_MSEC 20

/* More children than an Apache has; of those beyond, none is taken for new. */
#define CHILDREN_MAX 20000u

static int run_control(const struct conf *conf, const char *word, char *error, size_t cap)
{
    const char *const argv[] = {conf->control, word, NULL};
    struct subprocess_result result;
    char said[2 * DETAIL_MAX];
    int code = subprocess_run(argv, CONTROL_TIMEOUT_SEC, &result);

    subprocess_words(&result, said, sizeof said);
    if (code != 0)
        snprintf(error, cap, "%s %s: %s", conf->control, word,
            result.errno_value != 0 ? strerror(result.errno_value)
                : said[0] != '\0'   ? said
                                    : "it failed and says nothing about why");
    subprocess_clear(&result);
    return code;
}

int apache_configtest(const struct conf *conf, char *error, size_t cap)
{
    return run_control(conf, "configtest", error, cap);
}

bool apache_is_running(const struct conf *conf)
{
    int pidfd;
    pid_t pid = apache_process_find(conf->pid_file, &pidfd);

    if (pidfd >= 0)
        close(pidfd);
    return pid != 0;
}

/* Source: proc_pid_stat(5), field 4; the name in field 2 may hold anything. */
static pid_t parent_of(const char *pid)
{
    char path[64];
    char text[512] = "";
    const char *at;
    int parent = 0;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    file = fopen(path, "re");
    if (file == NULL)
        return 0;
    at = fgets(text, sizeof text, file) == NULL ? NULL : strrchr(text, ')');
    fclose(file);
    return at != NULL && sscanf(at, ") %*c %d", &parent) == 1 ? parent : 0;
}

struct family {
    pid_t *pids; /* owned */
    size_t count;
};

static bool is_of(const struct family *family, pid_t pid)
{
    for (size_t i = 0; i < family->count; i++)
        if (family->pids[i] == pid)
            return true;
    return false;
}

/* The children of pid into *family, or (has_new not NULL) whether there is one that is not in it. */
static void look_at_children(pid_t pid, struct family *family, bool *has_new)
{
    DIR *dir = opendir("/proc");
    const struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        pid_t child = (pid_t)atoi(entry->d_name);

        if (!isdigit((unsigned char)entry->d_name[0]) || parent_of(entry->d_name) != pid)
            continue;
        if (has_new != NULL)
            *has_new = *has_new || !is_of(family, child);
        else if (family->count < CHILDREN_MAX)
            family->pids[family->count++] = child;
    }
    if (dir != NULL)
        closedir(dir);
}

static int wait_for_new_child(pid_t pid, int pidfd, struct family *before, char *error, size_t cap)
{
    int64_t until_msec = clock_monotonic_msec() + RESTART_WAIT_MSEC;
    struct pollfd polled = {pidfd, POLLIN, 0};
    bool has_new = false;

    while (!has_new) {
        if (poll(&polled, 1, LOOK_MSEC) == 1) {
            snprintf(error, cap, "Apache ended instead of restarting; its error log says why");
            return -1;
        }
        if (clock_monotonic_msec() > until_msec) {
            snprintf(error, cap, "Apache did not restart within %d s; its error log may say why", RESTART_WAIT_MSEC / 1000);
            return -1;
        }
        look_at_children(pid, before, &has_new);
    }
    return 0;
}

static int restart_gracefully(const struct conf *conf, pid_t pid, int pidfd, char *error, size_t cap)
{
    struct family before = {.pids = calloc(CHILDREN_MAX, sizeof *before.pids)};
    int result = -1;

    if (before.pids == NULL) {
        snprintf(error, cap, "out of memory");
        return -1;
    }
    look_at_children(pid, &before, NULL);
    if (run_control(conf, "graceful", error, cap) == 0)
        result = wait_for_new_child(pid, pidfd, &before, error, cap);
    free(before.pids);
    return result;
}

/* The main process, once it has written its PidFile; 0: not in this time. */
static pid_t wait_for_process(const struct conf *conf, int64_t wait_msec, int *pidfd)
{
    int64_t until_msec = clock_monotonic_msec() + wait_msec;
    pid_t pid;

    while ((pid = apache_process_find(conf->pid_file, pidfd)) == 0 && clock_monotonic_msec() < until_msec)
        poll(NULL, 0, LOOK_MSEC);
    return pid;
}

/*
 * `start` says that Apache runs already, and does nothing, while its last process is dead but not collected yet, and it fails while
 * the last one's children still hold the port: so it is told more than once.
 */
static int start(const struct conf *conf, char *error, size_t cap)
{
    struct family nobody = {.pids = NULL};
    int pidfd = -1;
    pid_t pid = 0;
    int result = -1;

    for (int i = 0; i < START_TRIES && pid == 0; i++) {
        result = run_control(conf, "start", error, cap);
        pid = wait_for_process(conf, result == 0 ? START_WAIT_MSEC : START_AGAIN_MSEC, &pidfd);
    }
    if (pid == 0) {
        if (result == 0)
            snprintf(error, cap, "Apache does not start; its error log says why");
        return -1;
    }
    result = wait_for_new_child(pid, pidfd, &nobody, error, cap);
    close(pidfd);
    return result;
}

static int stop(const struct conf *conf, int pidfd, char *error, size_t cap)
{
    struct pollfd polled = {pidfd, POLLIN, 0};
    int64_t until_msec = clock_monotonic_msec() + RESTART_WAIT_MSEC;
    int64_t left_msec;

    if (run_control(conf, "stop", error, cap) != 0)
        return -1;
    while ((left_msec = until_msec - clock_monotonic_msec()) > 0) /* a signal interrupts poll, and not us */
        if (poll(&polled, 1, (int)left_msec) == 1)
            return 0;
    snprintf(error, cap, "Apache did not stop within %d s", RESTART_WAIT_MSEC / 1000);
    return -1;
}

int apache_restart(const struct conf *conf, bool is_full, char *error, size_t cap)
{
    int pidfd = -1;
    pid_t pid;
    int result;

    if (apache_configtest(conf, error, cap) != 0)
        return -1;
    pid = apache_process_find(conf->pid_file, &pidfd);
    if (pid == 0)
        result = start(conf, error, cap);
    else if (is_full)
        result = stop(conf, pidfd, error, cap) == 0 ? start(conf, error, cap) : -1;
    else
        result = restart_gracefully(conf, pid, pidfd, error, cap);
    if (pidfd >= 0)
        close(pidfd);
    return result;
}
