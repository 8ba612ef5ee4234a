/* SPDX-License-Identifier: ISC */
/*
 * Owns: the system calls that the fetcher may make.
 * Runs in: fetcher.
 * Never: a way to open a file, to start a process or thread, to listen, or to make memory executable.
 *
 * "libcurl", "c-ares" and "OpenSSL" stand for the versions from 7.88, 1.18 and 3.0 on.  A row that says "aarch64" is
 * the call that glibc makes there instead of the one above it.
 */
#include "sandbox/policy.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#ifndef TCP_FASTOPEN_CONNECT
/* clang-format off */
#define TCP_FASTOPEN_CONNECT 30 /* Linux 4.11 */
#endif

/* An int argument: the upper half of its register means nothing. */
#define INT_IS(index, value) {index, SANDBOX_MASKED, 0xffffffff, value, #value}
/* A socket's type, whatever flags it is made with. */
#define TYPE_IS(value) {1, SANDBOX_MASKED, 0xffffffff & ~(uint64_t)(SOCK_NONBLOCK | SOCK_CLOEXEC), value, #value}
#define OWN_PID(index) {index, SANDBOX_OWN_PID, 0xffffffff, 0, "its own process id"}
#define NOT_EXECUTABLE(index) {index, SANDBOX_MASKED, PROT_EXEC, 0, "PROT_EXEC"}
#define END {NULL, NULL, {{0}}}

/* Supervisor and writer; a certificate's memfd. */
static const struct sandbox_rule channels[] = {
    {"recvmsg", "ipc", {{0}}},
    {"sendmsg", "ipc", {{0}}},
    {"pread64", "cert_load: the memfd of a CERT_ADD", {{0}}},
    {"close", "that memfd; libcurl's and c-ares's sockets", {{0}}},
    END,
};

/* Waiting, and what time it is (mostly without a system call). */
static const struct sandbox_rule waiting[] = {
    {"epoll_ctl", "loop", {{0}}},
    {"epoll_wait", "loop", {{0}}},
    {"epoll_pwait", "loop, aarch64", {{0}}},
    {"poll", "libcurl: is a connection up, is a kept one still alive", {{0}}},
    {"ppoll", "libcurl, aarch64", {{0}}},
    {"clock_gettime", "loop, libcurl, c-ares", {{0}}},
    {"gettimeofday", "c-ares, OpenSSL", {{0}}},
    {"time", "libc", {{0}}},
    {"timerfd_settime", "watch: when the next certificate is due", {{0}}},
    {"read", "watch: its timer", {{0}}},
    {"restart_syscall", "the kernel, after a stop and continue", {{0}}},
    END,
};

/* Sockets that call out: TCP and UDP over IPv4 and IPv6.  No bind, listen or accept; no other family or protocol. */
static const struct sandbox_rule sockets[] = {
    {"socket", "http; c-ares over TCP", {INT_IS(0, AF_INET), TYPE_IS(SOCK_STREAM), INT_IS(2, 0)}},
    {"socket", "http; c-ares over TCP", {INT_IS(0, AF_INET6), TYPE_IS(SOCK_STREAM), INT_IS(2, 0)}},
    {"socket", "c-ares", {INT_IS(0, AF_INET), TYPE_IS(SOCK_DGRAM), INT_IS(2, 0)}},
    {"socket", "c-ares; libcurl: does this machine have IPv6", {INT_IS(0, AF_INET6), TYPE_IS(SOCK_DGRAM), INT_IS(2, 0)}},
    {"socket", "c-ares, to sort addresses", {INT_IS(0, AF_INET), TYPE_IS(SOCK_DGRAM), INT_IS(2, IPPROTO_UDP)}},
    {"socket", "c-ares, to sort addresses", {INT_IS(0, AF_INET6), TYPE_IS(SOCK_DGRAM), INT_IS(2, IPPROTO_UDP)}},
    {"connect", "libcurl, c-ares", {{0}}},
    {"setsockopt", "libcurl, c-ares over TCP", {INT_IS(1, IPPROTO_TCP), INT_IS(2, TCP_NODELAY)}},
    {"setsockopt", "c-ares from 1.34 over TCP", {INT_IS(1, IPPROTO_TCP), INT_IS(2, TCP_FASTOPEN_CONNECT)}},
    {"getsockopt", "libcurl: did connect work", {INT_IS(1, SOL_SOCKET), INT_IS(2, SO_ERROR)}},
    {"getsockname", "libcurl; c-ares to sort addresses", {{0}}},
    {"getpeername", "libcurl", {{0}}},
    {"fcntl", "libcurl, c-ares: non-blocking", {INT_IS(1, F_GETFL)}},
    {"fcntl", "libcurl, c-ares: non-blocking", {INT_IS(1, F_SETFL)}},
    {"fcntl", "libcurl from 8.16, c-ares: close on exec", {INT_IS(1, F_SETFD)}},
    {"ioctl", "libcurl where it is built so: non-blocking", {INT_IS(1, FIONBIO)}},
    {"sendto", "libcurl, c-ares", {{0}}},
    {"recvfrom", "libcurl, c-ares", {{0}}},
    {"writev", "c-ares before 1.34 over TCP; libc's last words before abort", {{0}}},
    END,
};

static const struct sandbox_rule memory[] = {
    {"brk", "malloc", {{0}}},
    {"mmap", "malloc", {NOT_EXECUTABLE(2)}},
    {"mprotect", "malloc", {NOT_EXECUTABLE(2)}},
    {"mremap", "realloc", {{0}}},
    {"munmap", "free", {{0}}},
    {"madvise", "free", {{0}}},
    END,
};

static const struct sandbox_rule libraries[] = {
    {"getrandom", "pass, c-ares, OpenSSL", {{0}}},
    {"futex", "OpenSSL, libc: locks that nobody else holds", {{0}}},
    {"getpid", "OpenSSL: a generator must not live on in a fork; abort", {{0}}},
    {"rt_sigaction", "libcurl: SIGPIPE stays ignored", {INT_IS(0, SIGPIPE)}},
    END,
};

/* The end, in order or by abort(3): without these a failed assertion would look like a broken rule. */
static const struct sandbox_rule ending[] = {
    {"exit_group", "exit", {{0}}},
    {"exit", "exit", {{0}}},
    {"rt_sigreturn", "a signal's end", {{0}}},
    {"rt_sigprocmask", "abort", {{0}}},
    {"gettid", "abort", {{0}}},
    {"tgkill", "abort", {OWN_PID(0), INT_IS(2, SIGABRT)}},
    {"write", "assert's last words", {{0}}},
    END,
};
/* clang-format on */

static const struct sandbox_rule *const groups[] = {channels, waiting, sockets, memory, libraries, ending, NULL};

const struct sandbox_policy sandbox_policy_fetcher = {"fetcher", SANDBOX_KILL_OTHERS, groups, NULL};
