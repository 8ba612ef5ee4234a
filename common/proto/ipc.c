/* SPDX-License-Identifier: ISC */
#include "proto/ipc.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "system/log.h"

/* Room for one descriptor more than any message carries, so that too many are seen and closed. */
#define IPC_FDS_SEEN 2u

union control {
    struct cmsghdr align;
    char space[CMSG_SPACE(IPC_FDS_SEEN * sizeof(int))];
};

void ipc_init(struct ipc *ipc, int fd, enum party self, enum party peer)
{
    memset(ipc, 0, sizeof *ipc);
    ipc->fd = fd;
    ipc->self = self;
    ipc->peer = peer;
    ipc->state = MSG_STATE_SETUP;
}

void ipc_close(struct ipc *ipc)
{
    if (ipc->fd >= 0)
        close(ipc->fd);
    ipc->fd = -1;
}

static enum ipc_result result_of_errno(void)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
        return IPC_AGAIN;
    return errno == EPIPE || errno == ECONNRESET ? IPC_CLOSED : IPC_FAILED;
}

static void attach_descriptor(struct msghdr *header, union control *control, int fd)
{
    struct cmsghdr *cmsg;

    memset(control, 0, sizeof *control);
    header->msg_control = control->space;
    header->msg_controllen = CMSG_SPACE(sizeof fd);
    cmsg = CMSG_FIRSTHDR(header);
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(cmsg), &fd, sizeof fd);
}

enum ipc_result ipc_send(struct ipc *ipc, const struct msg *msg, int fd, enum ipc_wait wait)
{
    uint8_t data[MSG_LEN_MAX];
    size_t len = 0;
    struct iovec iov = {.iov_base = data};
    struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
    union control control;
    ssize_t sent;

    if (ipc->fd < 0)
        return IPC_CLOSED;
    ipc->refused = msg_encode(msg, data, sizeof data, &len);
    if (ipc->refused != MSG_OK)
        return IPC_MALFORMED;
    iov.iov_len = len;
    if (fd >= 0)
        attach_descriptor(&header, &control, fd);
    do {
        sent = sendmsg(ipc->fd, &header, MSG_NOSIGNAL | (wait == IPC_WAIT ? 0 : MSG_DONTWAIT));
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? result_of_errno() : IPC_OK;
}

unsigned ipc_take_descriptors(struct msghdr *header, int *fd)
{
    unsigned count = 0;

    *fd = -1;
    for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(header); cmsg != NULL; cmsg = CMSG_NXTHDR(header, cmsg)) {
        size_t n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < n; i++) {
            int received;

            memcpy(&received, CMSG_DATA(cmsg) + i * sizeof received, sizeof received);
            if (count++ == 0)
                *fd = received;
            else
                close(received);
        }
    }
    return header->msg_flags & MSG_CTRUNC ? count + 1 : count;
}

static void trace_message(const struct ipc *ipc, const struct msg *msg, size_t len)
{
    /* A child's own lines travel in LOG messages: tracing those would never end. */
    if (msg->type != MSG_LOG)
        log_trace("%s <- %s: %s, %zu bytes", party_name(ipc->self), party_name(ipc->peer), msg_type_name(msg->type), len);
}

/* A peer that ended with messages unread resets the channel, once; what it said before that is still there (net/unix/af_unix.c). */
static ssize_t receive_octets(int fd, struct msghdr *header, int flags)
{
    bool was_reset = false;

    for (;;) {
        ssize_t len = recvmsg(fd, header, flags);

        if (len >= 0 || (errno != EINTR && (errno != ECONNRESET || was_reset)))
            return len;
        was_reset = was_reset || errno == ECONNRESET;
    }
}

enum ipc_result ipc_receive(struct ipc *ipc, struct msg *msg, int *fd, enum ipc_wait wait)
{
    struct iovec iov = {.iov_base = ipc->in, .iov_len = sizeof ipc->in};
    union control control;
    struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control};
    int received_fd = -1;
    unsigned fd_count;
    ssize_t len;

    if (fd != NULL)
        *fd = -1;
    if (ipc->fd < 0)
        return IPC_CLOSED;
    len = receive_octets(ipc->fd, &header, MSG_CMSG_CLOEXEC | (wait == IPC_WAIT ? 0 : MSG_DONTWAIT));
    if (len < 0)
        return result_of_errno();
    fd_count = ipc_take_descriptors(&header, &received_fd);
    if (len == 0 && fd_count == 0)
        return IPC_CLOSED;
    ipc->refused = header.msg_flags & MSG_TRUNC
        ? MSG_WRONG_LENGTH
        : msg_decode(ipc->in, (size_t)len, ipc->peer, ipc->self, ipc->state, fd_count, msg);
    if (ipc->refused != MSG_OK || (received_fd >= 0 && fd == NULL)) {
        if (received_fd >= 0)
            close(received_fd);
        return IPC_MALFORMED;
    }
    if (fd != NULL)
        *fd = received_fd;
    trace_message(ipc, msg, (size_t)len);
    return IPC_OK;
}
