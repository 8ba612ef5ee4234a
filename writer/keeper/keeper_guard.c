/* SPDX-License-Identifier: ISC */
#include "keeper/keeper_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keeper/shield.h"
#include "sandbox/caps.h"
#include "system/clock.h"

#define KEEP KEEPER_STAGING "/keep"
/* A second link: between putting the first one back and making it anew, Apache may delete the name again. */
#define KEEP_2 KEEPER_STAGING "/keep2"
#define KEEP_NEW KEEPER_STAGING "/keep.new"

/* Apache's children read and write the file through its group (dbm_place.c). */
#define MODE_NEEDED 0660

static struct keeper_news *tell(struct guard *guard, enum keeper_kind kind)
{
    struct keeper_news *news = &guard->pending[kind];

    *news = (struct keeper_news){.kind = kind};
    guard->is_pending[kind] = true;
    return news;
}

/* The shield. */

static void note_shield(struct guard *guard, enum shield_state state, enum reason reason)
{
    struct keeper_news *news;

    if (guard->shield == state && guard->shield_reason == reason)
        return;
    guard->shield = state;
    guard->shield_reason = reason;
    news = tell(guard, KEEPER_SHIELD);
    news->shield = state;
    news->reason = reason;
}

static int set_flag(const struct guard *guard, bool is_up)
{
    int result = caps_raise(CAP_LINUX_IMMUTABLE);
    int failed;

    if (result == 0)
        result = shield_set(guard->directory_fd, is_up);
    failed = errno;
    caps_lower_all();
    errno = failed;
    return result;
}

static void lower(struct guard *guard, enum reason reason)
{
    if (guard->shield != SHIELD_UP) {
        if (guard->shield == SHIELD_DOWN)
            note_shield(guard, SHIELD_DOWN, reason);
        return;
    }
    set_flag(guard, false);
    note_shield(guard, SHIELD_DOWN, reason);
}

