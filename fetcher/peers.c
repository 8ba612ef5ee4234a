/* SPDX-License-Identifier: ISC */
#include "peers.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "schedule/fetcher_report.h"
#include "system/log.h"

/* Messages taken in one turn, so that neither channel keeps the network waiting. */
#define MESSAGES_PER_TURN 64

static const char *cert_added(struct peers *peers, const struct msg_cert_add *add, int fd)
{
    bool is_added = pool_add(peers->pool, add, fd, loop_now_sec());

    close(fd);
    if (is_added)
        watch_held(peers->watch, add->cert_no, false);
    return is_added ? NULL : "a certificate whose number is not the next one, or no memory for it";
}

static void lose_writer(struct peers *peers)
{
    loop_watch(peers->loop, LOOP_WRITER, peers->writer->fd, 0);
    ipc_close(peers->writer);
    watch_writer_gone(peers->watch);
}

/* The writer was started anew; fd, its channel, is taken over. */
static const char *meet_writer(struct peers *peers, int fd)
{
    if (peers->writer->fd >= 0)
        lose_writer(peers);
    ipc_init(peers->writer, fd, PARTY_FETCHER, PARTY_WRITER);
    peers->writer->state = MSG_STATE_RUN;
    return loop_watch(peers->loop, LOOP_WRITER, fd, LOOP_READABLE) == 0 ? NULL : "the writer's channel cannot be watched";
}

/* Returns NULL, or what is wrong. */
static const char *supervisor_said(struct peers *peers, const struct msg *msg, int fd)
{
    switch (msg->type) {
    case MSG_CERT_ADD:
        return cert_added(peers, &msg->cert_add, fd);
    case MSG_BEGIN:
        return watch_begin(peers->watch, &msg->begin) ? NULL : "what was begun is begun again";
    case MSG_CERT_DROP:
        watch_drop(peers->watch, msg->cert_drop.cert_no);
        return NULL;
    case MSG_REFRESH:
        watch_refresh(peers->watch, msg->refresh.cert_no);
        return NULL;
    case MSG_PEER:
        return meet_writer(peers, fd);
    default:
        return "a message out of place";
    }
}

static void supervisor_ready(void *owner, int channel, unsigned ready)
{
    struct peers *peers = owner;

    (void)channel;
    (void)ready;
    for (unsigned i = 0; i < MESSAGES_PER_TURN && !peers->loop->is_over; i++) {
        struct msg msg;
        int fd = -1;
        enum ipc_result result = ipc_receive(peers->supervisor, &msg, &fd, IPC_NOWAIT);
        const char *wrong = NULL;

        if (result == IPC_AGAIN)
            return;
        if (result == IPC_CLOSED) {
            loop_stop(peers->loop, 0);
            return;
        }
        if (result == IPC_OK)
            wrong = supervisor_said(peers, &msg, fd);
        else
            wrong = result == IPC_MALFORMED ? msg_result_text(peers->supervisor->refused) : strerror(errno);
        if (wrong != NULL) {
            log_error("the supervisor's channel: %s; the fetcher ends", wrong);
            loop_stop(peers->loop, 1);
        }
    }
}

static const char *writer_holds(struct peers *peers, const struct msg_answer *answer)
{
    const struct pool_entry *entry = pool_at(peers->pool, answer->cert_no);
    bool was_withdrawn = entry != NULL && (entry->held.state == CERT_STATE_REVOKED || entry->held.state == CERT_STATE_UNKNOWN);

    if (!pool_set_held(peers->pool, answer, watch_is_on(peers->watch)))
        return "an answer about a certificate that was answered for already";
    watch_held(peers->watch, answer->cert_no, was_withdrawn);
    return NULL;
}

/* A daemon's certificate may have been dropped since its offer. */
static const char *writer_answered(struct peers *peers, const struct msg_answer *answer)
{
    if (asking_answer(peers->asking, answer) || watch_is_on(peers->watch))
        return NULL;
    return "an answer to an offer that was not made";
}

static const char *writer_said(struct peers *peers, const struct msg *msg)
{
    const struct msg_answer *answer = &msg->answer;

    if (msg->type != MSG_ANSWER || answer->state >= CERT_STATE_COUNT)
        return "a message out of place";
    switch (answer->kind) {
    case ANSWER_HELD:
        return writer_holds(peers, answer);
    case ANSWER_ACCEPTED:
    case ANSWER_REFUSED:
        return writer_answered(peers, answer);
    default:
        return "an answer of a kind that does not exist";
    }
}

static void writer_ready(void *owner, int channel, unsigned ready)
{
    struct peers *peers = owner;

    (void)channel;
    (void)ready;
    for (unsigned i = 0; i < MESSAGES_PER_TURN && peers->writer->fd >= 0; i++) {
        struct msg msg;
        enum ipc_result result = ipc_receive(peers->writer, &msg, NULL, IPC_NOWAIT);
        const char *wrong = NULL;

        if (result == IPC_AGAIN)
            return;
        if (result == IPC_OK)
            wrong = writer_said(peers, &msg);
        else if (result != IPC_CLOSED)
            wrong = result == IPC_MALFORMED ? msg_result_text(peers->writer->refused) : strerror(errno);
        if (wrong != NULL)
            report_protocol_violation(wrong);
        if (wrong != NULL || result == IPC_CLOSED)
            lose_writer(peers);
    }
}

int peers_listen(struct peers *peers)
{
    loop_set_owner(peers->loop, LOOP_SUPERVISOR, peers, supervisor_ready, NULL);
    loop_set_owner(peers->loop, LOOP_WRITER, peers, writer_ready, NULL);
    if (loop_watch(peers->loop, LOOP_SUPERVISOR, peers->supervisor->fd, LOOP_READABLE) != 0)
        return -1;
    return loop_watch(peers->loop, LOOP_WRITER, peers->writer->fd, LOOP_READABLE);
}
