/* SPDX-License-Identifier: ISC */
/*
 * Owns: attempts at other processes, and new ones.
 * Runs in: probes (tests only).
 * Never: does harm where it succeeds.
 */
#include "attempt.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

/* Other processes. */

static long kill_victim(page_t *page)
{
    return kill((pid_t)page->victim_pid, 0);
}

static long kill_victim_thread(page_t *page)
{
    return syscall(SYS_tgkill, page->victim_pid, page->victim_pid, SIGCONT);
}

static long kill_everybody(page_t *page)
{
    (void)page;
    return syscall(SYS_kill, -1, 0);
}

static long queue_signal(page_t *page)
{
    siginfo_t info = {.si_code = SI_QUEUE};

    return syscall(SYS_rt_sigqueueinfo, page->victim_pid, SIGCONT, &info);
}

static long open_pidfd(page_t *page)
{
    return closed(syscall(SYS_pidfd_open, page->victim_pid, 0));
}

static long signal_pidfd(page_t *page)
{
    (void)page;
    return syscall(SYS_pidfd_send_signal, STDIN_FILENO, SIGTERM, NULL, 0);
}

static long get_pidfd(page_t *page)
{
    (void)page;
    return closed(syscall(SYS_pidfd_getfd, STDIN_FILENO, 0, 0));
}

static long trace_victim(page_t *page)
{
    long result = ptrace(PTRACE_SEIZE, (pid_t)page->victim_pid, NULL, NULL);

    return result == 0 ? ptrace(PTRACE_INTERRUPT, (pid_t)page->victim_pid, NULL, NULL) : result;
}

/* Nothing is mapped there: who may look is told so. */
static long reach_into_victim(page_t *page, long call)
{
    char octet = 0;
    struct iovec here = {&octet, 1};
    struct iovec there = {(void *)(uintptr_t)1, 1};

    return syscall(call, page->victim_pid, &here, 1ul, &there, 1ul, 0ul) < 0 && errno == EFAULT ? 0 : -1;
}

static long read_victim(page_t *page)
{
    return reach_into_victim(page, SYS_process_vm_readv);
}

static long write_victim(page_t *page)
{
    return reach_into_victim(page, SYS_process_vm_writev);
}

static long compare_victim(page_t *page)
{
    return syscall(SYS_kcmp, page->victim_pid, page->victim_pid, 1 /* KCMP_VM */, 0ul, 0ul);
}

static long limit_victim(page_t *page)
{
    struct rlimit limits;

    return syscall(SYS_prlimit64, page->victim_pid, RLIMIT_NOFILE, NULL, &limits);
}

static long schedule_victim(page_t *page)
{
    struct sched_param parameter = {0};

    return syscall(SYS_sched_setscheduler, page->victim_pid, SCHED_OTHER, &parameter);
}

static long nice_victim(page_t *page)
{
    return syscall(SYS_setpriority, PRIO_PROCESS, page->victim_pid, 1);
}

/* New processes and programs. */

static long make_process(page_t *page)
{
    pid_t pid = fork();

    (void)page;
    if (pid == 0)
        _exit(0);
    return pid < 0 ? -1 : waitpid(pid, NULL, 0);
}

static long make_thread(page_t *page)
{
    (void)page;
    /* Without a stack the kernel refuses it, but only after it was let through. */
    return syscall(SYS_clone, CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWNS | CLONE_FS, NULL, NULL, NULL, 0ul);
}

static long make_process_anew(page_t *page)
{
    (void)page;
    return syscall(SYS_clone3, NULL, 0ul);
}

/* Its exit code is the outcome where it succeeds: it writes none. */
static long run_program(const char *path)
{
    char *const argv[] = {(char *)(uintptr_t) "true", NULL};

    return execve(path, argv, argv + 1);
}

static long exec_true(page_t *page)
{
    (void)page;
    return run_program("/bin/true");
}

static long exec_upwards(page_t *page)
{
    return run_program(page->upwards);
}

static long exec_descriptor(page_t *page)
{
    char *const argv[] = {(char *)(uintptr_t) "true", NULL};

    (void)page;
    return syscall(SYS_execveat, -1, "", argv, argv + 1, AT_EMPTY_PATH);
}

static long make_memory_file(page_t *page)
{
    (void)page;
    return closed(memfd_create("probe", MFD_CLOEXEC));
}

static long exec_memory_file(page_t *page)
{
    static const char script[] = "#!/bin/true\n";
    char *const argv[] = {(char *)(uintptr_t) "true", NULL};
    int fd = memfd_create("probe", 0);

    (void)page;
    if (fd < 0)
        return -1;
    if (write(fd, script, sizeof script - 1) < 0)
        return done_with(fd, -1);
    return done_with(fd, syscall(SYS_execveat, fd, "", argv, argv + 1, AT_EMPTY_PATH));
}

const struct attempt attempts_processes[] = {
    {"kill", kill_victim},
    {"tgkill", kill_victim_thread},
    {"kill-everybody", kill_everybody},
    {"sigqueue", queue_signal},
    {"pidfd_open", open_pidfd},
    {"pidfd_send_signal", signal_pidfd},
    {"pidfd_getfd", get_pidfd},
    {"ptrace", trace_victim},
    {"process_vm_readv", read_victim},
    {"process_vm_writev", write_victim},
    {"kcmp", compare_victim},
    {"prlimit-other", limit_victim},
    {"sched_setscheduler", schedule_victim},
    {"setpriority", nice_victim},
    {"fork", make_process},
    {"clone-thread", make_thread},
    {"clone3", make_process_anew},
    {"exec", exec_true},
    {"exec-upwards", exec_upwards},
    {"execveat", exec_descriptor},
    {"memfd_create", make_memory_file},
    {"memfd-exec", exec_memory_file},
    {NULL, NULL},
};
