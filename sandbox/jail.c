/* SPDX-License-Identifier: ISC */
#include "sandbox/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sandbox/caps.h"
#include "sandbox/landlock.h"

int jail_close_descriptors(unsigned fd_count, const int *extra_fds)
{
    unsigned from = fd_count;

    for (; extra_fds != NULL && *extra_fds >= 0; extra_fds++) {
        unsigned kept = (unsigned)*extra_fds;

        if (kept > from && close_range(from, kept - 1, 0) != 0)
            return -1;
        if (kept >= from)
            from = kept + 1;
    }
    return close_range(from, ~0u, 0);
}

/*
 * Until here a child speaks on the standard error it was given, so that a missing library is seen; from here on only over
 * its channel.  Developer builds keep it for the name of a denied call.
 */
static int silence_standard_descriptors(void)
{
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    int result = null_fd;

    if (null_fd < 0)
        return -1;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && result >= 0; fd++) {
#ifdef SANDBOX_TRACE_DENIED
        if (fd == STDERR_FILENO)
            break;
#endif
        result = dup2(null_fd, fd);
    }
    if (null_fd > STDERR_FILENO)
        close(null_fd);
    return result < 0 ? -1 : 0;
}

static int limit(int resource, uint64_t value)
{
    struct rlimit limits = {.rlim_cur = value, .rlim_max = value};

    return setrlimit((__rlimit_resource_t)resource, &limits);
}

static int set_limits(const struct jail_limits *limits)
{
    if (limit(RLIMIT_CORE, 0) != 0 || limit(RLIMIT_MEMLOCK, 0) != 0 || limit(RLIMIT_NOFILE, limits->open_files) != 0
        || limit(RLIMIT_FSIZE, limits->file_size) != 0 || limit(RLIMIT_AS, limits->address_space) != 0)
        return -1;
    return limit(RLIMIT_NPROC, limits->processes);
}

/* The working directory may lie outside of the new root: it is opened before, and Landlock closes the way up from it. */
static int enter_root(const char *root_dir, const char *working_dir)
{
    int working_fd = -1;
    int result = -1;

    if (working_dir != NULL) {
        working_fd = open(working_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (working_fd < 0)
            return -1;
    }
    if (chroot(root_dir) != 0 || chdir("/") != 0)
        goto out;
    result = working_fd < 0 ? 0 : fchdir(working_fd);
out:
    if (working_fd >= 0)
        close(working_fd);
    return result;
}

static int become(const struct jail *jail)
{
    if (caps_forbid_regain() != 0 || caps_cut_bounding(jail->capabilities, jail->capability_count) != 0)
        return -1;
    if (jail->capability_count > 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
        return -1;
    if (setgroups(0, NULL) != 0 || setresgid(jail->gid, jail->gid, jail->gid) != 0
        || setresuid(jail->uid, jail->uid, jail->uid) != 0)
        return -1;
    if (caps_cut_permitted(jail->capabilities, jail->capability_count, CAPS_EFFECTIVE_NONE) != 0)
        return -1;
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static int prove_no_way_back(void)
{
    errno = ENOTRECOVERABLE;
    if (setresuid((uid_t)-1, 0, (uid_t)-1) == 0 || setresgid((gid_t)-1, 0, (gid_t)-1) == 0 || chroot("/") == 0)
        return -1;
    return 0;
}

static int fail(const char *step, char *error, size_t cap)
{
    snprintf(error, cap, "%s: %s", step, strerror(errno));
    return -1;
}

uint32_t jail_missing_layers(void)
{
    return landlock_missing_layers() | (sandbox_is_supported() ? 0 : SANDBOX_LAYER_SECCOMP);
}

int jail_enter(const struct jail *jail, uint32_t *missing_layers, char *error, size_t cap)
{
    const struct landlock_allowed allowed = {
        .directories = jail->directories,
        .may_connect = jail->may_connect,
        .may_signal_others = jail->may_signal_others,
    };
    int ruleset;

    if (jail->uid == 0 || jail->gid == 0) {
        errno = EINVAL;
        return fail("a jailed process must not be root", error, cap);
    }
    if (silence_standard_descriptors() != 0)
        return fail("standard descriptors", error, cap);
    if (jail_close_descriptors(jail->fd_count, jail->extra_fds) != 0)
        return fail("closing descriptors", error, cap);
    ruleset = landlock_prepare(&allowed, missing_layers);
    if (ruleset < 0 && (*missing_layers & SANDBOX_LAYER_LANDLOCK_FS) == 0)
        return fail("preparing Landlock", error, cap);
    if (enter_root(jail->root_dir, jail->working_dir) != 0)
        return fail("entering the root directory", error, cap);
    if (become(jail) != 0)
        return fail("giving up root", error, cap);
    if (prove_no_way_back() != 0)
        return fail("root could be had back", error, cap);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail("no_new_privs", error, cap);
    if (ruleset >= 0 && (landlock_restrict(ruleset) != 0 || close(ruleset) != 0))
        return fail("Landlock", error, cap);
    if (set_limits(&jail->limits) != 0)
        return fail("resource limits", error, cap);
    if (sandbox_apply(jail->policy) == 0)
        return 0;
    if (errno != ENOSYS)
        return fail("seccomp", error, cap);
    *missing_layers |= SANDBOX_LAYER_SECCOMP;
    return 0;
}
