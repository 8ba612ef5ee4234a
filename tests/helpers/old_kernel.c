/* SPDX-License-Identifier: ISC */
/*
 * Owns: running a program as on a kernel that lacks a layer of the sandbox: its calls are answered with ENOSYS.
 * Runs in: the system tests, as root.
 * Never: installed.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static int hide_landlock(scmp_filter_ctx filter)
{
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(landlock_create_ruleset), 0);
}

static int hide_seccomp(scmp_filter_ctx filter)
{
    /* Not by a macro: clang misses a field in what Debian 12's makes of it. */
    const struct scmp_arg_cmp sets_a_filter = {.arg = 0, .op = SCMP_CMP_EQ, .datum_a = PR_SET_SECCOMP, .datum_b = 0};
    int result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(seccomp), 0);

    if (result != 0)
        return result;
    return seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1, &sets_a_filter);
}

int main(int argc, char **argv)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int result = -EINVAL;

    if (argc < 3 || filter == NULL) {
        fprintf(stderr, "usage: old_kernel landlock|seccomp PROGRAM ARGUMENT...\n");
        return EXIT_FAILURE;
    }
    if (strcmp(argv[1], "landlock") == 0)
        result = hide_landlock(filter);
    else if (strcmp(argv[1], "seccomp") == 0)
        result = hide_seccomp(filter);
    if (result == 0)
        result = seccomp_load(filter);
    if (result == 0)
        execv(argv[2], argv + 2);
    fprintf(stderr, "old_kernel: %s\n", strerror(result == 0 ? errno : -result));
    return EXIT_FAILURE;
}
