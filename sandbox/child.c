/* SPDX-License-Identifier: ISC */
#include "sandbox/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "sandbox/jail.h"

static bool is_channel(int fd)
{
    int type = 0;
    socklen_t len = sizeof type;

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET;
}

bool child_take_over(enum party self, enum party other, struct ipc *supervisor, struct ipc *sibling)
{
    if (!is_channel(IPC_FD_SUPERVISOR) || !is_channel(IPC_FD_SIBLING)) {
        fprintf(stderr, "%s: this program is started by stapleguardd, not by hand\n", party_name(self));
        return false;
    }
    if (jail_close_descriptors(IPC_FD_SIBLING + 1, NULL) != 0 || clearenv() != 0) {
        fprintf(stderr, "%s: cannot close what was inherited: %s\n", party_name(self), strerror(errno));
        return false;
    }
    tzset(); /* gmtime_r(3), which OpenSSL calls too, would open /etc/localtime at its first use */
    signal(SIGPIPE, SIG_IGN);
    umask(077);
    ipc_init(supervisor, IPC_FD_SUPERVISOR, self, PARTY_SUPERVISOR);
    ipc_init(sibling, IPC_FD_SIBLING, self, other);
    return true;
}
