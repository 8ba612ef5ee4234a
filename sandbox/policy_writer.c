/* SPDX-License-Identifier: ISC */
/*
 * Owns: the system calls of the writer, and the few of its child that reads Apache's file.
 * Runs in: writer.
 * Never: a socket, an executable, another process's memory, a path relative to an open directory.
 *
 * Numbers of constants are written out where the headers that have them contradict each other; masks of 32 bits are
 * for arguments that the kernel takes as int: the upper half of the register is whatever it was.
 */
#include "sandbox/policy.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>

/* clang-format off */
#define INT_MASK 0xffffffffu
#define ANY {{0}}
/* An int argument that must have this value. */
#define INT(index, value) {index, SANDBOX_MASKED, INT_MASK, (uint32_t)(value), #value}
/* None of these bits in this argument. */
#define WITHOUT(index, bits) {index, SANDBOX_MASKED, (uint64_t)(bits), 0, #bits}
/* A mode without set-user-ID, set-group-ID and sticky bit. */
#define PLAIN_MODE(index) WITHOUT(index, 07000)
#define OWN_PID(index) {index, SANDBOX_OWN_PID, INT_MASK, 0, "its own process id"}

/* fork(2) as libc does it: a new process, in the same namespaces, with nothing shared. */
#define FORK_FLAGS (CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | SIGCHLD)

static const struct sandbox_rule memory[] = {
    {"brk", "malloc", ANY},
    {"mmap", "malloc; never executable", {WITHOUT(2, PROT_EXEC)}},
    {"mprotect", "malloc; never executable", {WITHOUT(2, PROT_EXEC)}},
    {"mremap", "realloc of large blocks (rosters, foreign records)", ANY},
    {"munmap", "free", ANY},
    {NULL, NULL, ANY},
};

static const struct sandbox_rule clocks[] = {
    {"pselect6", "libdb: a pause when its cache is full (os_yield.c); select(2) of libc", ANY},
    {"clock_gettime", "us, libdb; where the vDSO cannot", ANY},
    {"gettimeofday", "us (time), libdb; where the vDSO cannot", ANY},
    {"time", "us; where the vDSO cannot", ANY},
    {NULL, NULL, ANY},
};

/* What the descriptors that are open are used for. */
static const struct sandbox_rule open_files[] = {
    {"read", "us (pipes), libdb", ANY},
    {"write", "us (pipes), libdb", ANY},
    {"pread64", "us, libdb", ANY},
    {"lseek", "libdb", ANY},
    {"fstat", "us, libdb", ANY},
    {"close", "us, libdb", ANY},
    {NULL, NULL, ANY},
};

static const struct sandbox_rule channels[] = {
    {"recvmsg", "ipc", ANY},
    {"sendmsg", "ipc", ANY},
    {"poll", "us", ANY},
    {"ppoll", "us: poll(2) on aarch64", ANY},
    {NULL, NULL, ANY},
};

/*
 * By name; Landlock says which.  It does not cover stat(2) and O_PATH, and the working directory lies outside of the root: so nothing
 * is looked at but what could be opened.
 */
static const struct sandbox_rule named_files[] = {
    {"openat", "us, libdb", {INT(0, AT_FDCWD), WITHOUT(2, O_PATH), PLAIN_MODE(3)}},
    {"newfstatat", "libc: fstat(2)", {{0, SANDBOX_MASKED, 0x80000000u, 0, "AT_FDCWD"}, INT(3, AT_EMPTY_PATH)}},
    {"mkdir", "us: the store's directory", {PLAIN_MODE(1)}},
    {"mkdirat", "the same on aarch64", {INT(0, AT_FDCWD), PLAIN_MODE(2)}},
    {"rename", "us: Apache's file, a store set aside; libdb", ANY},
    {"renameat", "the same on aarch64", {INT(0, AT_FDCWD), INT(2, AT_FDCWD)}},
    {"renameat2", "the same where there is no renameat", {INT(0, AT_FDCWD), INT(2, AT_FDCWD), INT(4, 0)}},
    {"unlink", "us: left-over files; libdb: old logs", ANY},
    {"unlinkat", "the same on aarch64", {INT(0, AT_FDCWD)}},
    {"rmdir", "us: old stores that were set aside", ANY},
    {"getdents64", "us: stores that were set aside; libdb: logs", ANY},
    {NULL, NULL, ANY},
};

static const struct sandbox_rule writing[] = {
    {"pwrite64", "libdb", ANY},
    {"ftruncate", "libdb: the log after recovery", ANY},
    {"fdatasync", "libdb through us: the store", ANY},
    {"fchmod", "us: the mode of Apache's file", {PLAIN_MODE(1)}},
    {"fchown", "us: the group of Apache's file; never the owner", {INT(1, -1)}},
    {NULL, NULL, ANY},
};

