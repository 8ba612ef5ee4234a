/* SPDX-License-Identifier: ISC */
#include "enable/dbm_trial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dbm/dbm_identify.h"
#include "enable/bound_process.h"
#include "system/clock.h"
#include "text/text.h"
#include "transaction/remove_tree.h"

#define TRIAL_WAIT_MSEC 20000
/* What Apache's configuration has room for. */
#define TMPDIR_MAX 1000u

/* What it needs beside the modules of the cache: a way to run, and User. */
static const char *const needed[] = {"mod_mpm_event.so", "mod_mpm_worker.so", "mod_mpm_prefork.so", "mod_unixd.so", "mod_ssl.so"};

static bool is_named(const char *path, const char *file)
{
    size_t len = strlen(path), file_len = strlen(file);

    return len > file_len && path[len - file_len - 1] == '/' && strcmp(path + len - file_len, file) == 0;
}

bool dbm_trial_module_file(const struct apache_facts *facts, const char *name, char *out, size_t cap)
{
    for (size_t i = 0; i < facts->libraries.count; i++) {
        const char *path = facts->libraries.items[i];
        const char *slash = strrchr(path, '/');

        if (strncmp(slash, "/mod_", 5) == 0 && (size_t)snprintf(out, cap, "%.*s/mod_%s.so", (int)(slash - path), path, name) < cap
            && access(out, R_OK) == 0)
            return true;
    }
    return false;
}

static unsigned free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unsigned port = 0;

    if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0
        && getsockname(fd, (struct sockaddr *)&address, &len) == 0)
        port = ntohs(address.sin_port);
    if (fd >= 0)
        close(fd);
    return port;
}

static void put_module(FILE *out, const char *path)
{
    const char *start = strrchr(path, '/') + sizeof "/mod_" - 1;

    fprintf(out, "LoadModule %.*s_module \"%s\"\n", (int)(strlen(start) - 3), start, path);
}

static int write_conf(const struct conf *conf, const struct apache_facts *facts, const char *directory, const char *path)
{
    char socache[FILE_PATH_MAX + 1];
    FILE *out = fopen(path, "wxe");

    if (out == NULL)
        return -1;
    fprintf(out, "ServerRoot \"%s\"\nServerName trial.invalid\nListen 127.0.0.1:%u\nPidFile \"%s/pid\"\nErrorLog \"%s/log\"\n",
        directory, free_port(), directory, directory);
    fprintf(out, "DefaultRuntimeDir \"%s\"\n", directory);
    for (size_t i = 0; i < facts->libraries.count; i++)
        for (size_t k = 0; k < sizeof needed / sizeof needed[0]; k++)
            if (is_named(facts->libraries.items[i], needed[k]))
                put_module(out, facts->libraries.items[i]);
    if (dbm_trial_module_file(facts, "socache_dbm", socache, sizeof socache))
        put_module(out, socache);
    /* A user that is a number needs its sign. */
    fprintf(out, "User %s%s\nSSLStaplingCache \"dbm:%s/trial.db\"\n",
        conf->apache_user[0] >= '0' && conf->apache_user[0] <= '9' ? "#" : "", conf->apache_user, directory);
    return fclose(out);
}

/* Its PidFile is written after every cache was made.  Source: httpd server/mpm/ (ap_log_pid). */
static void wait_for_pid_file(const char *directory, int inotify_fd, int pidfd)
{
    struct pollfd polled[2] = {{pidfd, POLLIN, 0}, {inotify_fd, POLLIN, 0}};
    int64_t until_msec = clock_monotonic_msec() + TRIAL_WAIT_MSEC;
    char path[FILE_PATH_MAX + 1];
    char news[4096];
    int64_t left_msec;

    snprintf(path, sizeof path, "%.4000s/pid", directory);
    while (access(path, F_OK) != 0 && (left_msec = until_msec - clock_monotonic_msec()) > 0 && poll(polled, 2, (int)left_msec) > 0
        && polled[0].revents == 0)
        if (read(inotify_fd, news, sizeof news) < 0 && errno != EINTR)
            return;
}

enum dbm_trial dbm_trial_look(const char *path, char *error, size_t cap)
{
    uint8_t bytes[DBM_IDENTIFY_LEN];
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
    enum dbm_kind kind;

