/* SPDX-License-Identifier: ISC */
/*
 * Owns: the system calls that neither the supervisor nor anything it starts has any business with.
 * Runs in: supervisor; inherited by apachectl, fetcher and writer.
 * Never: the last line: it is a list of what is denied, because apachectl and Apache's own -t need the rest.
 */
#include "sandbox/policy.h"

#include <sched.h>

/* Reaching into another process. */
/* clang-format off */
static const struct sandbox_rule other_processes[] = {
    {"ptrace", "nobody", {{0}}},
    {"process_vm_readv", "nobody", {{0}}},
    {"process_vm_writev", "nobody", {{0}}},
    {"pidfd_getfd", "nobody", {{0}}},
    {"kcmp", "nobody", {{0}}},
    {NULL, NULL, {{0}}},
};

/* New namespaces: in one of its own, a process has every capability again. */
static const struct sandbox_rule namespaces[] = {
    {"unshare", "nobody", {{0}}},
    {"setns", "nobody", {{0}}},
    {"clone", "nobody", {{0, SANDBOX_MASKED, CLONE_NEWUSER, CLONE_NEWUSER, "CLONE_NEWUSER"}}},
    {NULL, NULL, {{0}}},
};

/* Its flags lie in memory, where no filter can look; libc goes on with clone. */
static const struct sandbox_rule absent[] = {
    {"clone3", "libc, in what apachectl starts", {{0}}},
    {NULL, NULL, {{0}}},
};

/* Changing the machine. */
static const struct sandbox_rule machine[] = {
    {"mount", "nobody", {{0}}},
    {"umount2", "nobody", {{0}}},
    {"move_mount", "nobody", {{0}}},
    {"open_tree", "nobody", {{0}}},
    {"fsopen", "nobody", {{0}}},
    {"fsmount", "nobody", {{0}}},
    {"pivot_root", "nobody", {{0}}},
    {"swapon", "nobody", {{0}}},
    {"swapoff", "nobody", {{0}}},
    {"reboot", "nobody", {{0}}},
    {"kexec_load", "nobody", {{0}}},
    {"kexec_file_load", "nobody", {{0}}},
    {"init_module", "nobody", {{0}}},
    {"finit_module", "nobody", {{0}}},
    {"delete_module", "nobody", {{0}}},
    {"settimeofday", "nobody", {{0}}},
    {"clock_settime", "nobody", {{0}}},
    {"adjtimex", "nobody", {{0}}},
    {"clock_adjtime", "nobody", {{0}}},
    {"sethostname", "nobody", {{0}}},
    {"setdomainname", "nobody", {{0}}},
    {"acct", "nobody", {{0}}},
    {"quotactl", "nobody", {{0}}},
    {"iopl", "nobody", {{0}}},
    {"ioperm", "nobody", {{0}}},
    {NULL, NULL, {{0}}},
};

/* Parts of the kernel with a history, which nothing here uses. */
static const struct sandbox_rule attack_surface[] = {
    {"bpf", "nobody", {{0}}},
    {"perf_event_open", "nobody", {{0}}},
    {"userfaultfd", "nobody", {{0}}},
    {"io_uring_setup", "nobody", {{0}}},
    {"io_uring_enter", "nobody", {{0}}},
    {"io_uring_register", "nobody", {{0}}},
    {"keyctl", "nobody", {{0}}},
    {"add_key", "nobody", {{0}}},
    {"request_key", "nobody", {{0}}},
    {"lookup_dcookie", "nobody", {{0}}},
    {"vmsplice", "nobody", {{0}}},
    {"open_by_handle_at", "nobody: with CAP_DAC_READ_SEARCH, a way around every root directory", {{0}}},
    {"personality", "nobody", {{0, SANDBOX_NOT_EQUAL, 0, 0xffffffff, "0xffffffff (a question)"}}},
    {NULL, NULL, {{0}}},
};
/* clang-format on */

static const struct sandbox_rule *const groups[] = {other_processes, namespaces, machine, attack_surface, NULL};

const struct sandbox_policy sandbox_policy_supervisor = {"supervisor", SANDBOX_KILL_LISTED, groups, absent};