static const struct sandbox_rule descriptors[] = {
    {"fcntl", "the reader's two descriptors", {INT(1, F_DUPFD_CLOEXEC)}},
    {"dup2", "the reader's two descriptors", ANY},
    {"dup3", "the same on aarch64", ANY},
    {"close_range", "the reader closes everything else", ANY},
    {"pipe2", "from the reader, and from the trial of the store", {INT(1, O_CLOEXEC)}},
    {NULL, NULL, ANY},
};

/* Children: the reader of Apache's file, the trial of the store. */
static const struct sandbox_rule processes[] = {
    {"clone", "fork", {{0, SANDBOX_EQUAL, 0, FORK_FLAGS, "CLONE_CHILD_CLEARTID \\| CLONE_CHILD_SETTID \\| SIGCHLD"}}},
    {"set_robust_list", "libc: after fork", ANY},
    {"wait4", "us", ANY},
    {"alarm", "a child's end", ANY},
    {"setitimer", "the same on aarch64", ANY},
    {"rt_sigaction", "a child that wants to die of its alarm", ANY},
    {"rt_sigprocmask", "libc: around fork, abort(3)", ANY},
    {"prlimit64", "the reader's limits; never another process's", {INT(0, 0)}},
    {"getpid", "libdb: names of files and lockers", ANY},
    {"gettid", "libc: abort(3)", ANY},
    {NULL, NULL, ANY},
};

/* The reader lays its own filter over this one. */
static const struct sandbox_rule further_filters[] = {
    {"prctl", "sandbox_apply", {INT(0, PR_SET_NO_NEW_PRIVS)}},
    {"seccomp", "sandbox_apply", {INT(0, SECCOMP_SET_MODE_FILTER)}},
    {"seccomp", "libseccomp: asks what the kernel can", {INT(0, SECCOMP_GET_ACTION_AVAIL)}},
    {NULL, NULL, ANY},
};

static const struct sandbox_rule rest[] = {
    {"exit_group", "everybody", ANY},
    {"restart_syscall", "the kernel: a call that a stop interrupted", ANY},
    {"futex", "libc, libcrypto: locks that are never waited for", ANY},
    {"getrandom", "libcrypto: seeds itself, at a time of its own choosing", ANY},
    {"geteuid", "us: is the file in place ours?", ANY},
    {"getegid", "us: Apache's group", ANY},
    {"sysinfo", "libc: qsort(3): how much memory there is", ANY},
    {"tgkill", "libc: abort(3), so that it looks like one", {OWN_PID(0), INT(2, SIGABRT)}},
    {"writev", "libc: the words before abort(3)", {INT(0, 2)}},
    {"sched_getaffinity", "libdb: how many processors", ANY},
    {NULL, NULL, ANY},
};

static const struct sandbox_rule *const writer_groups[] = {
    memory, clocks, open_files, channels, named_files, writing, descriptors, processes, further_filters, rest, NULL};

/* The reader: what it holds already, and memory. */
static const struct sandbox_rule reader_files[] = {
    {"read", "libdb: the first page", {INT(0, 0)}},
    {"pread64", "libdb through us", {INT(0, 0)}},
    {"lseek", "libdb through us, and where holes end", {INT(0, 0)}},
    {"write", "us: records to the writer", {INT(0, 1)}},
#ifdef SANDBOX_TRACE_DENIED
    {"write", "developer builds: the name of a denied call", {INT(0, 2)}},
#endif
    {NULL, NULL, ANY},
};

static const struct sandbox_rule reader_rest[] = {
    {"brk", "malloc", ANY},
    {"mmap", "malloc; no file", {WITHOUT(2, PROT_EXEC), {3, SANDBOX_MASKED, MAP_ANONYMOUS, MAP_ANONYMOUS, "MAP_ANONYMOUS"}}},
    {"mprotect", "malloc", {WITHOUT(2, PROT_EXEC)}},
    {"mremap", "realloc", ANY},
    {"munmap", "free", ANY},
    {"clock_gettime", "libdb; where the vDSO cannot", ANY},
    {"pselect6", "libdb: a pause when its cache is full (os_yield.c)", ANY},
    {"exit_group", "us", ANY},
    {NULL, NULL, ANY},
};
/* clang-format on */

static const struct sandbox_rule *const reader_groups[] = {reader_files, reader_rest, NULL};

const struct sandbox_policy sandbox_policy_writer = {"writer", SANDBOX_KILL_OTHERS, writer_groups, NULL};
const struct sandbox_policy sandbox_policy_reader = {"reader", SANDBOX_KILL_OTHERS, reader_groups, NULL};
