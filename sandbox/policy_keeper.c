/* SPDX-License-Identifier: ISC */
/*
 * Owns: the system calls of the keeper: it renames two names, sets one flag, takes one lock, sends one signal.
 * Runs in: keeper.
 * Never: a way to open a file, to make a process or a socket, or to get at memory that can be executed.
 */
#include "sandbox/policy.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <sys/mman.h>

/* clang-format off */
#define INT_MASK 0xffffffffu
#define ANY {{0}}
#define INT(index, value) {index, SANDBOX_MASKED, INT_MASK, (uint32_t)(value), #value}
#define END {NULL, NULL, ANY}

static const struct sandbox_rule waiting[] = {
    {"poll", "us", ANY},
    {"ppoll", "us: poll(2) on aarch64", ANY},
    {"clock_gettime", "us; where the vDSO cannot", ANY},
    {"restart_syscall", "the kernel: a call that a stop interrupted", ANY},
    END,
};

static const struct sandbox_rule channels[] = {
    {"recvmsg", "us: orders of the writer, with a pidfd or a lock's file", ANY},
    {"sendmsg", "us: replies, news", ANY},
    {"read", "us: inotify(7)", ANY},
    {"close", "us: a pidfd, a lock's file", ANY},
    END,
};

/* By name; Landlock says where. */
static const struct sandbox_rule names[] = {
    {"newfstatat", "us: is the file in place ours?", ANY},
    {"rename", "us: putting a file in place", ANY},
    {"renameat", "the same on aarch64", {INT(0, AT_FDCWD), INT(2, AT_FDCWD)}},
    {"renameat2", "the same where there is no renameat", {INT(0, AT_FDCWD), INT(2, AT_FDCWD), INT(4, 0)}},
    {"link", "us: keeping the file in place", ANY},
    {"linkat", "the same on aarch64", {INT(0, AT_FDCWD), INT(2, AT_FDCWD), INT(4, 0)}},
    {"unlink", "us: links that are not needed any more", ANY},
    {"unlinkat", "the same on aarch64", {INT(0, AT_FDCWD), INT(2, 0)}},
    {"getegid", "us: is the file still for Apache's group?", ANY},
    END,
};

static const struct sandbox_rule shield[] = {
    {"ioctl", "us: the flags of the directory", {INT(1, FS_IOC_GETFLAGS)}},
    {"ioctl", "us: the flags of the directory", {INT(1, FS_IOC_SETFLAGS)}},
    {"capget", "libcap: raising one around its call", ANY},
    {"capset", "libcap: raising one around its call", ANY},
    END,
};

static const struct sandbox_rule apache[] = {
    {"flock", "us: Apache's lock", ANY},
    {"fcntl", "us: Apache's lock", {INT(1, F_OFD_SETLK)}},
    {"pidfd_send_signal", "us: restarting Apache; no other signal", {INT(1, SIGUSR1), INT(3, 0)}},
    END,
};

static const struct sandbox_rule rest[] = {
    {"brk", "libcap: malloc", ANY},
    {"mmap", "libcap: malloc; never executable", {{2, SANDBOX_MASKED, PROT_EXEC, 0, "PROT_EXEC"}}},
    {"munmap", "libcap: free", ANY},
    {"exit_group", "us", ANY},
    END,
};
/* clang-format on */

static const struct sandbox_rule *const groups[] = {waiting, channels, names, shield, apache, rest, NULL};

const struct sandbox_policy sandbox_policy_keeper = {"keeper", SANDBOX_KILL_OTHERS, groups, NULL};
