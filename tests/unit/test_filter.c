/* SPDX-License-Identifier: ISC */
/*
 * A policy's filter does what its table says, call by call and argument by argument, for the architecture of this machine and for
 * the others that we support: the program that would be loaded is run here, on made-up calls.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sandbox/filter.h"

/* Above every number that an architecture has given out. */
#define NUMBERS 700
#define PROGRAM_MAX 4096
#define RANDOM_ARGUMENTS 40

static const struct sandbox_policy *const allow_lists[]
    = {&sandbox_policy_fetcher, &sandbox_policy_writer, &sandbox_policy_reader, &sandbox_policy_keeper};

static const struct {
    uint32_t scmp;
    uint32_t audit;
    uint32_t foreign; /* what a 32-bit program's calls say there */
} architectures[] = {
    {SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, AUDIT_ARCH_I386},
    {SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct program {
    struct sock_filter code[PROGRAM_MAX];
    size_t len;
};

static void build(const struct sandbox_policy *policy, uint32_t architecture, struct program *program)
{
    scmp_filter_ctx filter = filter_new(policy, architecture, SCMP_ACT_KILL_PROCESS);
    int fd = memfd_create("filter", MFD_CLOEXEC);
    ssize_t len;

    assert_non_null(filter);
    assert_true(fd >= 0);
    assert_int_equal(seccomp_export_bpf(filter, fd), 0);
    len = pread(fd, program->code, sizeof program->code, 0);
    assert_true(len > 0 && (size_t)len < sizeof program->code && len % (ssize_t)sizeof(struct sock_filter) == 0);
    program->len = (size_t)len / sizeof(struct sock_filter);
    close(fd);
    seccomp_release(filter);
}

static bool compares(const struct sock_filter *step, uint32_t accumulator)
{
    switch (BPF_OP(step->code)) {
    case BPF_JEQ:
        return accumulator == step->k;
    case BPF_JGT:
        return accumulator > step->k;
    case BPF_JGE:
        return accumulator >= step->k;
    case BPF_JSET:
        return (accumulator & step->k) != 0;
    default:
        fail_msg("a comparison that libseccomp did not use to make: %#x", step->code);
        return false;
    }
}

/* Classic BPF as the kernel runs it over struct seccomp_data; what libseccomp makes use of (Linux, kernel/seccomp.c). */
static uint32_t run(const struct program *program, const struct seccomp_data *data)
{
    uint32_t accumulator = 0;

    for (size_t at = 0; at < program->len; at++) {
        const struct sock_filter *step = &program->code[at];

        switch (BPF_CLASS(step->code)) {
        case BPF_LD:
            assert_int_equal(step->code, BPF_LD | BPF_W | BPF_ABS);
            assert_true(step->k + sizeof accumulator <= sizeof *data);
            memcpy(&accumulator, (const char *)data + step->k, sizeof accumulator);
            break;
        case BPF_ALU:
            assert_int_equal(step->code, BPF_ALU | BPF_AND | BPF_K);
            accumulator &= step->k;
            break;
        case BPF_JMP:
            if (BPF_OP(step->code) == BPF_JA)
                at += step->k;
            else
                at += compares(step, accumulator) ? step->jt : step->jf;
            break;
        case BPF_RET:
            return step->k;
        default:
            fail_msg("an instruction that libseccomp did not use to make: %#x", step->code);
        }
    }
    fail_msg("a filter without an end");
    return 0;
}

static bool argument_fits(const struct sandbox_argument *argument, const uint64_t *arguments)
{
    uint64_t value = arguments[argument->index];

    switch ((enum sandbox_compare)argument->compare) {
    case SANDBOX_EQUAL:
        return value == argument->value;
    case SANDBOX_NOT_EQUAL:
        return value != argument->value;
    case SANDBOX_MASKED:
        return (value & argument->mask) == argument->value;
    case SANDBOX_OWN_PID:
        return (value & argument->mask) == (uint64_t)getpid();
    case SANDBOX_ANY:
        break;
    }
    return true;
}

static bool rule_fits(const struct sandbox_rule *rule, const char *call, const uint64_t *arguments)
{
    if (strcmp(rule->call, call) != 0)
        return false;
    for (size_t i = 0; i < COUNT_OF(rule->arguments) && rule->arguments[i].compare != SANDBOX_ANY; i++)
        if (!argument_fits(&rule->arguments[i], arguments))
            return false;
    return true;
}

typedef void rule_fn(const struct sandbox_rule *rule, void *context);

static void each_rule(const struct sandbox_policy *policy, rule_fn *take, void *context)
{
    for (size_t g = 0; policy->groups[g] != NULL; g++)
        for (const struct sandbox_rule *rule = policy->groups[g]; rule->call != NULL; rule++)
            take(rule, context);
}

struct question {
    const char *call;
    const uint64_t *arguments;
    bool is_named;
};

static void ask_rule(const struct sandbox_rule *rule, void *context)
{
    struct question *question = context;

    question->is_named = question->is_named || rule_fits(rule, question->call, question->arguments);
}

/* Whether a rule of the table fits the call. */
static bool is_named(const struct sandbox_policy *policy, const char *call, const uint64_t *arguments)
{
    struct question question = {.call = call, .arguments = arguments};

    each_rule(policy, ask_rule, &question);
    return question.is_named;
}

/* Reproducible: splitmix64. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

struct sample {
    const char *call;
    uint64_t (*list)[6];
    size_t count;
};

#define SAMPLES_MAX 512

static uint64_t *add_sample(struct sample *sample)
{
    assert_true(sample->count < SAMPLES_MAX);
    return sample->list[sample->count++];
}

/* Arguments that fit the rule, and then each of them a little beside. */
static void sample_rule(const struct sandbox_rule *rule, void *context)
{
    struct sample *sample = context;
    uint64_t fitting[6] = {0};

    if (strcmp(rule->call, sample->call) != 0)
        return;
    for (size_t i = 0; i < COUNT_OF(rule->arguments) && rule->arguments[i].compare != SANDBOX_ANY; i++)
        fitting[rule->arguments[i].index]
            = rule->arguments[i].compare == SANDBOX_OWN_PID ? (uint64_t)getpid() : rule->arguments[i].value;
    memcpy(add_sample(sample), fitting, sizeof fitting);
    for (size_t i = 0; i < 6; i++) {
        memcpy(add_sample(sample), fitting, sizeof fitting);
        sample->list[sample->count - 1][i] ^= 1;
        memcpy(add_sample(sample), fitting, sizeof fitting);
        sample->list[sample->count - 1][i] |= UINT64_C(1) << 32;
        memcpy(add_sample(sample), fitting, sizeof fitting);
        sample->list[sample->count - 1][i] = ~UINT64_C(0);
    }
}

static void check_call(
    const struct sandbox_policy *policy, const struct program *program, uint32_t audit, int number, const char *call)
{
    static uint64_t list[SAMPLES_MAX][6];
    static uint64_t random = 1;
    struct sample sample = {.call = call, .list = list};

    memset(list, 0, sizeof list);
    each_rule(policy, sample_rule, &sample);
    for (size_t i = 0; i < RANDOM_ARGUMENTS; i++) {
        uint64_t *arguments = add_sample(&sample);

        for (size_t k = 0; k < 6; k++)
            arguments[k] = next_random(&random) >> (next_random(&random) % 64);
    }
    for (size_t i = 0; i < sample.count; i++) {
        struct seccomp_data data = {.nr = number, .arch = audit};
        bool is_expected = is_named(policy, call, sample.list[i]) == (policy->mode == SANDBOX_KILL_OTHERS);
        uint32_t action;

        memcpy(data.args, sample.list[i], sizeof data.args);
        action = run(program, &data);
        if (action != (is_expected ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS))
            fail_msg("%s, %s(%#llx, %#llx, %#llx, …): %#x", policy->name, call, (unsigned long long)data.args[0],
                (unsigned long long)data.args[1], (unsigned long long)data.args[2], action);
    }
}

static bool is_absent(const struct sandbox_policy *policy, const char *call)
{
    for (const struct sandbox_rule *rule = policy->absent; rule != NULL && rule->call != NULL; rule++)
        if (strcmp(rule->call, call) == 0)
            return true;
    return false;
}

static void check_policy(const struct sandbox_policy *policy, size_t architecture)
{
    static struct program program;

    build(policy, architectures[architecture].scmp, &program);
    for (int number = 0; number < NUMBERS; number++) {
        char *call = seccomp_syscall_resolve_num_arch(architectures[architecture].scmp, number);
        const struct seccomp_data data = {.nr = number, .arch = architectures[architecture].audit};

        if (call != NULL && is_absent(policy, call))
            assert_int_equal(run(&program, &data), SECCOMP_RET_ERRNO | ENOSYS);
        else
            check_call(policy, &program, data.arch, number, call == NULL ? "a call that nobody knows" : call);
        free(call);
    }
}

static void every_filter_is_its_table(void **state)
{
    (void)state;
    for (size_t architecture = 0; architecture < COUNT_OF(architectures); architecture++) {
        for (size_t i = 0; i < COUNT_OF(allow_lists); i++)
            check_policy(allow_lists[i], architecture);
        check_policy(&sandbox_policy_supervisor, architecture);
    }
}

static void calls_of_another_architecture_kill(void **state)
{
    static struct program program;

    (void)state;
    for (size_t architecture = 0; architecture < COUNT_OF(architectures); architecture++) {
        for (size_t i = 0; i <= COUNT_OF(allow_lists); i++) {
            build(i < COUNT_OF(allow_lists) ? allow_lists[i] : &sandbox_policy_supervisor, architectures[architecture].scmp,
                &program);
            for (int number = 0; number < NUMBERS; number++) {
                const struct seccomp_data foreign = {.nr = number, .arch = architectures[architecture].foreign};
                const struct seccomp_data x32 = {.nr = number | 0x40000000, .arch = AUDIT_ARCH_X86_64};

                assert_int_equal(run(&program, &foreign), SECCOMP_RET_KILL_PROCESS);
                assert_int_equal(run(&program, &x32), SECCOMP_RET_KILL_PROCESS);
            }
        }
    }
}

struct forbidden {
    const char *const *calls;
    const char *policy;
};

static void is_not_forbidden(const struct sandbox_rule *rule, void *context)
{
    const struct forbidden *forbidden = context;

    for (size_t i = 0; forbidden->calls[i] != NULL; i++)
        if (strcmp(forbidden->calls[i], rule->call) == 0)
            fail_msg("%s may %s", forbidden->policy, rule->call);
}

static void no_table_names_what_nobody_may(void **state)
{
    static const char *const for_nobody[] = {"execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "bind",
        "listen", "accept", "accept4", "socketpair", "kill", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open",
        "pidfd_getfd", "setuid", "setreuid", "setresuid", "setfsuid", "setgid", "setregid", "setresgid", "setfsgid", "setgroups",
        "chroot", "mount", "umount2", "pivot_root", "unshare", "setns", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup",
        "io_uring_enter", "io_uring_register", "keyctl", "add_key", "request_key", "memfd_create", "memfd_secret", "shmget",
        "shmat", "msgget", "semget", "mq_open", "clone3", "vfork", "personality", "symlink", "symlinkat", "mknod", "mknodat",
        "chmod", "fchmodat", "chown", "lchown", "fchownat", "setxattr", "open_by_handle_at", "openat2", "open", "creat",
        "landlock_create_ruleset", "process_madvise", "sched_setscheduler", "setpriority", "pkey_mprotect", "remap_file_pages",
        NULL};
    static const char *const not_in_the_dark[] = {"openat", "clone", "mkdir", "mkdirat", "prctl", "seccomp", "prlimit64", NULL};
    static const char *const not_offline[] = {"socket", "connect", "sendto", "recvfrom", NULL};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(allow_lists); i++) {
        struct forbidden forbidden = {for_nobody, allow_lists[i]->name};

        each_rule(allow_lists[i], is_not_forbidden, &forbidden);
        forbidden.calls = not_in_the_dark;
        if (allow_lists[i] != &sandbox_policy_writer)
            each_rule(allow_lists[i], is_not_forbidden, &forbidden);
        forbidden.calls = not_offline;
        if (allow_lists[i] != &sandbox_policy_fetcher)
            each_rule(allow_lists[i], is_not_forbidden, &forbidden);
    }
}

/* libc's way round, on aarch64, calls that are not there. */
static const char *stand_in(const char *call)
{
    static const char *const stand_ins[][2]
        = {{"epoll_wait", "epoll_pwait"}, {"poll", "ppoll"}, {"mkdir", "mkdirat"}, {"rename", "renameat"}, {"link", "linkat"},
            {"unlink", "unlinkat"}, {"rmdir", "unlinkat"}, {"dup2", "dup3"}, {"alarm", "setitimer"}, {"time", "clock_gettime"}};

    for (size_t i = 0; i < COUNT_OF(stand_ins); i++)
        if (strcmp(stand_ins[i][0], call) == 0)
            return stand_ins[i][1];
    return NULL;
}

static void finds_its_name(const struct sandbox_rule *rule, void *context)
{
    const char **wanted = context;

    if (*wanted != NULL && strcmp(rule->call, *wanted) == 0)
        *wanted = NULL;
}

static void has_a_stand_in(const struct sandbox_rule *rule, void *context)
{
    const struct sandbox_policy *policy = context;
    const char *wanted;

    if (seccomp_syscall_resolve_name_arch(SCMP_ARCH_AARCH64, rule->call) >= 0)
        return;
    wanted = stand_in(rule->call);
    if (wanted == NULL)
        fail_msg("what stands in for %s on aarch64?", rule->call);
    each_rule(policy, finds_its_name, &wanted);
    if (wanted != NULL)
        fail_msg("%s may %s, but on aarch64 not %s", policy->name, rule->call, wanted);
}

static void what_aarch64_lacks_has_a_stand_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(allow_lists); i++)
        each_rule(allow_lists[i], has_a_stand_in, (void *)(uintptr_t)allow_lists[i]);
}

static void says_who_and_what_for(const struct sandbox_rule *rule, void *context)
{
    (void)context;
    assert_non_null(rule->who);
    assert_true(strlen(rule->who) > 0);
}

static void every_rule_has_a_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(allow_lists); i++)
        each_rule(allow_lists[i], says_who_and_what_for, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_filter_is_its_table),
        cmocka_unit_test(calls_of_another_architecture_kill),
        cmocka_unit_test(no_table_names_what_nobody_may),
        cmocka_unit_test(what_aarch64_lacks_has_a_stand_in),
        cmocka_unit_test(every_rule_has_a_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
