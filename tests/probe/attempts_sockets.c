/* SPDX-License-Identifier: ISC */
/*
 * Owns: attempts at sockets of every family.
 * Runs in: probes (tests only).
 * Never: does harm where it succeeds.
 */
#include "attempt.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static long make_socket(int family, int type, int protocol)
{
    return socket(family, type | SOCK_CLOEXEC, protocol);
}

static long socket_inet(page_t *page)
{
    (void)page;
    return closed(make_socket(AF_INET, SOCK_STREAM, 0));
}

static long socket_inet6(page_t *page)
{
    (void)page;
    return closed(make_socket(AF_INET6, SOCK_DGRAM, 0));
}

static long socket_raw(page_t *page)
{
    (void)page;
    return closed(make_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
}

static long socket_unix(page_t *page)
{
    (void)page;
    return closed(make_socket(AF_UNIX, SOCK_STREAM, 0));
}

static long socket_netlink(page_t *page)
{
    (void)page;
    return closed(make_socket(AF_NETLINK, SOCK_RAW, 0));
}

static long socket_packet(page_t *page)
{
    (void)page;
    return closed(make_socket(AF_PACKET, SOCK_RAW, 0));
}

static long socket_crypto(page_t *page)
{
    (void)page;
    return closed(make_socket(AF_ALG, SOCK_SEQPACKET, 0));
}

static long socket_vm(page_t *page)
{
    (void)page;
    return closed(make_socket(AF_VSOCK, SOCK_STREAM, 0));
}

static long socket_pair(page_t *page)
{
    int pair[2];

    (void)page;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    close(pair[0]);
    close(pair[1]);
    return 0;
}

static long connect_tcp(page_t *page)
{
    struct sockaddr_in address
        = {.sin_family = AF_INET, .sin_port = htons((uint16_t)page->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = (int)make_socket(AF_INET, SOCK_STREAM, 0);

    return fd < 0 ? -1 : done_with(fd, connect(fd, (struct sockaddr *)&address, sizeof address));
}

static long bind_tcp(page_t *page)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = (int)make_socket(AF_INET, SOCK_STREAM, 0);

    (void)page;
    return fd < 0 ? -1 : done_with(fd, bind(fd, (struct sockaddr *)&address, sizeof address));
}

/* Without bind(2) the kernel chooses a port. */
static long listen_tcp(page_t *page)
{
    int fd = (int)make_socket(AF_INET, SOCK_STREAM, 0);

    (void)page;
    return fd < 0 ? -1 : done_with(fd, listen(fd, 1));
}

static long accept_tcp(page_t *page)
{
    int fd = (int)make_socket(AF_INET, SOCK_STREAM, 0);

    (void)page;
    if (fd < 0 || listen(fd, 1) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        return -1;
    /* Nobody came: it may be waited for. */
    return done_with(fd, accept4(fd, NULL, NULL, 0) < 0 && errno == EAGAIN ? 0 : -1);
}

static long connect_abstract(page_t *page)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(page->socket);
    int fd = (int)make_socket(AF_UNIX, SOCK_STREAM, 0);

    memcpy(address.sun_path + 1, page->socket, len);
    return fd < 0
        ? -1
        : done_with(fd, connect(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len)));
}

const struct attempt attempts_sockets[] = {
    {"socket-inet", socket_inet},
    {"socket-inet6", socket_inet6},
    {"socket-raw", socket_raw},
    {"socket-unix", socket_unix},
    {"socket-netlink", socket_netlink},
    {"socket-packet", socket_packet},
    {"socket-alg", socket_crypto},
    {"socket-vsock", socket_vm},
    {"socketpair", socket_pair},
    {"connect-tcp", connect_tcp},
    {"bind-tcp", bind_tcp},
    {"listen-tcp", listen_tcp},
    {"accept-tcp", accept_tcp},
    {"connect-abstract", connect_abstract},
    {NULL, NULL},
};
