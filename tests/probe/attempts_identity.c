/* SPDX-License-Identifier: ISC */
/*
 * Owns: attempts at being somebody else, or more.
 * Runs in: probes (tests only).
 * Never: does harm where it succeeds.
 */
#include "attempt.h"

#include <grp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/capability.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static long become_root(page_t *page)
{
    (void)page;
    return setresuid((uid_t)-1, 0, (uid_t)-1);
}

static long become_root_group(page_t *page)
{
    (void)page;
    return setresgid((gid_t)-1, 0, (gid_t)-1);
}

/* setfsuid(2) tells no errors: asked a second time it says what came of the first. */
static long become_root_for_files(page_t *page)
{
    (void)page;
    setfsuid(0);
    if (setfsuid((uid_t)-1) == 0)
        return 0;
    errno = EPERM;
    return -1;
}

static long join_groups(page_t *page)
{
    const gid_t group = 0;

    (void)page;
    return setgroups(1, &group);
}

static long raise_capability(cap_value_t capability, bool is_permitted_too)
{
    cap_t caps = cap_get_proc();

    if (caps == NULL)
        return -1;
    if (is_permitted_too)
        cap_set_flag(caps, CAP_PERMITTED, 1, &capability, CAP_SET);
    cap_set_flag(caps, CAP_EFFECTIVE, 1, &capability, CAP_SET);
    return cap_set_proc(caps);
}

static long regain_admin(page_t *page)
{
    (void)page;
    return raise_capability(CAP_SYS_ADMIN, true);
}

static long regain_override(page_t *page)
{
    (void)page;
    return raise_capability(CAP_DAC_OVERRIDE, true);
}

static long keep_capabilities(page_t *page)
{
    (void)page;
    return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
}

static long loosen_securebits(page_t *page)
{
    (void)page;
    return prctl(PR_SET_SECUREBITS, 0, 0, 0, 0);
}

/* Whether root's way back, by an exec with user 0 or by ambient capabilities, is still open. */
static long find_securebits_open(page_t *page)
{
    const int locked = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    int bits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);

    (void)page;
    if (bits < 0 || (bits & locked) != locked)
        return bits;
    errno = EPERM;
    return -1;
}

static long be_dumpable(page_t *page)
{
    (void)page;
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static long raise_limit(page_t *page)
{
    struct rlimit limits;

    (void)page;
    if (getrlimit(RLIMIT_NOFILE, &limits) != 0)
        return -1;
    limits.rlim_max++;
    return setrlimit(RLIMIT_NOFILE, &limits);
}

static long new_user_namespace(page_t *page)
{
    (void)page;
    return unshare(CLONE_NEWUSER);
}

static long new_mount_namespace(page_t *page)
{
    (void)page;
    return unshare(CLONE_NEWNS);
}

static long join_namespace(page_t *page)
{
    (void)page;
    return setns(STDIN_FILENO, 0);
}

static long leave_root(page_t *page)
{
    (void)page;
    return chroot(".");
}

const struct attempt attempts_identity[] = {
    {"setuid-root", become_root},
    {"setgid-root", become_root_group},
    {"setfsuid-root", become_root_for_files},
    {"setgroups", join_groups},
    {"capability-admin", regain_admin},
    {"capability-override", regain_override},
    {"keepcaps", keep_capabilities},
    {"securebits", loosen_securebits},
    {"securebits-open", find_securebits_open},
    {"dumpable", be_dumpable},
    {"raise-limit", raise_limit},
    {"unshare-user", new_user_namespace},
    {"unshare-mount", new_mount_namespace},
    {"setns", join_namespace},
    {"chroot", leave_root},
    {NULL, NULL},
};