static bool is_in_place(const struct guard *guard)
{
    struct stat st;

    return guard->has_kept && fstatat(AT_FDCWD, guard->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == guard->device
        && st.st_ino == guard->inode;
}

static void raise_if_safe(struct guard *guard)
{
    if (guard->shield != SHIELD_DOWN || !guard->is_vouched || guard->is_in_doubt || guard->apache_fd < 0 || !is_in_place(guard))
        return;
    if (set_flag(guard, true) != 0)
        note_shield(guard, SHIELD_IMPOSSIBLE, REASON_SHIELD_UNSUPPORTED);
    else if (is_in_place(guard))
        note_shield(guard, SHIELD_UP, REASON_NONE);
    else
        set_flag(guard, false);
}

/* The links. */

static void unlink_all(void)
{
    unlink(KEEP);
    unlink(KEEP_2);
    unlink(KEEP_NEW);
}

/* The file behind path is the one that belongs in place: keep two links to it.  Returns 0, or an errno. */
static int keep(struct guard *guard, const char *path)
{
    struct stat st;

    if (unlink(KEEP_NEW) != 0 && errno != ENOENT)
        return errno;
    if (link(path, KEEP_NEW) != 0 || fstatat(AT_FDCWD, KEEP_NEW, &st, AT_SYMLINK_NOFOLLOW) != 0 || rename(KEEP_NEW, KEEP) != 0)
        return errno;
    unlink(KEEP_NEW); /* is still there when it was the same file already */
    unlink(KEEP_2);
    if (link(KEEP, KEEP_2) != 0)
        return errno;
    guard->device = st.st_dev;
    guard->inode = st.st_ino;
    guard->has_kept = true;
    return 0;
}

static void tell_put_back(struct guard *guard, int errno_value, int64_t since_usec, bool was_displaced)
{
    int64_t away_usec = clock_monotonic_usec() - since_usec;
    struct keeper_news *news = tell(guard, KEEPER_PUT_BACK);

    news->errno_value = errno_value;
    news->away_usec = away_usec < UINT32_MAX ? (uint32_t)away_usec : UINT32_MAX;
    news->was_displaced = was_displaced;
}

/* The name, or what stands there, is not ours any more. */
static void put_back(struct guard *guard, int64_t since_usec)
{
    struct stat st;
    bool was_displaced = fstatat(AT_FDCWD, guard->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    int errno_value = 0;

    lower(guard, REASON_SHIELD_IN_DOUBT); /* somebody took the flag away: it is up no more */
    if (guard->is_in_doubt)
        errno_value = EAGAIN;
    else if (rename(KEEP, guard->name) != 0)
        errno_value = errno;
    tell_put_back(guard, errno_value, since_usec, was_displaced);
    if (errno_value != 0) {
        guard->has_kept = false; /* until a new one is placed */
        return;
    }
    if (link(KEEP_2, KEEP) != 0 && errno != EEXIST)
        guard->has_kept = false;
}

static void settle(struct guard *guard, int64_t since_usec)
{
    bool was_put_back = false;

    for (int i = 0; i < GUARD_ROUNDS_MAX && guard->has_kept && !is_in_place(guard); i++) {
        put_back(guard, since_usec);
        was_put_back = true;
    }
    if (was_put_back)
        raise_if_safe(guard);
}

/* What the kernel says. */

static void was_written(struct guard *guard)
{
    guard->is_modified = true;
    if (!guard->is_in_doubt)
        tell(guard, KEEPER_MODIFIED);
    guard->is_in_doubt = true;
    guard->is_vouched = false;
    lower(guard, REASON_SHIELD_IN_DOUBT);
}

/* Its owner is Apache's business; its group and mode are how Apache's children reach it. */
static void attributes_changed(struct guard *guard)
{
    struct stat st;

    if (!is_in_place(guard) || fstatat(AT_FDCWD, guard->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    if (S_ISREG(st.st_mode) && st.st_gid == getegid() && (st.st_mode & MODE_NEEDED) == MODE_NEEDED)
        tell(guard, KEEPER_CHOWNED);
    else
        was_written(guard);
}

/* Returns whether the name itself may be concerned. */
static bool take_event(struct guard *guard, const struct inotify_event *event)
{
    if ((event->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) != 0) {
        guard->is_over = true;
        return false;
    }
    if ((event->mask & IN_Q_OVERFLOW) != 0) {
        was_written(guard);
        return true;
    }
    if (event->len == 0 || strcmp(event->name, guard->name) != 0)
        return false;
    if ((event->mask & IN_MODIFY) != 0)
        was_written(guard);
    if ((event->mask & IN_ATTRIB) != 0)
        attributes_changed(guard);
    return (event->mask & (IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE)) != 0;
}

void guard_look(struct guard *guard)
{
    union {
        struct inotify_event align;
        char space[4096];
    } buffer;
    ssize_t got;

    while (!guard->is_over && (got = read(guard->inotify_fd, &buffer, sizeof buffer)) > 0) {
        int64_t since_usec = clock_monotonic_usec();
        bool is_concerned = false;

        for (char *at = buffer.space; at < buffer.space + got;) {
            const struct inotify_event *event = (const void *)at;

            is_concerned = take_event(guard, event) || is_concerned;
            at += sizeof *event + event->len;
        }
        if (is_concerned && !is_in_place(guard)) {
            guard->is_modified = true;
            if (guard->has_kept)
                settle(guard, since_usec);
            else /* nothing to put back: the writer must make a new one */
                tell_put_back(guard, EAGAIN, since_usec, false);
        }
    }
}

void guard_init(struct guard *guard, const char *name, bool is_shield_wanted, int inotify_fd, int directory_fd)
{
    memset(guard, 0, sizeof *guard);
    guard->name = name;
    guard->inotify_fd = inotify_fd;
    guard->directory_fd = directory_fd;
    guard->apache_fd = -1;
    guard->shield = SHIELD_DOWN;
    guard->shield_reason = REASON_APACHE_NOT_RUNNING;
    unlink_all();
    if (!is_shield_wanted)
        note_shield(guard, SHIELD_IMPOSSIBLE, REASON_SHIELD_OFF);
}

int guard_place(struct guard *guard, const char *new_name)
{
    char path[sizeof KEEPER_STAGING + NAME_MAX + 2];
    bool was_up = guard->shield == SHIELD_UP;
    bool was_in_place = is_in_place(guard);
    int errno_value;

    snprintf(path, sizeof path, KEEPER_STAGING "/%s", new_name);
    errno_value = keep(guard, path);
    if (errno_value == 0) {
        if (was_up)
            set_flag(guard, false);
        if (rename(path, guard->name) != 0)
            errno_value = errno;
        else
            unlink(path); /* is still there when that very file was put in place by itself meanwhile */
        if (was_up && (errno_value != 0 || set_flag(guard, true) != 0))
            note_shield(guard, SHIELD_DOWN, REASON_SHIELD_IN_DOUBT);
    }
    if (errno_value != 0) {
        guard->has_kept = was_in_place && keep(guard, guard->name) == 0;
        return errno_value;
    }
    guard->is_modified = false;
    guard->is_in_doubt = false;
    guard->is_vouched = was_up;
    return 0;
}

void guard_vouch(struct guard *guard)
{
    guard_look(guard);
    if (guard->is_modified)
        return;
    guard->is_in_doubt = false;
    guard->is_vouched = is_in_place(guard) || keep(guard, guard->name) == 0;
    raise_if_safe(guard);
}

void guard_set_apache(struct guard *guard, int pidfd)
{
    if (guard->apache_fd >= 0)
        close(guard->apache_fd);
    guard->apache_fd = pidfd;
    if (guard->shield == SHIELD_DOWN && guard->shield_reason == REASON_APACHE_NOT_RUNNING)
        note_shield(guard, SHIELD_DOWN, REASON_SHIELD_IN_DOUBT);
    raise_if_safe(guard);
}

void guard_apache_ended(struct guard *guard)
{
    lower(guard, REASON_APACHE_NOT_RUNNING);
    close(guard->apache_fd);
    guard->apache_fd = -1;
    tell(guard, KEEPER_APACHE_ENDED);
}

void guard_end(struct guard *guard)
{
    lower(guard, REASON_SHIELD_IN_DOUBT);
    unlink_all();
}