    if (fd >= 0)
        close(fd);
    if (got < 0) {
        snprintf(error, cap, "%.2000s cannot be read: %s", path, strerror(errno));
        return DBM_TRIAL_FAILED;
    }
    kind = dbm_identify(bytes, (size_t)got);
    if (kind == DBM_KIND_BDB_HASH)
        return DBM_TRIAL_BERKELEY;
    snprintf(error, cap,
        "this Apache's DBM type is not Berkeley DB: what it makes is %s; stapleguard cannot write that. Use an Apache "
        "whose apr-util has Berkeley DB as its default (as Debian's has), or mod_md's stapling",
        dbm_kind_words(kind));
    return DBM_TRIAL_OTHER;
}

static enum dbm_trial judge(const char *directory, char *error, size_t cap)
{
    static const char *const sdbm[] = {"trial.db.pag", "trial.db.dir"};
    char path[FILE_PATH_MAX + 1], log[DETAIL_MAX + 1] = "";
    FILE *file;

    snprintf(path, sizeof path, "%.4000s/trial.db", directory);
    if (access(path, F_OK) == 0)
        return dbm_trial_look(path, error, cap);
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%.4000s/%s", directory, sdbm[i]);
        if (access(path, F_OK) == 0) {
            snprintf(error, cap,
                "this Apache's DBM type is SDBM; stapleguard cannot write that. Use an Apache whose apr-util has "
                "Berkeley DB as its default (as Debian's has), or mod_md's stapling");
            return DBM_TRIAL_OTHER;
        }
    }
    snprintf(path, sizeof path, "%.4000s/log", directory);
    file = fopen(path, "re");
    if (file != NULL) {
        char raw[DETAIL_MAX];

        if (fgets(raw, sizeof raw, file) != NULL)
            text_clean_copy(log, sizeof log, raw, strcspn(raw, "\n"));
        fclose(file);
    }
    snprintf(error, cap, "a trial of Apache's DBM type made no file%s%s", log[0] != '\0' ? ": " : "", log);
    return DBM_TRIAL_FAILED;
}

static enum dbm_trial try_in(
    const struct conf *conf, const struct apache_facts *facts, const char *directory, char *error, size_t cap)
{
    char path[FILE_PATH_MAX + 1];
    const char *const argv[] = {facts->program, "-X", "-d", directory, "-f", path, NULL};
    int inotify_fd = inotify_init1(IN_CLOEXEC);
    enum dbm_trial result;
    int pidfd;
    pid_t pid;

    snprintf(path, sizeof path, "%.4000s/conf", directory);
    if (inotify_fd < 0 || inotify_add_watch(inotify_fd, directory, IN_CREATE | IN_MOVED_TO) < 0
        || write_conf(conf, facts, directory, path) != 0 || (pid = bound_start(argv, -1)) < 0) {
        snprintf(error, cap, "a trial of Apache's DBM type is not possible: %s", strerror(errno));
        if (inotify_fd >= 0)
            close(inotify_fd);
        return DBM_TRIAL_FAILED;
    }
    pidfd = pidfd_open(pid, 0);
    wait_for_pid_file(directory, inotify_fd, pidfd);
    close(inotify_fd);
    result = judge(directory, error, cap);
    bound_end(pid);
    if (pidfd >= 0)
        close(pidfd);
    return result;
}

enum dbm_trial dbm_trial(const struct conf *conf, const struct apache_facts *facts, char *error, size_t cap)
{
    const char *place = getenv("TMPDIR");
    char directory[FILE_PATH_MAX + 1];
    enum dbm_trial result;

    if (place == NULL || *place != '/' || strlen(place) > TMPDIR_MAX)
        place = "/tmp";
    snprintf(directory, sizeof directory, "%s/stapleguard-trial-XXXXXX", place);
    if (mkdtemp(directory) == NULL) {
        snprintf(error, cap, "a trial of Apache's DBM type is not possible: %s: %s", directory, strerror(errno));
        return DBM_TRIAL_FAILED;
    }
    result = try_in(conf, facts, directory, error, cap);
    remove_tree(directory);
    return result;
}
