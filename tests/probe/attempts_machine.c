/* SPDX-License-Identifier: ISC */
/*
 * Owns: attempts at the machine, parts of the kernel with a history, memory, calls of another kind.
 * Runs in: probes (tests only).
 * Never: does harm where it succeeds.
 */
#include "attempt.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/shm.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>

#define PAGE_OCTETS 4096u

/* The machine. */

static long mount_something(page_t *page)
{
    (void)page;
    return mount("none", "/", "no-such-type", 0, NULL);
}

static long unmount_root(page_t *page)
{
    (void)page;
    return umount2("/", MNT_EXPIRE);
}

static long pivot(page_t *page)
{
    (void)page;
    return syscall(SYS_pivot_root, "/", "/");
}

static long open_file_system(page_t *page)
{
    (void)page;
    return closed(syscall(SYS_fsopen, "no-such-type", 0));
}

static long load_program(page_t *page)
{
    union bpf_attr attr;

    (void)page;
    memset(&attr, 0, sizeof attr);
    return closed(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr));
}

static long count_events(page_t *page)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof attr, .config = PERF_COUNT_SW_CPU_CLOCK};

    (void)page;
    return closed(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0ul));
}

static long fault_in_user_space(page_t *page)
{
    (void)page;
    return closed(syscall(SYS_userfaultfd, O_CLOEXEC));
}

static long set_up_ring(page_t *page)
{
    struct io_uring_params parameters;

    (void)page;
    memset(&parameters, 0, sizeof parameters);
    return closed(syscall(SYS_io_uring_setup, 1, &parameters));
}

static long find_keyring(page_t *page)
{
    (void)page;
    return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1, 0, 0);
}

static long add_key(page_t *page)
{
    (void)page;
    return syscall(SYS_add_key, "user", "probe", "x", 1ul, KEY_SPEC_PROCESS_KEYRING);
}

static long load_module(page_t *page)
{
    (void)page;
    return syscall(SYS_finit_module, -1, "", 0);
}

static long load_kernel(page_t *page)
{
    (void)page;
    return syscall(SYS_kexec_load, 0ul, 0ul, NULL, ~0ul);
}

static long restart_machine(page_t *page)
{
    (void)page;
    return syscall(SYS_reboot, 0, 0, 0, NULL);
}

static long swap_on(page_t *page)
{
    (void)page;
    return swapon("/no/such/file", 0);
}

static long set_clock(page_t *page)
{
    (void)page;
    return syscall(SYS_clock_settime, CLOCK_REALTIME, NULL);
}

static long adjust_clock(page_t *page)
{
    struct timex adjustment = {.modes = ADJ_TICK};

    (void)page;
    return adjtimex(&adjustment);
}

static long set_host_name(page_t *page)
{
    (void)page;
    return syscall(SYS_sethostname, "", -1);
}

static long read_kernel_log(page_t *page)
{
    (void)page;
    return syscall(SYS_syslog, 10 /* SYSLOG_ACTION_SIZE_BUFFER */, NULL, 0);
}

static long account(page_t *page)
{
    (void)page;
    return syscall(SYS_acct, "/no/such/file");
}

static long another_personality(page_t *page)
{
    (void)page;
    return syscall(SYS_personality, 0x0400000ul /* READ_IMPLIES_EXEC */);
}

static long splice_memory(page_t *page)
{
    (void)page;
    return syscall(SYS_vmsplice, -1, NULL, 0ul, 0) < 0 && errno == EBADF ? 0 : -1;
}

static long share_memory(page_t *page)
{
    (void)page;
    int id = shmget(IPC_PRIVATE, PAGE_OCTETS, IPC_CREAT | 0600);

    return id < 0 ? -1 : shmctl(id, IPC_RMID, NULL);
}

static long queue_message(page_t *page)
{
    (void)page;
    int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);

    return id < 0 ? -1 : msgctl(id, IPC_RMID, NULL);
}

static long push_into_terminal(page_t *page)
{
    char octet = '\n';

    (void)page;
    /* No terminal: it would have been, had there been one. */
    return ioctl(STDIN_FILENO, TIOCSTI, &octet) < 0 && (errno == ENOTTY || errno == EIO) ? 0 : -1;
}

/* Memory. */

static long map_executable(page_t *page)
{
    void *mapped = mmap(NULL, PAGE_OCTETS, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)page;
    return mapped == MAP_FAILED ? -1 : 0;
}

static long make_executable(page_t *page)
{
    void *mapped = mmap(NULL, PAGE_OCTETS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)page;
    return mapped == MAP_FAILED ? -1 : mprotect(mapped, PAGE_OCTETS, PROT_READ | PROT_EXEC);
}

/* Calls of another kind. */

static long call_32_bit(page_t *page)
{
    long result = 20; /* getpid */

    (void)page;
#ifdef __x86_64__
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    return result < 0 ? -1 : 0;
#else
    errno = EOPNOTSUPP;
    return result - 21;
#endif
}

static long call_x32(page_t *page)
{
    (void)page;
#ifdef __x86_64__
    return syscall(0x40000000L | SYS_getpid);
#else
    errno = EOPNOTSUPP;
    return -1;
#endif
}

const struct attempt attempts_machine[] = {
    {"mount", mount_something},
    {"umount", unmount_root},
    {"pivot_root", pivot},
    {"fsopen", open_file_system},
    {"bpf", load_program},
    {"perf_event_open", count_events},
    {"userfaultfd", fault_in_user_space},
    {"io_uring", set_up_ring},
    {"keyctl", find_keyring},
    {"add_key", add_key},
    {"module", load_module},
    {"kexec", load_kernel},
    {"reboot", restart_machine},
    {"swapon", swap_on},
    {"clock_settime", set_clock},
    {"adjtimex", adjust_clock},
    {"sethostname", set_host_name},
    {"syslog", read_kernel_log},
    {"acct", account},
    {"personality", another_personality},
    {"vmsplice", splice_memory},
    {"shmget", share_memory},
    {"msgget", queue_message},
    {"ioctl-tiocsti", push_into_terminal},
    {"mmap-exec", map_executable},
    {"mprotect-exec", make_executable},
    {"call-32-bit", call_32_bit},
    {"call-x32", call_x32},
    {NULL, NULL},
};
