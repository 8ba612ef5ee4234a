/* SPDX-License-Identifier: ISC */
#include "store/store_home.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ASIDE_PREFIX "store.corrupt-"

/* Exit codes of the trial are this plus enum store_result, so that no other way to end looks like one. */
#define TRIAL_EXIT_BASE 32

/* More damaged stores than this were never kept, whatever happened. */
#define LISTED_MAX 64u

static bool go_on(void *context, const uint8_t id[STORE_ID_LEN], enum store_result result, const struct store_record *record)
{
    (void)context;
    (void)id;
    (void)result;
    (void)record;
    return true;
}

typedef enum store_result open_fn(const char *directory, struct store **out, char detail[DETAIL_MAX + 1]);

/* In the child: recover, read everything once (each page has a checksum), close. */
static _Noreturn void run_trial(open_fn *open_it, const char *directory, int words_fd)
{
    char detail[DETAIL_MAX + 1] = "";
    struct store *store = NULL;
    enum store_result result;
    ssize_t written;

    signal(SIGALRM, SIG_DFL);
    alarm(STORE_HOME_TRIAL_SEC);
    result = open_it(directory, &store, detail);
    if (result == STORE_OK) {
        result = store_walk(store, go_on, NULL);
        snprintf(detail, sizeof detail, "%s", store_detail(store));
        store_close(store);
    }
    written = write(words_fd, detail, strlen(detail));
    (void)written; /* the words are missing then; the result is not */
    _exit(TRIAL_EXIT_BASE + (int)result);
}

static enum store_result judge_trial(int status, char detail[DETAIL_MAX + 1])
{
    int result = WIFEXITED(status) ? WEXITSTATUS(status) - TRIAL_EXIT_BASE : -1;
    int signal_number;

    if (result >= (int)STORE_OK && result <= (int)STORE_CORRUPT)
        return (enum store_result)result;
    if (!WIFSIGNALED(status)) {
        snprintf(detail, DETAIL_MAX + 1, "the trial of the store ended with exit code %d", WEXITSTATUS(status));
        return STORE_CORRUPT;
    }
    signal_number = WTERMSIG(status);
    if (signal_number == SIGALRM)
        snprintf(detail, DETAIL_MAX + 1, "Berkeley DB did not come to an end with the store within %u s", STORE_HOME_TRIAL_SEC);
    else
        snprintf(detail, DETAIL_MAX + 1, "Berkeley DB died of signal %d on the store", signal_number);
    /* Somebody from outside, the kernel for want of memory, or our own sandbox: that says nothing about the store. */
    if (signal_number == SIGKILL || signal_number == SIGTERM || signal_number == SIGINT || signal_number == SIGSYS)
        return STORE_UNWRITABLE;
    return STORE_CORRUPT;
}

static enum store_result try_out(open_fn *open_it, const char *directory, char detail[DETAIL_MAX + 1])
{
    int status = 0;
    int pipe_fds[2];
    ssize_t len;
    pid_t pid;

    if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
        snprintf(detail, DETAIL_MAX + 1, "no pipe to try out the store: %s", strerror(errno));
        return STORE_UNWRITABLE;
    }
    pid = fork();
    if (pid == 0)
        run_trial(open_it, directory, pipe_fds[1]);
    if (pid < 0)
        snprintf(detail, DETAIL_MAX + 1, "no process to try out the store: %s", strerror(errno));
    close(pipe_fds[1]);
    if (pid > 0) {
        do {
            len = read(pipe_fds[0], detail, DETAIL_MAX);
        } while (len < 0 && errno == EINTR);
        detail[len < 0 ? 0 : len] = '\0';
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
    }
    close(pipe_fds[0]);
    return pid < 0 ? STORE_UNWRITABLE : judge_trial(status, detail);
}

