/* SPDX-License-Identifier: ISC */
#include "sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/layer.h"

/*
 * Kernel interface, whole: Debian 12's headers end at ABI 2, its users' kernels do not.  Source: Linux
 * include/uapi/linux/landlock.h; a shorter structure is accepted by every newer kernel.
 */
struct ruleset {
    uint64_t handled_access_fs;
    uint64_t handled_access_net; /* ABI 4 */
    uint64_t scoped;             /* ABI 6 */
};

enum {
    ACCESS_FS_ABI1 = (1 << 13) - 1, /* EXECUTE .. MAKE_SYM */
    ACCESS_FS_REFER = 1 << 13,      /* ABI 2 */
    ACCESS_FS_TRUNCATE = 1 << 14,   /* ABI 3 */
    ACCESS_FS_IOCTL_DEV = 1 << 15,  /* ABI 5 */
    ACCESS_NET_BIND_TCP = 1 << 0,
    ACCESS_NET_CONNECT_TCP = 1 << 1,
    SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0,
    SCOPE_SIGNAL = 1 << 1,
};

/* By the bits of LANDLOCK_MAY_*, from the lowest on. */
static const uint64_t accesses[] = {
    LANDLOCK_ACCESS_FS_READ_FILE,
    LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_FS_TRUNCATE,
    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE,
    LANDLOCK_ACCESS_FS_READ_DIR,
    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR,
    ACCESS_FS_REFER,
};

static long abi_version(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

uint32_t landlock_missing_layers(void)
{
    long abi = abi_version();
    uint32_t missing = 0;

    if (abi < 6)
        missing |= SANDBOX_LAYER_LANDLOCK_SCOPE;
    if (abi < 4)
        missing |= SANDBOX_LAYER_LANDLOCK_NET;
    if (abi < 1)
        missing |= SANDBOX_LAYER_LANDLOCK_FS;
    return missing;
}

static size_t ruleset_for_abi(long abi, const struct landlock_allowed *allowed, struct ruleset *ruleset)
{
    *ruleset = (struct ruleset){.handled_access_fs = ACCESS_FS_ABI1};
    if (abi >= 2)
        ruleset->handled_access_fs |= ACCESS_FS_REFER;
    if (abi >= 3)
        ruleset->handled_access_fs |= ACCESS_FS_TRUNCATE;
    if (abi >= 5)
        ruleset->handled_access_fs |= ACCESS_FS_IOCTL_DEV;
    if (abi >= 4)
        ruleset->handled_access_net = ACCESS_NET_BIND_TCP | (allowed->may_connect ? 0 : ACCESS_NET_CONNECT_TCP);
    if (abi >= 6)
        ruleset->scoped = SCOPE_ABSTRACT_UNIX_SOCKET | (allowed->may_signal_others ? 0 : SCOPE_SIGNAL);
    if (abi >= 6)
        return sizeof *ruleset;
    return abi >= 4 ? offsetof(struct ruleset, scoped) : offsetof(struct ruleset, handled_access_net);
}

static int allow_directory(int ruleset, uint64_t handled, const struct landlock_directory *directory)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = 0};
    int result;

    for (size_t i = 0; i < sizeof accesses / sizeof accesses[0]; i++)
        rule.allowed_access |= (directory->rights >> i & 1) != 0 ? accesses[i] & handled : 0;
    rule.parent_fd = open(directory->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return -1;
    result = (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(rule.parent_fd);
    return result;
}

int landlock_prepare(const struct landlock_allowed *allowed, uint32_t *missing)
{
    const struct landlock_directory *directory = allowed->directories;
    struct ruleset wanted;
    size_t size;
    int ruleset;

    *missing = landlock_missing_layers();
    if ((*missing & SANDBOX_LAYER_LANDLOCK_FS) != 0)
        return -1;
    size = ruleset_for_abi(abi_version(), allowed, &wanted);
    ruleset = (int)syscall(SYS_landlock_create_ruleset, &wanted, size, 0);
    if (ruleset < 0)
        return -1;
    for (; directory != NULL && directory->path != NULL; directory++) {
        if (allow_directory(ruleset, wanted.handled_access_fs, directory) != 0) {
            int saved = errno;

            close(ruleset);
            errno = saved;
            return -1;
        }
    }
    return ruleset;
}

int landlock_restrict(int ruleset)
{
    return (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
}
