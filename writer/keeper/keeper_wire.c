/* SPDX-License-Identifier: ISC */
#include "keeper/keeper_wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/ipc.h"

union control {
    struct cmsghdr align;
    char space[CMSG_SPACE(sizeof(int))];
};

int keeper_wire_send(int channel, const void *data, size_t len, int fd, bool may_wait)
{
    struct iovec part = {(void *)(uintptr_t)data, len};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    union control control;
    ssize_t sent;

    if (fd >= 0) {
        struct cmsghdr *attached;

        memset(&control, 0, sizeof control);
        header.msg_control = &control;
        header.msg_controllen = sizeof control;
        attached = CMSG_FIRSTHDR(&header);
        attached->cmsg_level = SOL_SOCKET;
        attached->cmsg_type = SCM_RIGHTS;
        attached->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(attached), &fd, sizeof fd);
    }
    do {
        sent = sendmsg(channel, &header, MSG_NOSIGNAL | (may_wait ? 0 : MSG_DONTWAIT));
    } while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)len ? 0 : -1;
}

int keeper_wire_receive(int channel, void *data, size_t len, int *fd, bool may_wait)
{
    struct iovec part = {data, len};
    union control control;
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t got;

    *fd = -1;
    do {
        got = recvmsg(channel, &header, MSG_CMSG_CLOEXEC | (may_wait ? 0 : MSG_DONTWAIT));
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN ? 0 : -1;
    if (ipc_take_descriptors(&header, fd) <= 1 && got == (ssize_t)len)
        return 1;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return -1;
}