static void remove_directory(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    char file[PATH_MAX];

    while (directory != NULL && (entry = readdir(directory)) != NULL)
        if (entry->d_name[0] != '.' && snprintf(file, sizeof file, "%s/%s", path, entry->d_name) < (int)sizeof file)
            unlink(file);
    if (directory != NULL)
        closedir(directory);
    rmdir(path);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The names are times, so their order is that of age. */
static void remove_old(const char *root)
{
    char names[LISTED_MAX][sizeof((struct store_home_outcome *)NULL)->aside];
    char path[PATH_MAX];
    DIR *directory = opendir(root);
    const struct dirent *entry;
    size_t count = 0;

    while (directory != NULL && count < LISTED_MAX && (entry = readdir(directory)) != NULL)
        if (strncmp(entry->d_name, ASIDE_PREFIX, strlen(ASIDE_PREFIX)) == 0 && strlen(entry->d_name) < sizeof names[0])
            strcpy(names[count++], entry->d_name);
    if (directory != NULL)
        closedir(directory);
    qsort(names, count, sizeof names[0], compare_names);
    for (size_t i = 0; i + STORE_HOME_KEPT < count; i++)
        if (snprintf(path, sizeof path, "%s/%s", root, names[i]) < (int)sizeof path)
            remove_directory(path);
}

static int rename_aside(const char *root, const char *directory, int64_t now, char *aside, size_t cap)
{
    time_t seconds = (time_t)now;
    struct tm utc = {0};
    char stamp[32];
    char path[PATH_MAX];

    gmtime_r(&seconds, &utc);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &utc);
    for (int n = 1; n < 10; n++) {
        if (n == 1)
            snprintf(aside, cap, ASIDE_PREFIX "%s", stamp);
        else
            snprintf(aside, cap, ASIDE_PREFIX "%s-%d", stamp, n);
        if (snprintf(path, sizeof path, "%s/%s", root, aside) >= (int)sizeof path)
            break;
        if (rename(directory, path) == 0)
            return 0;
        if (errno != EEXIST && errno != ENOTEMPTY)
            break;
    }
    return -1;
}

static enum store_result set_aside(const char *root, const char *directory, int64_t now, struct store_home_outcome *outcome)
{
    if (rename_aside(root, directory, now, outcome->aside, sizeof outcome->aside) != 0 || mkdir(directory, 0700) != 0) {
        snprintf(outcome->detail, sizeof outcome->detail, "setting the damaged store aside: %s", strerror(errno));
        return STORE_UNWRITABLE;
    }
    outcome->is_set_aside = true;
    remove_old(root);
    return STORE_OK;
}

static enum store_result open_tried(open_fn *open_it, const char *directory, struct store **out, char detail[DETAIL_MAX + 1])
{
    enum store_result result = try_out(open_it, directory, detail);

    return result == STORE_OK ? open_it(directory, out, detail) : result;
}

bool store_home_has_room(const char *root)
{
    static const char zeros[64 * 1024];
    char path[PATH_MAX];
    size_t written = 0;
    int fd;

    if (snprintf(path, sizeof path, "%s/store.room", root) >= (int)sizeof path)
        return false;
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    while (fd >= 0 && written < STORE_HOME_ROOM_LEN && write(fd, zeros, sizeof zeros) == (ssize_t)sizeof zeros)
        written += sizeof zeros;
    if (fd >= 0)
        close(fd);
    unlink(path);
    return written >= STORE_HOME_ROOM_LEN;
}

enum store_result store_home_open(const char *root, int64_t now, struct store **out, struct store_home_outcome *outcome)
{
    char directory[PATH_MAX];
    char detail[DETAIL_MAX + 1];
    enum store_result result;

    *out = NULL;
    memset(outcome, 0, sizeof *outcome);
    if (snprintf(directory, sizeof directory, "%s/store", root) >= (int)sizeof directory
        || (mkdir(directory, 0700) != 0 && errno != EEXIST && errno != EROFS)) {
        snprintf(outcome->detail, sizeof outcome->detail, "making the store's directory: %s", strerror(errno));
        return STORE_UNWRITABLE;
    }
    result = open_tried(store_open, directory, out, outcome->detail);
    if (result == STORE_UNWRITABLE)
        open_tried(store_open_read_only, directory, out, detail);
    if (result == STORE_OK || result == STORE_UNWRITABLE)
        return result;
    snprintf(outcome->reason, sizeof outcome->reason, "%s", outcome->detail);
    result = set_aside(root, directory, now, outcome);
    if (result == STORE_OK)
        result = store_open(directory, out, outcome->detail);
    return result == STORE_OK ? STORE_OK : STORE_UNWRITABLE;
}
