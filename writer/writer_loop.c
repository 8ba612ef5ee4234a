/* SPDX-License-Identifier: ISC */
#include "writer_loop.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "commit/commit_loop.h"
#include "offers/cert_intake.h"
#include "offers/offer_intake.h"
#include "report/writer_report.h"
#include "system/log.h"

/* Messages taken from the supervisor before the fetcher gets its turn. */
#define TURN_MESSAGES 256
/* Batches of offers taken at the end: a channel holds some hundred messages; a fetcher that lives on might go on talking. */
#define LAST_BATCHES 16

static bool take_gone(struct writer *writer, const char *name)
{
    struct changes *changes = &writer->offers.changes;

    changes->is_any = changes->is_urgent = true;
    return gone_add(&changes->gone, name);
}

/* The fetcher was started anew: it hears again what is held for each certificate, over its new channel (taken over). */
static void meet_fetcher(struct writer *writer, int fd)
{
    ipc_close(&writer->offers.fetcher);
    ipc_init(&writer->offers.fetcher, fd, PARTY_WRITER, PARTY_FETCHER);
    writer->offers.fetcher.state = MSG_STATE_RUN;
    for (uint32_t i = 0; i < roster_count(writer->offers.roster); i++) {
        const struct roster_entry *entry = roster_at(writer->offers.roster, i);

        if (!entry->is_dropped)
            answers_add(&writer->offers.answers, writer->offers.roster, i, ANSWER_HELD, entry->told.reason);
    }
}

/* What takes a keeper. */
static bool obey_about_apache(struct writer *writer, const struct msg *msg, int fd)
{
    switch (msg->type) {
    case MSG_APACHE:
        keeper_set_apache(writer->file.keeper, fd);
        return true;
    case MSG_APACHE_LOCK:
        if (msg->apache_lock.kind < APACHE_LOCK_KIND_COUNT)
            keeper_set_lock(writer->file.keeper, (enum apache_lock_kind)msg->apache_lock.kind, fd);
        return true;
    case MSG_RESTART:
        watch_restart(&writer->parts, msg->restart.request);
        return true;
    default:
        return false;
    }
}

/* *fd: what came with the message; -1 when it was taken over.  Returns false when the process must end. */
static bool obey(struct writer *writer, const struct msg *msg, int *fd)
{
    switch (msg->type) {
    case MSG_CERT_ADD:
        return told_cert(&writer->offers, &writer->access, &msg->cert_add, *fd, (int64_t)time(NULL));
    case MSG_CERT_GONE:
        return take_gone(writer, msg->cert_gone.name);
    case MSG_BEGIN:
        watch_begin(writer->commit_delay_msec);
        return true;
    case MSG_CERT_DROP:
        roster_drop(writer->offers.roster, msg->cert_drop.cert_no);
        return true;
    case MSG_PEER:
        meet_fetcher(writer, *fd);
        *fd = -1;
        return true;
    case MSG_RESUME:
        told_resume(&writer->offers, &writer->access, msg->resume.cert_no, (int64_t)time(NULL));
        return true;
    default:
        if (writer->file.keeper != NULL && obey_about_apache(writer, msg, *fd))
            return true;
        log_error("a message out of place from the supervisor: %s", msg_type_name(msg->type));
        return false;
    }
}

/* Returns false when the process is to end: *code says how. */
static bool take_from_supervisor(struct writer *writer, int *code)
{
    for (unsigned i = 0; i < TURN_MESSAGES; i++) {
        struct msg msg;
        int fd = -1;
        bool is_well;
        enum ipc_result result = ipc_receive(&writer->supervisor, &msg, &fd, IPC_NOWAIT);

        if (result == IPC_AGAIN)
            return true;
        *code = result == IPC_CLOSED ? EXIT_SUCCESS : EXIT_FAILURE;
        if (result == IPC_MALFORMED)
            log_error("a message from the supervisor: %s", msg_result_text(writer->supervisor.refused));
        if (result != IPC_OK)
            return false;
        is_well = obey(writer, &msg, &fd);
        if (fd >= 0)
            close(fd);
        if (!is_well)
            return false;
    }
    return true;
}

static void leave_fetcher(struct writer *writer, const char *why)
{
    if (why != NULL)
        report_event(EVENT_PROTOCOL_VIOLATION, CERT_NO_NONE, REASON_PROTOCOL,
            "a message from the fetcher: %s; its channel is closed", why);
    ipc_close(&writer->offers.fetcher);
}

/* As many offers as are there share one transaction.  Returns whether there may be more. */
static bool take_from_fetcher(struct writer *writer)
{
    static struct intake intake;
    static struct msg msg;
    enum ipc_result result = IPC_OK;

    intake_begin(&intake, &writer->offers, &writer->access, time(NULL));
    while (result == IPC_OK && !intake_is_full(&intake)) {
        result = ipc_receive(&writer->offers.fetcher, &msg, NULL, IPC_NOWAIT);
        if (result == IPC_OK && msg.type == MSG_OFFER)
            intake_offer(&intake, INTAKE_FETCHER, msg.offer.cert_no, msg.offer.der, msg.offer.der_len);
    }
    intake_end(&intake);
    if (result != IPC_OK && result != IPC_AGAIN)
        leave_fetcher(writer, result == IPC_MALFORMED ? msg_result_text(writer->offers.fetcher.refused) : NULL);
    return result == IPC_OK;
}

static void send_answers(struct writer *writer)
{
    enum ipc_result result;

    if (!answers_are_due(&writer->offers.answers))
        return;
    result = answers_send(&writer->offers.answers, writer->offers.roster, &writer->offers.fetcher);
    if (result != IPC_OK && result != IPC_AGAIN)
        leave_fetcher(writer, NULL);
}

/* What the fetcher has offered by now still counts. */
static void finish(struct writer *writer)
{
    for (unsigned i = 0; writer->offers.fetcher.fd >= 0 && i < LAST_BATCHES && take_from_fetcher(writer); i++)
        ;
    watch_end(&writer->parts);
}

int loop_run(struct writer *writer)
{
    int code = EXIT_SUCCESS;

    while (report_is_heard()) {
        struct pollfd polled[3] = {
            {writer->supervisor.fd, POLLIN, 0},
            {writer->offers.fetcher.fd, (short)(POLLIN | (answers_are_due(&writer->offers.answers) ? POLLOUT : 0)), 0},
            {writer->file.keeper == NULL ? -1 : keeper_fd(writer->file.keeper), POLLIN, 0},
        };

        if (poll(polled, 3, watch_wait_msec(&writer->parts)) < 0 && errno != EINTR)
            return EXIT_FAILURE;
        if (polled[2].revents != 0 && !watch_take_news(writer->file.keeper))
            return EXIT_FAILURE;
        if (polled[0].revents != 0 && !take_from_supervisor(writer, &code)) {
            finish(writer);
            return code;
        }
        if ((polled[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
            take_from_fetcher(writer);
        send_answers(writer);
        watch_tick(&writer->parts);
    }
    return EXIT_SUCCESS;
}
