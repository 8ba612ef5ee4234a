/* SPDX-License-Identifier: ISC */
/*
 * Owns: one end of a SOCK_SEQPACKET channel: sending and receiving whole messages, with at most one descriptor.
 * Runs in: supervisor, fetcher, writer.
 * Never: hands out a message that msg_decode refused, leaks a descriptor that came with one, or blocks the wrong way.
 *
 * Who may wait for whom, so that no circle of waiting can form: the fetcher may wait for writer and supervisor, the
 * writer for the supervisor, the supervisor for nobody.  Sending the other way is IPC_NOWAIT.
 */
#ifndef STAPLEGUARD_IPC_H
#define STAPLEGUARD_IPC_H

#include "proto/msg.h"

/* The descriptors a child finds after exec: its channel to the supervisor, and the one between the children. */
#define IPC_FD_SUPERVISOR 3
#define IPC_FD_SIBLING 4

enum ipc_result {
    IPC_OK,
    IPC_AGAIN,     /* nothing there, or no room, now */
    IPC_CLOSED,    /* the other end is gone */
    IPC_MALFORMED, /* ipc.refused says why; close the channel */
    IPC_FAILED,    /* errno says why */
};

enum ipc_wait {
    IPC_NOWAIT,
    IPC_WAIT,
};

struct ipc {
    int fd; /* owned; -1 after ipc_close */
    enum party self;
    enum party peer;
    enum msg_state state; /* what messages are allowed now; the owner moves it on */
    enum msg_result refused;
    uint8_t in[MSG_LEN_MAX + 1]; /* one more than any message, so that a longer one is seen */
};

void ipc_init(struct ipc *ipc, int fd, enum party self, enum party peer);
void ipc_close(struct ipc *ipc);

/* Send *msg, and a copy of fd when it is not -1 (stays the caller's). */
enum ipc_result ipc_send(struct ipc *ipc, const struct msg *msg, int fd, enum ipc_wait wait);

/*
 * Receive the next message.  BLOBs in *msg live until the next call.  *fd: the caller's from then on, or -1; a message
 * type that carries none never sets it.  fd may be NULL where no message with a descriptor can come.
 */
enum ipc_result ipc_receive(struct ipc *ipc, struct msg *msg, int *fd, enum ipc_wait wait);

struct msghdr;
/*
 * Take the descriptors out of what recvmsg(2) filled in: the first is *fd, the caller's, or -1; any other is closed.  Returns how many
 * came, counting those for which there was no room.
 */
unsigned ipc_take_descriptors(struct msghdr *header, int *fd);

#endif
