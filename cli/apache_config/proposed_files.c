/* SPDX-License-Identifier: ISC */
#include "apache_config/proposed_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/log.h"
#include "text/text.h"

/* A directory in which something changes. */
struct place {
    char *path;
    int fd; /* of what is there, below the overlay */
};

struct view {
    int home_fd; /* our mount namespace */
    int cwd_fd;
    struct place *places;
    size_t count;
};

static size_t directory_len(const char *path)
{
    size_t len = (size_t)(strrchr(path, '/') - path);

    return len == 0 ? 1 : len;
}

static bool has_place(const struct view *view, const char *path, size_t len)
{
    for (size_t i = 0; i < view->count; i++)
        if (strlen(view->places[i].path) == len && memcmp(view->places[i].path, path, len) == 0)
            return true;
    return false;
}

/* Each directory once, opened in the new namespace, but before any overlay lies over it. */
static bool list_places(const struct change_set *set, struct view *view)
{
    view->places = calloc(set->count + 1, sizeof *view->places);
    for (size_t i = 0; view->places != NULL && i < set->count; i++) {
        const char *path = set->changes[i].path;
        struct place *place = &view->places[view->count];

        if (has_place(view, path, directory_len(path)))
            continue;
        place->path = strndup(path, directory_len(path));
        place->fd = place->path == NULL ? -1 : open(place->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        view->count++;
        if (place->fd < 0)
            return false;
    }
    return view->places != NULL;
}

/* What is mounted below the directory would be missing from its overlay. */
static bool has_mounts_below(const char *directory)
{
    size_t len = strlen(directory);
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    bool is_found = mounts == NULL;
    char *line = NULL;
    size_t cap = 0;

    while (!is_found && getline(&line, &cap, mounts) > 0) {
        int at = 0;

        is_found = sscanf(line, "%*s %*s %*s %*s %n", &at) == 0 && at > 0 && strncmp(line + at, directory, len) == 0
            && (line[(size_t)at + len] == '/' || len == 1);
    }
    free(line);
    if (mounts != NULL)
        fclose(mounts);
    if (is_found)
        errno = EBUSY;
    return is_found;
}

/* The overlay's upper layer is a file system in memory, which it covers. */
static bool cover(const struct place *place)
{
    char options[128];

    snprintf(options, sizeof options, "lowerdir=/proc/self/fd/%d,upperdir=upper,workdir=work", place->fd);
    return mount("stapleguard", place->path, "tmpfs", 0, "mode=0755") == 0 && chdir(place->path) == 0 && mkdir("upper", 0755) == 0
        && mkdir("work", 0700) == 0 && mount("stapleguard", place->path, "overlay", 0, options) == 0;
}

static bool write_file(const struct change *change)
{
    int fd = open(change->path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    bool is_written = fd >= 0;

    for (size_t at = 0; is_written && at < change->content_len;) {
        ssize_t put = write(fd, change->content + at, change->content_len - at);

        is_written = put > 0;
        at += put > 0 ? (size_t)put : 0;
    }
    return (fd < 0 || close(fd) == 0) && is_written;
}

static bool make(const struct change *change)
{
    if (change->kind == CHANGE_LINK)
        return symlink(change->content, change->path) == 0;
    return change->kind == CHANGE_REMOVE ? unlink(change->path) == 0 : write_file(change);
}

static bool enter(const struct change_set *set, struct view *view)
{
    bool is_made = mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && list_places(set, view);

    for (size_t i = 0; is_made && i < view->count; i++)
        is_made = !has_mounts_below(view->places[i].path);
    for (size_t i = 0; is_made && i < view->count; i++)
        is_made = cover(&view->places[i]);
    for (size_t i = 0; is_made && i < set->count; i++)
        is_made = make(&set->changes[i]);
    return is_made;
}

/* Whoever cannot come back must not go on: what it wrote from here on, nobody would see. */
static void leave(const struct view *view)
{
    if (setns(view->home_fd, CLONE_NEWNS) == 0 && fchdir(view->cwd_fd) == 0)
        return;
    log_error("cannot leave the view of the proposed files: %s; nothing was changed", strerror(errno));
    _exit(1);
}

bool proposed_files_show(const struct change_set *set, void (*look)(void *context), void *context, char *error, size_t cap)
{
    struct view view = {.home_fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC), .cwd_fd = open(".", O_PATH | O_CLOEXEC)};
    bool is_shown = view.home_fd >= 0 && view.cwd_fd >= 0 && unshare(CLONE_NEWNS) == 0;
    int errno_value = errno;

    if (is_shown) {
        is_shown = enter(set, &view);
        errno_value = errno;
        if (is_shown)
            look(context);
        leave(&view);
    }
    if (!is_shown)
        text_clean_format(error, cap, "%s", strerror(errno_value));
    for (size_t i = 0; i < view.count; i++) {
        if (view.places[i].fd >= 0)
            close(view.places[i].fd);
        free(view.places[i].path);
    }
    free(view.places);
    if (view.home_fd >= 0)
        close(view.home_fd);
    if (view.cwd_fd >= 0)
        close(view.cwd_fd);
    return is_shown;
}
