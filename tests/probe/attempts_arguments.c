/* SPDX-License-Identifier: ISC */
/*
 * Owns: for each rule on an argument in sandbox/policy_*.c a call that differs from what is allowed in that argument.
 * Runs in: probes (tests only).
 * Never: taken from the tables: what must be refused is written out here.
 *
 * A descriptor is -1, or 0 where it must not be a directory; whom the filter lets through the kernel tells that it is wrong.
 */
#include "attempt.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define HERE "probe-made-this"

/* Of later kernels than the headers'. */
#define PROTOCOL_SMC 256
#define PROTOCOL_MPTCP 262

/* One system call as an attempt; what it opens is closed. */
#define CALL(name, ...) \
    static long name(page_t *page) \
    { \
        (void)page; \
        return syscall(__VA_ARGS__); \
    }
#define OPENING_CALL(name, ...) \
    static long name(page_t *page) \
    { \
        (void)page; \
        return closed(syscall(__VA_ARGS__)); \
    }

/* Sockets: another family, another type, another protocol. */
OPENING_CALL(socket_unix_datagram, SYS_socket, AF_UNIX, SOCK_DGRAM, 0)
OPENING_CALL(socket_packet_udp, SYS_socket, AF_PACKET, SOCK_DGRAM, IPPROTO_UDP)
OPENING_CALL(socket_seqpacket, SYS_socket, AF_INET, SOCK_SEQPACKET, 0)
OPENING_CALL(socket_seqpacket6, SYS_socket, AF_INET6, SOCK_SEQPACKET, 0)
OPENING_CALL(socket_raw_udp, SYS_socket, AF_INET, SOCK_RAW, IPPROTO_UDP)
OPENING_CALL(socket_raw6_udp, SYS_socket, AF_INET6, SOCK_RAW, IPPROTO_UDP)
OPENING_CALL(socket_mptcp, SYS_socket, AF_INET, SOCK_STREAM, PROTOCOL_MPTCP)
OPENING_CALL(socket_mptcp6, SYS_socket, AF_INET6, SOCK_STREAM, PROTOCOL_MPTCP)
OPENING_CALL(socket_sctp, SYS_socket, AF_INET, SOCK_STREAM, IPPROTO_SCTP)
OPENING_CALL(socket_smc, SYS_socket, AF_INET, SOCK_STREAM, PROTOCOL_SMC)
OPENING_CALL(socket_udplite, SYS_socket, AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE)
OPENING_CALL(socket_udplite6, SYS_socket, AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE)
CALL(set_socket_level, SYS_setsockopt, -1, SOL_SOCKET, TCP_NODELAY, NULL, 0)
CALL(set_ip_level, SYS_setsockopt, -1, IPPROTO_IP, 30 /* TCP_FASTOPEN_CONNECT */, NULL, 0)
CALL(set_tcp_protocol, SYS_setsockopt, -1, IPPROTO_TCP, 31 /* TCP_ULP */, NULL, 0)
CALL(get_ip_level, SYS_getsockopt, -1, IPPROTO_IP, SO_ERROR, NULL, NULL)
CALL(get_peer, SYS_getsockopt, -1, SOL_SOCKET, SO_PEERCRED, NULL, NULL)

/* Files by name. */
CALL(open_from_descriptor, SYS_openat, 0, HERE, O_RDONLY, 0)
OPENING_CALL(create_setuid, SYS_openat, AT_FDCWD, HERE ".setuid", O_WRONLY | O_CREAT, S_ISUID | 0600)
OPENING_CALL(create_setgid, SYS_openat, AT_FDCWD, HERE ".setgid", O_WRONLY | O_CREAT, S_ISGID | 0600)
CALL(mkdir_setgid, SYS_mkdir, HERE ".setgid.d", S_ISGID | 0700)
CALL(mkdir_sticky, SYS_mkdir, HERE ".sticky.d", S_ISVTX | 0700)
CALL(mkdirat_setgid, SYS_mkdirat, AT_FDCWD, HERE ".setgidat.d", S_ISGID | 0700)
CALL(mkdir_from_descriptor, SYS_mkdirat, 0, HERE, 0700)
CALL(rename_from_descriptor, SYS_renameat, 0, HERE, AT_FDCWD, HERE)
CALL(rename_to_descriptor, SYS_renameat, AT_FDCWD, ".", 0, HERE)
CALL(rename2_from_descriptor, SYS_renameat2, 0, HERE, AT_FDCWD, HERE, 0)
CALL(rename2_to_descriptor, SYS_renameat2, AT_FDCWD, ".", 0, HERE, 0)
CALL(rename2_exchange, SYS_renameat2, AT_FDCWD, HERE ".none", AT_FDCWD, HERE ".none", 2 /* RENAME_EXCHANGE */)
CALL(link_from_descriptor, SYS_linkat, 0, HERE, AT_FDCWD, HERE, 0)
CALL(link_to_descriptor, SYS_linkat, AT_FDCWD, HERE ".none", 0, HERE, 0)
CALL(link_through, SYS_linkat, AT_FDCWD, HERE ".none", AT_FDCWD, HERE ".none", AT_SYMLINK_FOLLOW)
CALL(unlink_from_descriptor, SYS_unlinkat, 0, HERE, 0)
CALL(unlink_directory, SYS_unlinkat, AT_FDCWD, HERE ".none", AT_REMOVEDIR)

