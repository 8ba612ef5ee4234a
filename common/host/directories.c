/* SPDX-License-Identifier: ISC */
#include "host/directories.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounds.h"
#include "system/log.h"

void directories_fetcher_root(const struct conf *conf, char *out, size_t cap)
{
    snprintf(out, cap, "%s/empty", conf->run_dir);
}

/* Make path with mode if it is missing.  *is_new tells whether it was. */
static int ensure(const char *path, mode_t mode, bool *is_new, char *error, size_t cap)
{
    struct stat st;

    *is_new = mkdir(path, mode) == 0;
    if (*is_new) /* whatever the umask is */
        return chmod(path, mode);
    if (errno != EEXIST) {
        snprintf(error, cap, "cannot make the directory %s: %s; make its parent, or name another place", path, strerror(errno));
        return -1;
    }
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        snprintf(error, cap, "%s is in the way: a directory is needed there", path);
        return -1;
    }
    return 0;
}

static void parent_of(const char *path, char *out, size_t cap)
{
    char copy[FILE_PATH_MAX + 1];

    snprintf(copy, sizeof copy, "%s", path);
    snprintf(out, cap, "%s", dirname(copy));
}

static bool is_below(const char *path, const char *directory)
{
    size_t len = strlen(directory);

    return strncmp(path, directory, len) == 0 && path[len] == '/';
}

/* The DBM file's directory: the writer renames into it; Apache's children go through it and must not create in it. */
static int prepare_dbm_directory(const struct conf *conf, uid_t write_uid, gid_t apache_gid, char *error, size_t cap)
{
    char path[FILE_PATH_MAX + 1];
    struct stat st;
    bool is_new;

    parent_of(conf->dbm, path, sizeof path);
    if (ensure(path, 0750, &is_new, error, cap) != 0)
        return -1;
    /* Only where it differs: a shield that was left behind makes the directory immutable. */
    if ((is_new || is_below(path, conf->run_dir)) && lstat(path, &st) == 0 && (st.st_uid != write_uid || st.st_gid != apache_gid)
        && lchown(path, write_uid, apache_gid) != 0) {
        snprintf(error, cap, "cannot give the directory %s to %s: %s", path, conf->write_user, strerror(errno));
        return -1;
    }
    if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        snprintf(error, cap, "%s must be a directory itself, not a link to one", path);
        return -1;
    }
    if (st.st_uid != write_uid) {
        snprintf(error, cap, "the directory %s must belong to %s; do: chown %s:%s %s && chmod 750 %s", path, conf->write_user,
            conf->write_user, conf->apache_user, path, path);
        return -1;
    }
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        log_warning(
            "the directory %s is writable for others than %s: Apache's children could put a file of their own there; "
            "do: chmod 750 %s",
            path, conf->write_user, path);
    return 0;
}

int directories_prepare(const struct conf *conf, uid_t write_uid, gid_t apache_gid, char *error, size_t cap)
{
    char path[FILE_PATH_MAX + 1];
    bool is_new;

    if (ensure(conf->state_dir, 0755, &is_new, error, cap) != 0 || ensure(conf->run_dir, 0755, &is_new, error, cap) != 0)
        return -1;
    directories_fetcher_root(conf, path, sizeof path);
    if (ensure(path, 0555, &is_new, error, cap) != 0)
        return -1;
    parent_of(conf->audit_log, path, sizeof path);
    if (ensure(path, 0750, &is_new, error, cap) != 0)
        return -1;
    /* For Apache's `Mutex flock:`; elsewhere it is Apache's own affair. */
    if (is_below(conf->lock_dir, conf->run_dir) && ensure(conf->lock_dir, 0755, &is_new, error, cap) != 0)
        return -1;
    return prepare_dbm_directory(conf, write_uid, apache_gid, error, cap);
}
