/* SPDX-License-Identifier: ISC */
#include "keeper/keeper.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper/keeper_wire.h"

struct keeper {
    pid_t pid;
    int orders_fd; /* owned */
    int news_fd;   /* owned */
};

static bool make_channels(int orders[2], int news[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, orders) == 0
        && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, news) == 0;
}

static void close_pair(const int pair[2])
{
    for (size_t i = 0; i < 2; i++)
        if (pair[i] >= 0)
            close(pair[i]);
}

/* The keeper is ready, or says why it is not. */
static bool hear_ready(const struct keeper *keeper, char *error, size_t cap)
{
    struct keeper_start_reply reply;
    int fd;

    if (keeper_wire_receive(keeper->orders_fd, &reply, sizeof reply, &fd, true) != 1) {
        snprintf(error, cap, "it ended before it was ready");
        return false;
    }
    if (reply.error[0] != '\0')
        snprintf(error, cap, "%s", reply.error);
    return reply.error[0] == '\0';
}

struct keeper *keeper_start(const struct keeper_settings *settings, char *error, size_t cap)
{
    struct keeper *keeper = malloc(sizeof *keeper);
    int orders[2] = {-1, -1};
    int news[2] = {-1, -1};
    int status;

    if (keeper == NULL || !make_channels(orders, news)) {
        snprintf(error, cap, "%s", strerror(errno));
        goto failed;
    }
    keeper->pid = fork();
    if (keeper->pid == 0) {
        close(orders[0]);
        close(news[0]);
        keeper_process(settings, orders[1], news[1]);
    }
    if (keeper->pid < 0) {
        snprintf(error, cap, "%s", strerror(errno));
        goto failed;
    }
    close(orders[1]);
    close(news[1]);
    keeper->orders_fd = orders[0];
    keeper->news_fd = news[0];
    if (hear_ready(keeper, error, cap))
        return keeper;
    status = keeper_end(keeper);
    if (WIFSIGNALED(status))
        snprintf(error, cap, "it was ended by signal %s before it was ready", sigabbrev_np(WTERMSIG(status)));
    return NULL;
failed:
    close_pair(orders);
    close_pair(news);
    free(keeper);
    return NULL;
}

void keeper_descriptors(const struct keeper *keeper, int fds[KEEPER_DESCRIPTORS])
{
    fds[0] = keeper->orders_fd;
    fds[1] = keeper->news_fd;
}

int keeper_end(struct keeper *keeper)
{
    int status = 0;

    if (keeper == NULL)
        return status;
    close(keeper->orders_fd);
    close(keeper->news_fd);
    while (waitpid(keeper->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    free(keeper);
    return status;
}

int keeper_fd(const struct keeper *keeper)
{
    return keeper->news_fd;
}

enum keeper_result keeper_take_news(struct keeper *keeper, struct keeper_news *news)
{
    int fd;

    switch (keeper_wire_receive(keeper->news_fd, news, sizeof *news, &fd, false)) {
    case 1:
        return KEEPER_OK;
    case 0:
        return KEEPER_FAILED;
    default:
        return KEEPER_GONE;
    }
}

/* One order and its reply. */
static enum keeper_result order(struct keeper *keeper, const struct keeper_order *wanted, int fd, struct keeper_placed *placed)
{
    struct keeper_reply reply;
    int none;

    if (keeper_wire_send(keeper->orders_fd, wanted, sizeof *wanted, fd, true) != 0
        || keeper_wire_receive(keeper->orders_fd, &reply, sizeof reply, &none, true) != 1) {
        *placed = (struct keeper_placed){.errno_value = ECHILD};
        return KEEPER_GONE;
    }
    *placed = reply.placed;
    return reply.result;
}

static enum keeper_result plain_order(struct keeper *keeper, enum keeper_order_kind kind, int fd)
{
    struct keeper_placed placed;

    return order(keeper, &(struct keeper_order){.kind = kind}, fd, &placed);
}

enum keeper_result keeper_begin(struct keeper *keeper)
{
    return plain_order(keeper, KEEPER_ORDER_BEGIN, -1);
}

enum keeper_result keeper_place(struct keeper *keeper, const char *new_name, unsigned how, struct keeper_placed *placed)
{
    struct keeper_order wanted = {.kind = KEEPER_ORDER_PLACE, .how = how};

    snprintf(wanted.name, sizeof wanted.name, "%s", new_name);
    return order(keeper, &wanted, -1, placed);
}

enum keeper_result keeper_lock(struct keeper *keeper, struct keeper_placed *placed)
{
    return order(keeper, &(struct keeper_order){.kind = KEEPER_ORDER_LOCK}, -1, placed);
}

void keeper_unlock(struct keeper *keeper, struct keeper_placed *placed)
{
    (void)order(keeper, &(struct keeper_order){.kind = KEEPER_ORDER_UNLOCK}, -1, placed);
}

void keeper_vouch(struct keeper *keeper)
{
    (void)plain_order(keeper, KEEPER_ORDER_VOUCH, -1);
}

enum keeper_result keeper_set_apache(struct keeper *keeper, int pidfd)
{
    return plain_order(keeper, KEEPER_ORDER_APACHE, pidfd);
}

enum keeper_result keeper_set_lock(struct keeper *keeper, enum apache_lock_kind kind, int fd)
{
    struct keeper_placed placed;

    return order(keeper, &(struct keeper_order){.kind = KEEPER_ORDER_APACHE_LOCK, .lock_kind = kind}, fd, &placed);
}

enum keeper_result keeper_signal_restart(struct keeper *keeper, int *errno_value)
{
    struct keeper_placed placed;
    enum keeper_result result = order(keeper, &(struct keeper_order){.kind = KEEPER_ORDER_RESTART}, -1, &placed);

    *errno_value = placed.errno_value;
    return result;
}