static long open_path_only(page_t *page)
{
    return closed(syscall(SYS_openat, AT_FDCWD, page->upwards, O_PATH | O_CLOEXEC, 0));
}

static long stat_upwards(page_t *page)
{
    struct stat status;

    return syscall(SYS_newfstatat, AT_FDCWD, page->upwards, &status, 0);
}

static long stat_empty_upwards(page_t *page)
{
    struct stat status;

    return syscall(SYS_newfstatat, AT_FDCWD, page->upwards, &status, AT_EMPTY_PATH);
}

static long stat_from_descriptor(page_t *page)
{
    struct stat status;

    return syscall(SYS_newfstatat, 0, page->upwards, &status, 0);
}

/* Files that are open. */
CALL(give_away, SYS_fchown, -1, 0, -1)
CALL(chmod_setuid, SYS_fchmod, -1, S_ISUID | 0600)
CALL(chmod_setgid, SYS_fchmod, -1, S_ISGID | 0600)
CALL(own_descriptor, SYS_fcntl, -1, F_SETOWN, 0)
CALL(make_direct_pipe, SYS_pipe2, NULL, O_DIRECT | O_CLOEXEC)
CALL(read_another, SYS_read, -1, NULL, 0)
CALL(seek_another, SYS_lseek, -1, 0, SEEK_CUR)
CALL(write_another, SYS_write, -1, NULL, 0)
CALL(writev_another, SYS_writev, -1, NULL, 0)
CALL(map_file, SYS_mmap, NULL, 4096, PROT_READ, MAP_PRIVATE, -1, 0)

/* Processes.  No thread has the number 1 in them: where the filter lets it through, nobody gets the signal. */
CALL(abort_self_otherwise, SYS_tgkill, syscall(SYS_getpid), 1, SIGTERM)
CALL(stop_pidfd, SYS_pidfd_send_signal, STDIN_FILENO, SIGUSR1, NULL, 1)
CALL(ignore_alarm, SYS_rt_sigaction, SIGALRM, NULL, NULL, 8)
CALL(ask_for_notifications, SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, NULL)
/* With CLONE_FS the kernel refuses it, but only after it was let through. */
CALL(clone_user, SYS_clone, CLONE_NEWUSER | CLONE_FS, NULL, NULL, NULL, 0)

static long abort_victim(page_t *page)
{
    return syscall(SYS_tgkill, page->victim_pid, 1, SIGABRT);
}

const struct attempt attempts_arguments[] = {
    {"socket-unix-datagram", socket_unix_datagram},
    {"socket-packet-udp", socket_packet_udp},
    {"socket-seqpacket", socket_seqpacket},
    {"socket-seqpacket6", socket_seqpacket6},
    {"socket-raw-udp", socket_raw_udp},
    {"socket-raw6-udp", socket_raw6_udp},
    {"socket-mptcp", socket_mptcp},
    {"socket-mptcp6", socket_mptcp6},
    {"socket-sctp", socket_sctp},
    {"socket-smc", socket_smc},
    {"socket-udplite", socket_udplite},
    {"socket-udplite6", socket_udplite6},
    {"setsockopt-socket", set_socket_level},
    {"setsockopt-ip", set_ip_level},
    {"setsockopt-ulp", set_tcp_protocol},
    {"getsockopt-ip", get_ip_level},
    {"getsockopt-peer", get_peer},
    {"openat-descriptor", open_from_descriptor},
    {"open-path", open_path_only},
    {"create-setuid", create_setuid},
    {"create-setgid", create_setgid},
    {"stat-upwards", stat_upwards},
    {"stat-empty-upwards", stat_empty_upwards},
    {"stat-descriptor", stat_from_descriptor},
    {"mkdir-setgid", mkdir_setgid},
    {"mkdir-sticky", mkdir_sticky},
    {"mkdirat-setgid", mkdirat_setgid},
    {"mkdirat-descriptor", mkdir_from_descriptor},
    {"renameat-from", rename_from_descriptor},
    {"renameat-to", rename_to_descriptor},
    {"renameat2-from", rename2_from_descriptor},
    {"renameat2-to", rename2_to_descriptor},
    {"renameat2-exchange", rename2_exchange},
    {"linkat-from", link_from_descriptor},
    {"linkat-to", link_to_descriptor},
    {"linkat-through", link_through},
    {"unlinkat-descriptor", unlink_from_descriptor},
    {"unlinkat-directory", unlink_directory},
    {"fchown-owner", give_away},
    {"fchmod-setuid", chmod_setuid},
    {"fchmod-setgid", chmod_setgid},
    {"fcntl-setown", own_descriptor},
    {"pipe2-direct", make_direct_pipe},
    {"read-another", read_another},
    {"lseek-another", seek_another},
    {"write-another", write_another},
    {"writev-another", writev_another},
    {"mmap-file", map_file},
    {"tgkill-abort", abort_victim},
    {"tgkill-term", abort_self_otherwise},
    {"pidfd_send_signal-flags", stop_pidfd},
    {"sigaction-alarm", ignore_alarm},
    {"seccomp-sizes", ask_for_notifications},
    {"clone-user", clone_user},
    {NULL, NULL},
};
