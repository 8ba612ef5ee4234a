/* SPDX-License-Identifier: ISC */
#include "enable/places.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bounds.h"
#include "host/users.h"

/* Where systemd-tmpfiles looks (tmpfiles.d(5)), and where a build from source puts it. */
static const char *const tmpfiles[] = {"/etc/tmpfiles.d/stapleguard.conf", "/run/tmpfiles.d/stapleguard.conf",
    "/usr/local/lib/tmpfiles.d/stapleguard.conf", "/usr/lib/tmpfiles.d/stapleguard.conf"};

static void parent_of(const char *path, char out[FILE_PATH_MAX + 1])
{
    char copy[FILE_PATH_MAX + 1];

    snprintf(copy, sizeof copy, "%s", path);
    snprintf(out, FILE_PATH_MAX + 1, "%s", dirname(copy));
}

static bool is_below(const char *path, const char *directory)
{
    size_t len = strlen(directory);

    return strncmp(path, directory, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* Does one of the files name the directory? */
static bool is_made_at_boot(const char *directory)
{
    char line[1024];
    bool is_named = false;

    for (size_t i = 0; !is_named && i < sizeof tmpfiles / sizeof tmpfiles[0]; i++) {
        FILE *file = fopen(tmpfiles[i], "re");

        while (file != NULL && !is_named && fgets(line, sizeof line, file) != NULL)
            is_named = line[0] == 'd' && strstr(line, directory) != NULL;
        if (file != NULL)
            fclose(file);
    }
    return is_named;
}

/* As Apache's children: with its user's id and group. */
static bool has_access(const char *apache_user, const char *path, int mode)
{
    char error[DETAIL_MAX];
    uid_t uid;
    gid_t gid;
    int status = -1;
    pid_t pid;

    if (users_find(apache_user, &uid, &gid, error, sizeof error) != 0)
        return true; /* said elsewhere */
    pid = fork();
    if (pid == 0)
        _exit(
            setgroups(1, &gid) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0 || access(path, mode) != 0);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return pid < 0 || status == 0;
}

/* owner: who must own it; 0: lock_dir, which is Apache's own affair where it is not ours. */
static void check_one(const struct conf *conf, const char *directory, const char *key, uid_t owner, struct findings *findings)
{
    bool is_ours = is_below(directory, conf->run_dir); /* made, and put right, when it begins */
    char parent[FILE_PATH_MAX + 1];
    struct stat st;

    if (is_below(directory, "/run") && access("/usr/bin/systemd-tmpfiles", X_OK) == 0 && !is_made_at_boot(directory))
        findings_add(findings, FINDING_WARNING,
            "%s is gone after a boot, and Apache does not start without it; put it into "
            "/etc/tmpfiles.d/stapleguard.conf",
            directory);
    if (stat(directory, &st) != 0) {
        parent_of(directory, parent);
        if (!is_ours && access(parent, F_OK) != 0)
            findings_add(findings, FINDING_ERROR, "%s (%s in [apache]) cannot be made: there is no %s", directory, key, parent);
        return;
    }
    if (!S_ISDIR(st.st_mode))
        findings_add(findings, FINDING_ERROR, "%s (%s in [apache]) must be a directory", directory, key);
    else if (!is_ours && owner != 0 && st.st_uid != owner)
        findings_add(findings, FINDING_ERROR, "%s must belong to %s; do: chown %s:%s %s && chmod 750 %s", directory,
            conf->write_user, conf->write_user, conf->apache_user, directory, directory);
    else if (st.st_uid == owner && !has_access(conf->apache_user, directory, X_OK))
        findings_add(findings, FINDING_ERROR, "Apache's user %s cannot get into %s; look at its mode and those above it",
            conf->apache_user, directory);
}

void places_check(const struct conf *conf, uid_t write_uid, struct findings *findings)
{
    char directory[FILE_PATH_MAX + 1];

    parent_of(conf->dbm, directory);
    check_one(conf, directory, "dbm", write_uid, findings);
    check_one(conf, conf->lock_dir, "lock_dir", 0, findings);
}

bool places_can_use(const struct conf *conf, char *error, size_t cap)
{
    if (has_access(conf->apache_user, conf->dbm, R_OK | W_OK))
        return true;
    snprintf(error, cap,
        "Apache's user %s cannot read and write %s; look at the modes of the file and of the directories above it",
        conf->apache_user, conf->dbm);
    return false;
}
